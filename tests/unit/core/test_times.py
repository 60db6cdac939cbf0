"""Times as people type them; what is ambiguous or nonsense is refused with what to type instead."""

import pytest

from planaria.core.errors import UsageError
from planaria.core.instant import SECOND, Instant, rfc3339, shown
from planaria.core.times import parse_time

NOW = Instant(1_760_536_800 * SECOND)  # 2025-10-15T14:00:00Z
HOUR = 3600 * SECOND


@pytest.mark.parametrize(
    "text",
    [
        "2025-10-15T14:00:00Z",
        "2025-10-15t14:00:00z",
        "2025-10-15 14:00:00Z",
        "2025-10-15 14:00:00 UTC",
        "2025-10-15 14:00:00 utc",
        "2025-10-15 14:00 UTC",
        "2025-10-15T14:00Z",
        "2025-10-15T14:00:00.000000000Z",
        "2025-10-15T16:00:00+02:00",
        "2025-10-15 16:00 +0200",
        "2025-10-15T08:30:00-05:30",
        "2025-10-16T13:59:00+23:59",
        "  2025-10-15 14:00 UTC  ",
        "now",
        "NOW",
        "0s ago",
    ],
)
def test_every_form_of_one_instant(text: str) -> None:
    assert parse_time(text, NOW) == NOW


@pytest.mark.parametrize(
    ("fraction", "microseconds"), [("5", 500_000), ("25", 250_000), ("000001", 1), ("1234567", 123_456)]
)
def test_fractions_are_kept_to_the_microsecond_and_never_rounded_up(fraction: str, microseconds: int) -> None:
    assert parse_time(f"2025-10-15T14:00:00.{fraction}Z", NOW) == NOW + microseconds


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("2 hours ago", 2 * HOUR),
        ("2hours ago", 2 * HOUR),
        ("1 hour ago", HOUR),
        ("90s ago", 90 * SECOND),
        ("250ms ago", SECOND // 4),
        ("1h30m ago", 90 * 60 * SECOND),
        ("1 hour 30 minutes ago", 90 * 60 * SECOND),
        ("5 mins ago", 300 * SECOND),
        ("1 Day Ago", 24 * HOUR),
        ("2 weeks ago", 14 * 24 * HOUR),
        ("1.5 hours ago", HOUR + HOUR // 2),
    ],
)
def test_how_long_ago(text: str, microseconds: int) -> None:
    assert parse_time(text, NOW) == NOW - microseconds


@pytest.mark.parametrize("instant", [NOW, Instant(NOW + 250_000), Instant(0)])
def test_what_is_shown_can_be_typed(instant: Instant) -> None:
    assert parse_time(shown(instant), NOW) == instant
    assert parse_time(rfc3339(instant), NOW) == instant


@pytest.mark.parametrize("text", ["2025-10-15 14:00:00", "2025-10-15T14:00", "2025-10-15 14:00:00.25"])
def test_a_time_without_a_zone_is_refused_and_the_hint_is_that_time_in_utc(text: str) -> None:
    with pytest.raises(UsageError, match="has no zone") as caught:
        parse_time(text, NOW)
    assert caught.value.status == 2
    assert f"'{text} UTC'" in (caught.value.hint or "")
    parse_time(f"{text} UTC", NOW)
    parse_time(f"{text}+02:00", NOW)


@pytest.mark.parametrize("text", ["2025-10-15", "2025-10-15 UTC"])
def test_a_day_is_not_a_time(text: str) -> None:
    with pytest.raises(UsageError, match="is a day, not a time") as caught:
        parse_time(text, NOW)
    assert "'2025-10-15 00:00 UTC'" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2025-02-30 14:00 UTC", "no such time"),
        ("2025-02-29 14:00 UTC", "no such time"),
        ("2025-02-30 14:00", "no such time"),
        ("2025-13-01 14:00 UTC", "no such time"),
        ("2025-10-15 24:00 UTC", "no such time"),
        ("2025-10-15T23:59:60Z", "no such time"),
        ("0000-01-01 00:00 UTC", "no such time"),
        ("0001-01-01T00:00:00+23:59", "is not from 1970"),
        ("1969-12-31 23:59 UTC", "is not from 1970"),
        ("1970-01-01T00:00:00+01:00", "before 1970"),
        ("9999-12-31T23:59:59-23:59", "is not from 1970 to 2999"),
        ("2025-10-15T14:00:00+24:00", "no offset"),
        ("2025-10-15T14:00:00+01:60", "no offset"),
        ("5000w ago", "before 1970"),
        ("2 months ago", "how long ago"),
        ("1 year ago", "how long ago"),
        ("-1h ago", "how long ago"),
        ("ago", "how long ago"),
        ("hours ago", "how long ago"),
        ("two hours ago", "how long ago"),
        ("٢ hours ago", "how long ago"),
        ("99999999999999 hours ago", "how long ago"),
        ("2025-10-15 14:00 CET", "is not a time"),
        ("２025-10-15 14:00 UTC", "is not a time"),
        ("15.10.2025 14:00 UTC", "is not a time"),
        ("20251015T140000Z", "is not a time"),
        ("1760536800", "is not a time"),
        ("in 2 hours", "is not a time"),
        ("", "is not a time"),
        ("9" * 100_000, "is not a time"),
        ("9" * 100_000 + " hours ago", "is not a time"),
    ],
)
def test_nonsense_is_a_usage_error_with_a_hint(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        parse_time(text, NOW)
    assert caught.value.hint
    assert len(caught.value.message) < 160
