"""Five-field cron lines, checked for form here; when they fire is the scheduler's affair."""

import re
from typing import Annotated

from pydantic import AfterValidator

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: tuple[tuple[str, int, int, list[str]], ...] = (
    ("minute", 0, 59, []),
    ("hour", 0, 23, []),
    ("day of month", 1, 31, []),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
)
_PART = re.compile(r"(?:\*|([0-9]{1,2}|[a-z]{3})(?:-([0-9]{1,2}|[a-z]{3}))?)(?:/([0-9]{1,2}))?")


def checked(text: str) -> str:
    """`text` itself, if it is a five-field cron line that can ever fire. Raises ValueError."""
    fields = text.split()
    if len(fields) != 5:
        raise ValueError("must have five fields: minute, hour, day of month, month, day of week, as in '0 2 * * *'")
    values = [_values(field, *meaning) for field, meaning in zip(fields, _FIELDS, strict=True)]
    _, _, days, months, _ = values
    longest = max(29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31 for month in months)
    if fields[4] == "*" and min(days) > longest:
        raise ValueError("never fires: no month it names has that day")
    return text


def _values(field: str, name: str, low: int, high: int, words: list[str]) -> set[int]:
    values: set[int] = set()
    for part in field.lower().split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"the field '{name}' is not understood: write *, 5, 1-5, */10 or a list of them")
        if match[1] is None:
            first, last = low, high
        else:
            first = _number(match[1], name, low, high, words)
            last = _number(match[2], name, low, high, words) if match[2] else high if match[3] else first
        step = int(match[3] or 1)
        if first > last or step == 0:
            raise ValueError(f"the field '{name}' names no value: {part}")
        values.update(range(first, last + 1, step))
    return values


def _number(text: str, name: str, low: int, high: int, words: list[str]) -> int:
    if text in words:
        return words.index(text) + low
    if not text.isdecimal() or not low <= int(text) <= high:
        raise ValueError(f"the field '{name}' goes from {low} to {high}")
    return int(text)


Schedule = Annotated[str, AfterValidator(checked)]
