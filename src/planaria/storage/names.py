"""What an object may be called: safe as a file, as an object key and in a log line."""

import re

MAXIMUM = 512
_SEGMENT = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}"
"""At most 255 bytes: what file systems take."""
_NAME = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*")


def is_name(name: str) -> bool:
    return len(name) <= MAXIMUM and _NAME.fullmatch(name) is not None


def validate(name: str) -> str:
    """The name itself. Raises ValueError: a wrong name is our bug, never the user's."""
    if not is_name(name):
        raise ValueError(f"not an object name: {name!r}")
    return name
