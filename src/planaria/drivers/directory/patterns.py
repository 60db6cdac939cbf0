"""Globs over paths: `*` and `?` stay inside a name, `**` crosses directories. Pure.

A pattern with a `/` inside counts from the top of the tree; one without matches a name at any depth. Whatever matches a
directory matches all below it.
"""

import re
from collections.abc import Callable, Iterable

Matches = Callable[[str], bool]

_TOKENS = re.compile(r"(\*\*/|\*\*|\*|\?|\[!?[^]/]+\])")
_MEANS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def matcher(patterns: Iterable[str]) -> Matches:
    """Does any of `patterns` match a path? Without patterns nothing does. Raises ValueError."""
    parts = [_expression(pattern) for pattern in patterns]
    if not parts:
        return lambda _: False
    whole = re.compile("(?:" + "|".join(parts) + ")(?:/.*)?", re.DOTALL)
    return lambda path: whole.fullmatch(path) is not None


def _expression(pattern: str) -> str:
    text = pattern.strip("/")
    if not text:
        raise ValueError(f"{pattern!r} matches nothing")
    anywhere = "" if "/" in pattern.rstrip("/") else "(?:.*/)?"
    expression = anywhere + "".join(_means(token) for token in _TOKENS.split(text))
    try:
        re.compile(expression)
    except re.error:
        raise ValueError(f"{pattern!r} is not a pattern") from None
    return expression


def _means(token: str) -> str:
    if token in _MEANS:
        return _MEANS[token]
    if len(token) > 2 and token.startswith("["):
        inside = token[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        return "[" + ("^/" + inside[1:] if inside.startswith("!") else inside) + "]"
    return re.escape(token)
