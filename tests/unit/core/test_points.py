"""Recovery points as people type them."""

import pytest

from planaria.core.errors import UsageError
from planaria.core.instant import SECOND, Instant
from planaria.core.points import (
    AtBase,
    AtMarker,
    AtTime,
    DriverPoint,
    Latest,
    Point,
    parse_point,
    shown_point,
)

NOW = Instant(1_760_536_800 * SECOND)

POINTS = [
    ("latest", Latest()),
    ("marker:20251015T140000.000000Z-0a1b", AtMarker("20251015T140000.000000Z-0a1b")),
    ("base:20251015", AtBase("20251015")),
    ("lsn:0/3000060", DriverPoint("lsn", "0/3000060")),
    ("xid:731", DriverPoint("xid", "731")),
    ("name:before migration: 7", DriverPoint("name", "before migration: 7")),
    ("offset:8a31:4711", DriverPoint("offset", "8a31:4711")),
    ("2025-10-15 14:00:00Z", AtTime(NOW)),
]


@pytest.mark.parametrize(("text", "point"), POINTS)
def test_a_point_is_understood_and_shown_as_it_was_typed(text: str, point: Point) -> None:
    assert parse_point(text, NOW) == point
    assert shown_point(point) == text


@pytest.mark.parametrize(
    ("text", "point"),
    [
        (" LATEST ", Latest()),
        ("LSN: 0/3000060", DriverPoint("lsn", "0/3000060")),
        ("now", AtTime(NOW)),
        ("Now", AtTime(NOW)),
        ("2 hours ago", AtTime(Instant(NOW - 7200 * SECOND))),
    ],
)
def test_case_and_spaces_do_not_matter(text: str, point: Point) -> None:
    assert parse_point(text, NOW) == point


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lns:0/3000060", "no kind of recovery point 'lns:'; did you mean 'lsn:'"),
        ("markers:abc", "did you mean 'marker:'"),
        ("zzz:abc", "no kind of recovery point 'zzz:'$"),
        ("lastest", "did you mean 'latest'"),
        ("base:", "names no recovery point"),
        ("base:   ", "names no recovery point"),
        ("base:a\x1b[2Jb", "names no recovery point"),
        ("name:" + "x" * 1000, "names no recovery point"),
        ("yesterday", "is not a time"),
        ("2025-10-15 14:00", "has no zone"),
        ("x" * 100_000 + ":", "is not a time"),
    ],
)
def test_what_is_no_point_is_a_usage_error_with_a_hint(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        parse_point(text, NOW)
    assert caught.value.status == 2
    assert caught.value.hint
    assert len(caught.value.message) < 160


def test_an_unknown_kind_lists_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        parse_point("zzz:1", NOW)
    assert caught.value.hint == "known: base, lsn, marker, name, offset, xid"
