"""Every instant, written in every form, is read as itself; no text breaks the parsers."""

from collections.abc import Callable
from datetime import timedelta, timezone
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from planaria.core.errors import UsageError
from planaria.core.instant import SECOND, Instant, rfc3339, shown, to_datetime
from planaria.core.points import parse_point, shown_point
from planaria.core.times import parse_time

NOW = Instant(1_760_536_800 * SECOND)
LAST = 32_503_680_000 * SECOND - 1  # of the year 2999
INSTANTS = st.integers(86_400 * SECOND, LAST - 86_400 * SECOND).map(Instant)
Read = TypeVar("Read")
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59)


@given(INSTANTS)
def test_what_machines_write_is_read_exactly(instant: Instant) -> None:
    assert parse_time(rfc3339(instant), NOW) == instant


@given(INSTANTS)
def test_what_people_are_shown_is_read_to_the_millisecond(instant: Instant) -> None:
    assert parse_time(shown(instant), NOW) == instant - instant % 1000


@given(INSTANTS, OFFSETS, st.sampled_from(["T", " "]))
def test_the_same_instant_in_any_zone(instant: Instant, minutes: int, between: str) -> None:
    there = to_datetime(instant).astimezone(timezone(timedelta(minutes=minutes)))
    assert parse_time(there.isoformat(between), NOW) == instant


@given(st.integers(0, 10**8), st.sampled_from([("s", 1), (" minutes", 60), ("h", 3600), (" days", 86_400)]))
def test_how_long_ago_is_exact(count: int, unit: tuple[str, int]) -> None:
    name, seconds = unit
    if count * seconds * SECOND <= NOW:
        assert parse_time(f"{count}{name} ago", NOW) == NOW - count * seconds * SECOND


ALMOST = st.text(alphabet="0123456789-:.+TZtz UTCago smhdw٣", max_size=40)
WORDS = st.lists(st.sampled_from(["2025-10-15", "14:00", "Z", "UTC", "ago", "2", "hours", " ", "lsn:", "latest"]))


@given(st.text() | ALMOST | WORDS.map("".join) | WORDS.map(" ".join))
def test_any_text_is_a_time_and_a_point_or_a_short_usage_error_with_a_hint(text: str) -> None:
    time = attempt(parse_time, text)
    point = attempt(parse_point, text)
    for refusal in (time, point):
        if isinstance(refusal, UsageError):
            assert refusal.hint
            assert len(refusal.message) < 1000
    if not isinstance(time, UsageError):
        assert 0 <= time <= LAST + 86_400 * SECOND
    if not isinstance(point, UsageError):
        parse_point(shown_point(point), NOW)


def attempt(parse: Callable[[str, Instant], Read], text: str) -> Read | UsageError:
    try:
        return parse(text, NOW)
    except UsageError as error:
        return error
