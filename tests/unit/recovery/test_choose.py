"""From the point that was asked for to a base and an end of its journal, or a refusal that helps."""

from dataclasses import replace

import pytest

from planaria.core.base import BaseFacts
from planaria.core.errors import PlanariaError, PointUnreachable, UnknownName, UsageError
from planaria.core.instant import SECOND, Instant, shown
from planaria.core.points import AtBase, AtMarker, AtTime, DriverPoint, Latest, Point, parse_point
from planaria.core.position import Position
from planaria.core.windows import Span
from planaria.recovery.choose import choose
from planaria.recovery.known import Known
from planaria.repository.bases import BaseRecord
from planaria.repository.journal_catalogue import Catalogue
from tests.support.clocks import START

NOW = Instant(START + 3600 * SECOND)


def at(seconds: float) -> Instant:
    return Instant(START + round(seconds * SECOND))


def base(id: str, seconds: float, offset: int | None, lineage: str = "a") -> BaseRecord:
    positions = {} if offset is None else {"main": Position(lineage, offset)}
    moment = at(seconds)
    facts = BaseFacts(positions, moment, {}, {})
    return BaseRecord(
        id, f"redis/bases/{id}", "redis", "redis", moment, moment, facts, (), 1, 1, 1, 1, 1, None, f"digest {id}"
    )


def span(begin: int, end: int, first: float, last: float, lineage: str = "a", reason: str = "") -> Span:
    return Span(lineage, begin, end, at(first), at(last), True, reason)


def known(*bases: BaseRecord, spans: tuple[Span, ...] = ()) -> Known:
    return Known("redis", bases, Catalogue((), (), ()), {"main": spans} if spans else {}, ())


FOLLOWED = known(base("b1", 0, 100), base("b2", 60, 200), spans=(span(100, 300, 0, 100),))
GAPPED = known(
    base("b1", 0, 100), base("b2", 200, 900, "b"), spans=(span(100, 300, 0, 100), span(900, 950, 200, 300, "b"))
)


def test_the_newest_base_before_an_instant_is_chosen_and_older_ones_stand_by() -> None:
    choice = choose(AtTime(at(80)), FOLLOWED, NOW)
    assert (choice.base.id, choice.until, choice.reached_at) == ("b2", at(80), at(80))
    assert [one.id for one in choice.instead] == ["b1"]


def test_the_instant_of_a_base_needs_no_journal() -> None:
    choice = choose(AtTime(at(60)), FOLLOWED, NOW)
    assert (choice.base.id, choice.until) == ("b2", None)


def test_latest_is_the_end_of_the_journal_as_it_is_now() -> None:
    choice = choose(Latest(), FOLLOWED, NOW)
    assert (choice.until, choice.reached_at) == ({"main": Position("a", 300)}, at(100))
    assert {choice.base.id, *(one.id for one in choice.instead)} == {"b1", "b2"}


def test_latest_follows_the_history_that_goes_furthest() -> None:
    choice = choose(Latest(), GAPPED, NOW)
    assert (choice.base.id, choice.until, choice.instead) == ("b2", {"main": Position("b", 950)}, ())


@pytest.mark.parametrize("seconds", [100.5, 150, 199.9])
def test_an_instant_in_a_gap_is_refused_with_both_its_ends(seconds: float) -> None:
    with pytest.raises(PointUnreachable, match="lies in a gap: no journal was kept") as caught:
        choose(AtTime(at(seconds)), GAPPED, NOW)
    assert f"'{shown(at(100))}' or '{shown(at(200))}'" in (caught.value.hint or "")


@pytest.mark.parametrize("seconds", [-1, 300.5])
def test_an_instant_outside_every_window_is_refused(seconds: float) -> None:
    with pytest.raises(PointUnreachable, match="outside every window"):
        choose(AtTime(at(seconds)), GAPPED, NOW)


def test_the_future_is_refused_with_the_time_it_is() -> None:
    with pytest.raises(PointUnreachable, match="in the future") as caught:
        choose(AtTime(Instant(NOW + 1)), FOLLOWED, NOW)
    assert shown(NOW) in (caught.value.hint or "")


@pytest.mark.parametrize("micro", [0, 1, 499, 999])
def test_what_a_refusal_suggests_can_be_typed_and_is_reached(micro: int) -> None:
    """Shown instants have milliseconds; the ends of windows have microseconds."""
    moved = micro / 1_000_000
    of = known(
        base("b1", 1 + moved, 100),
        base("b2", 200 + moved, 900, "b"),
        spans=(span(100, 300, 1 + moved, 100 + moved), span(900, 950, 200 + moved, 300 + moved, "b")),
    )
    for seconds in (0.0, 150.0, 350.0):
        with pytest.raises(PointUnreachable) as caught:
            choose(AtTime(at(seconds)), of, NOW)
        suggested = (caught.value.hint or "").partition("reached: ")[2].partition(";")[0]
        for text in suggested.split(" or "):
            assert choose(parse_point(text.strip("'"), NOW), of, NOW)


def test_a_window_shorter_than_what_is_shown_is_suggested_as_its_base() -> None:
    of = known(base("b1", 10.000_5, 100), spans=())
    with pytest.raises(PointUnreachable, match="outside") as caught:
        choose(AtTime(at(20)), of, NOW)
    assert "base:b1" in (caught.value.hint or "")


def test_without_a_journal_the_newest_base_before_the_instant_is_taken() -> None:
    of = known(base("b1", 0, None), base("b2", 60, None))
    choice = choose(AtTime(at(90)), of, NOW)
    assert (choice.base.id, choice.until, choice.reached_at, choice.instead) == ("b2", None, at(60), ())
    assert choose(AtTime(at(59)), of, NOW).base.id == "b1"
    with pytest.raises(PointUnreachable):
        choose(AtTime(at(-1)), of, NOW)


def test_an_offset_is_reached_from_the_newest_base_before_it() -> None:
    choice = choose(DriverPoint("offset", "250"), FOLLOWED, NOW)
    assert (choice.base.id, choice.until) == ("b2", {"main": Position("a", 250)})
    assert choose(DriverPoint("offset", "a:150"), FOLLOWED, NOW).base.id == "b1"
    for value in ("301", "b:150", "99"):
        with pytest.raises(PointUnreachable):
            choose(DriverPoint("offset", value), FOLLOWED, NOW)


@pytest.mark.parametrize(
    ("point", "error"),
    [
        (AtBase("nothing"), UnknownName),
        (AtBase("b"), UsageError),
        (DriverPoint("offset", "x"), UsageError),
        (DriverPoint("lsn", "0/1"), UsageError),
        (AtMarker("m"), UsageError),
    ],
)
def test_points_that_this_component_does_not_have(point: Point, error: type[PlanariaError]) -> None:
    with pytest.raises(error) as caught:
        choose(point, FOLLOWED, NOW)
    assert caught.value.hint


def test_a_base_is_found_by_the_beginning_of_its_id_and_brings_no_journal() -> None:
    choice = choose(AtBase("b2"), FOLLOWED, NOW)
    assert (choice.base.id, choice.until, choice.reached_at) == ("b2", None, at(60))


def test_without_any_base_the_refusal_names_the_verb_and_the_damage() -> None:
    from planaria.core.errors import DamagedData

    with pytest.raises(PointUnreachable, match="there is no base of redis") as caught:
        choose(Latest(), known(), NOW)
    assert caught.value.hint == "planaria backup redis"
    damaged = replace(known(), damage=(DamagedData("b9 is damaged", object_name="b9"),))
    with pytest.raises(PointUnreachable, match="b9 is damaged"):
        choose(Latest(), damaged, NOW)
