"""What an object may be called: safe as a file, as an object key and in a log line."""

import re

MAXIMUM = 512
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


def validate(name: str) -> str:
    """The name itself. Raises ValueError: a wrong name is our bug, never the user's."""
    if len(name) > MAXIMUM or not _NAME.fullmatch(name):
        raise ValueError(f"not an object name: {name!r}")
    return name
