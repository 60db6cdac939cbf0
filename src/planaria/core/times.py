"""Times as people type them. One without a zone is refused: at 3 a.m. nobody should guess which."""

import re
from datetime import UTC, datetime, timedelta

from planaria.core.errors import UsageError
from planaria.core.instant import SECOND, Instant, from_datetime
from planaria.core.nearest import cut
from planaria.core.quantities import duration

FORMS = "write 2025-10-15T14:00:00Z, '2025-10-15 14:00 UTC', '2 hours ago', or now"
_YEARS = range(1970, 3000)

_DATE = r"(?P<date>\d{4}-\d{2}-\d{2})"
_CLOCK = r"(?P<hours>\d{2}):(?P<minutes>\d{2})(?::(?P<seconds>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
_ZONE = r"(?P<zone>z|utc|(?P<sign>[+-])(?P<offset_hours>\d{2}):?(?P<offset_minutes>\d{2}))"
_TIME = re.compile(rf"{_DATE}(?:(?:t| ){_CLOCK})? ?{_ZONE}?", re.ASCII)
_WORDS = {"weeks?": "w", "days?": "d", "hours?|hrs?": "h", "minutes?|mins?": "m", "seconds?|secs?": "s"}


def parse_time(text: str, now: Instant) -> Instant:
    """RFC 3339, `2025-10-15 14:00 UTC`, `2 hours ago`, `90s ago`, `now`. Raises UsageError.

    Digits of a fraction beyond microseconds are dropped.
    """
    plain = text.strip().lower()
    if plain == "now":
        return now
    if plain.endswith("ago"):
        return _ago(plain.removesuffix("ago").strip(), text, now)
    match = _TIME.fullmatch(plain)
    if match is None:
        raise UsageError(f"{cut(text)!r} is not a time", hint=FORMS)
    return _absolute(match, text.strip())


def _ago(plain: str, text: str, now: Instant) -> Instant:
    for words, unit in _WORDS.items():
        plain = re.sub(words, unit, plain)
    try:
        seconds = duration(plain)
    except ValueError:
        raise UsageError(
            f"{cut(text)!r} is not a time: how long ago is not understood",
            hint="write '2 hours ago', '90s ago' or '1 d 12 h ago'; a month or a year has no fixed length",
        ) from None
    return _since_1970(now - round(seconds * SECOND), text)


def _absolute(match: re.Match[str], text: str) -> Instant:
    part = match.groupdict()
    clock = f"{part['hours'] or '00'}:{part['minutes'] or '00'}:{part['seconds'] or '00'}.{part['fraction'] or '0'}"
    try:
        moment = datetime.fromisoformat(f"{part['date']}T{clock}").replace(tzinfo=UTC)
    except ValueError:
        raise UsageError(
            f"there is no such time as {text!r}", hint="check the day of the month, and hours and minutes"
        ) from None
    if moment.year not in _YEARS:
        raise UsageError(f"the year of {text!r} is not from {_YEARS[0]} to {_YEARS[-1]}", hint=FORMS)
    if part["hours"] is None:
        hint = f"write '{part['date']} 00:00 UTC' for its first second"
        raise UsageError(f"{text!r} is a day, not a time", hint=hint)
    if part["zone"] is None:
        hint = f"write '{text} UTC' if it is UTC, else its offset, as in '{text}+02:00'"
        raise UsageError(f"the time {text!r} has no zone", hint=hint)
    return _since_1970(from_datetime(moment) - _offset(part, text), text)


def _since_1970(microseconds: int, text: str) -> Instant:
    if microseconds < 0:
        raise UsageError(f"{cut(text)!r} is before 1970", hint=FORMS)
    return Instant(microseconds)


def _offset(part: dict[str, str | None], text: str) -> int:
    """Microseconds east of UTC."""
    if part["sign"] is None:
        return 0
    hours, minutes = int(part["offset_hours"] or 0), int(part["offset_minutes"] or 0)
    if hours > 23 or minutes > 59:
        raise UsageError(f"the offset of {text!r} is no offset from UTC", hint="it goes from -23:59 to +23:59")
    east = timedelta(hours=hours, minutes=minutes) // timedelta(microseconds=1)
    return -east if part["sign"] == "-" else east
