"""Windows and gaps: what can be reached, what cannot, and why. Instants are small numbers here."""

from collections.abc import Mapping, Sequence

import pytest

from planaria.core.instant import Instant
from planaria.core.position import Position
from planaria.core.windows import (
    CLOCK_BACK,
    RIVALS,
    UNKNOWN,
    BasePoint,
    Gap,
    Span,
    Window,
    beside,
    candidates,
    end_of,
    intersection,
    merged,
    reach,
    union,
    without,
)


def span(
    begin: int,
    end: int,
    first: int,
    last: int,
    *,
    exact: bool = True,
    reason: str = "",
    lineage: str = "a",
    moved: tuple[int, int] | None = None,
) -> Span:
    arrivals = (Instant(moved[0]), Instant(moved[1])) if moved else None
    return Span(lineage, begin, end, Instant(first), Instant(last), exact, reason, arrivals)


def base(at: int, offset: int, *, lineage: str = "a", id: str = "base", broke: str = "") -> BasePoint:
    return BasePoint(id, Instant(at), {"main": Position(lineage, offset)}, {"main": broke} if broke else {})


def windows(bases: Sequence[BasePoint], spans: Mapping[str, Sequence[Span]]) -> list[tuple[int, int]]:
    found = reach(bases, {stream: merged(own) for stream, own in spans.items()})
    return [(one.first, one.last) for one in found.windows]


def gaps(bases: Sequence[BasePoint], spans: Sequence[Span]) -> list[Gap]:
    return list(reach(bases, {"main": merged(spans)}).gaps)


def test_nothing_is_reached_without_a_base() -> None:
    assert windows([], {"main": [span(0, 10, 1, 9)]}) == []


def test_a_base_without_a_journal_is_reached_at_its_own_instant_only() -> None:
    assert windows([base(5, 100)], {}) == [(5, 5)]
    assert windows([BasePoint("b", Instant(5), {})], {}) == [(5, 5)]


def test_a_journal_that_goes_on_from_a_base_is_reached_from_the_bases_instant() -> None:
    assert windows([base(5, 100)], {"main": [span(90, 200, 0, 10), span(200, 300, 10, 20)]}) == [(5, 20)]


def test_a_journal_that_begins_behind_the_base_is_not_reached() -> None:
    assert windows([base(5, 100)], {"main": [span(101, 200, 6, 10)]}) == [(5, 5)]


def test_a_hole_in_the_bytes_ends_what_is_reached_whatever_comes_behind() -> None:
    assert windows([base(5, 100)], {"main": [span(100, 150, 5, 8), span(151, 200, 8, 20)]}) == [(5, 8)]


def test_quiet_time_at_the_bases_position_is_reached() -> None:
    assert windows([base(5, 100)], {"main": [span(50, 100, 0, 8), span(100, 100, 8, 30)]}) == [(5, 30)]


def test_late_bytes_are_a_gap_that_says_why() -> None:
    spans = [span(0, 10, 0, 10), span(10, 20, 10, 15, exact=False, reason="the link was cut")]
    spans.append(span(20, 30, 15, 30, reason="the link was cut"))
    assert windows([base(0, 0)], {"main": spans}) == [(0, 10), (15, 30)]
    assert gaps([base(0, 0)], spans) == [Gap(Instant(10), Instant(15), "the link was cut")]


def test_a_gap_of_two_causes_says_both_in_the_order_of_time() -> None:
    spans = [
        span(0, 10, 0, 10),
        span(10, 20, 12, 15, exact=False, reason="away"),
        span(20, 20, 15, 18, exact=False, reason="late"),
        span(20, 30, 20, 30, reason="late"),
    ]
    assert gaps([base(0, 0)], spans) == [Gap(Instant(10), Instant(20), "away; late")]


def test_a_gap_without_a_reason_says_that_no_journal_was_kept() -> None:
    found = gaps([base(0, 0), base(20, 500, id="later")], [span(0, 10, 0, 10)])
    assert found == [Gap(Instant(10), Instant(20), UNKNOWN)]


def test_a_new_base_says_why_the_journal_before_it_broke() -> None:
    found = gaps([base(0, 0), base(20, 500, lineage="b", broke="backlog lost")], [span(0, 10, 0, 10)])
    assert found == [Gap(Instant(10), Instant(20), "backlog lost")]


def test_reasons_of_other_times_are_not_given() -> None:
    spans = [span(0, 10, 0, 10), span(10, 20, 12, 20, reason="first"), span(20, 30, 22, 30, reason="second")]
    assert [gap.reason for gap in gaps([base(0, 0)], spans)] == ["first", "second"]


def test_a_clock_set_back_makes_the_repeated_instants_unreachable() -> None:
    spans = [span(0, 100, 0, 60), span(100, 200, 40, 90, reason="the clock went back by 20 s")]
    assert windows([base(0, 0)], {"main": spans}) == [(0, 40), (60, 90)]
    assert CLOCK_BACK in gaps([base(0, 0)], spans)[0].reason


def test_a_clock_set_back_several_times_is_seen_through_all_of_them() -> None:
    spans = [span(0, 100, 0, 60), span(100, 200, 50, 55, reason="back"), span(200, 300, 20, 80, reason="back")]
    assert windows([base(0, 0)], {"main": spans}) == [(0, 20), (60, 80)]


def test_a_clock_set_back_while_nothing_moved_repeats_nothing() -> None:
    """The state was the same both times."""
    spans = [span(100, 100, 0, 60), span(100, 100, 30, 90, reason="the clock went back by 30 s")]
    assert windows([base(0, 100)], {"main": spans}) == [(0, 90)]


def test_bytes_that_came_in_the_repeated_quiet_time_make_it_ambiguous() -> None:
    quiet, again = span(100, 100, 10, 60), span(100, 150, 5, 70, reason="back", moved=(20, 65))
    assert windows([base(0, 100)], {"main": [quiet, again]}) == [(0, 0), (5, 20), (60, 70)]


def test_a_base_taken_in_repeated_time_is_no_instant_to_choose() -> None:
    spans = [span(0, 100, 0, 60), span(100, 200, 40, 90, reason="back")]
    assert windows([base(50, 150)], {"main": spans}) == [(60, 90)]


def test_two_followers_side_by_side_are_no_clock_set_back() -> None:
    first = [span(0, 100, 0, 10, moved=(1, 9)), span(100, 200, 10, 20, moved=(11, 19))]
    second = [span(50, 150, 4, 14, moved=(5, 13)), span(150, 250, 14, 24, moved=(14, 23))]
    assert windows([base(0, 0)], {"main": [*first, *second]}) == [(0, 24)]


def test_two_followers_of_a_silent_source_are_no_clock_set_back() -> None:
    beats = [span(100, 100, at, at + 5) for at in range(0, 50, 5)] + [
        span(100, 100, at, at + 5) for at in range(2, 42, 5)
    ]
    assert windows([base(0, 100)], {"main": beats}) == [(0, 50)]


def test_a_second_follower_that_takes_over_from_silence_is_no_clock_set_back() -> None:
    first = span(0, 100, 0, 50, moved=(1, 10))
    second = [
        span(100, 100, 20, 22, exact=False, reason="began"),
        span(100, 180, 22, 90, reason="began", moved=(55, 80)),
    ]
    assert windows([base(0, 0)], {"main": [first, *second]}) == [(0, 90)]


def test_a_second_follower_fills_the_gap_of_the_first() -> None:
    first = [
        span(0, 100, 0, 10),
        span(100, 300, 10, 30, exact=False, reason="cut"),
        span(300, 400, 30, 40, reason="cut"),
    ]
    second = [span(50, 350, 5, 35, moved=(5, 34))]
    assert windows([base(0, 0)], {"main": [*first, *second]}) == [(0, 40)]


def test_lineages_are_apart_and_each_needs_its_own_base() -> None:
    spans = [span(0, 100, 0, 10), span(0, 100, 20, 30, lineage="b")]
    assert windows([base(0, 0)], {"main": spans}) == [(0, 10)]
    assert windows([base(0, 0), base(20, 0, lineage="b", id="b")], {"main": spans}) == [(0, 10), (20, 30)]


def test_two_histories_at_once_are_ambiguous_while_both_last() -> None:
    spans = [span(0, 100, 0, 50), span(0, 100, 30, 80, lineage="b")]
    both = [base(0, 0), base(30, 0, lineage="b", id="b")]
    assert windows(both, {"main": spans}) == [(0, 30), (50, 80)]
    assert gaps(both, spans) == [Gap(Instant(30), Instant(50), RIVALS)]


def test_several_streams_reach_only_what_all_of_them_reach() -> None:
    both = BasePoint("b", Instant(0), {"one": Position("a", 0), "two": Position("c", 0)})
    spans = {
        "one": [span(0, 50, 0, 40)],
        "two": [
            span(0, 5, 0, 10, lineage="c"),
            span(5, 6, 10, 20, lineage="c", exact=False, reason="cut"),
            span(6, 9, 20, 60, lineage="c"),
        ],
    }
    assert windows([both], spans) == [(0, 10), (20, 40)]


def test_a_stream_without_a_journal_leaves_the_base_alone() -> None:
    both = BasePoint("b", Instant(5), {"one": Position("a", 0), "two": Position("c", 0)})
    assert windows([both], {"one": [span(0, 50, 5, 40)]}) == [(5, 5)]


def test_candidates_are_the_bases_that_reach_the_newest_first() -> None:
    spans = {"main": merged([span(0, 100, 0, 50)])}
    bases = [base(0, 0, id="old"), base(20, 40, id="new"), base(45, 90, id="later"), base(10, 500, id="elsewhere")]
    assert [one.id for one in candidates(Instant(30), bases, spans)] == ["new", "old"]
    assert candidates(Instant(51), bases, spans) == []


def test_the_end_of_a_journal_is_its_last_byte_and_the_last_quiet_instant_there() -> None:
    spans = merged([span(0, 100, 0, 10), span(100, 100, 10, 25), span(200, 300, 30, 40)])
    assert end_of(Position("a", 50), spans) == (Position("a", 100), Instant(25))
    assert end_of(Position("b", 50), spans) == (Position("b", 50), None)


def test_spans_that_go_on_are_merged_across_what_another_follower_wrote() -> None:
    mine = [span(0, 10, 0, 5, moved=(1, 4)), span(10, 10, 5, 7), span(10, 30, 7, 9, moved=(8, 9))]
    other = [span(5, 20, 2, 6, moved=(3, 5))]
    assert merged([*mine, *other]) == [span(0, 30, 0, 9, moved=(1, 9)), *other]


def test_spans_with_a_break_between_are_not_merged() -> None:
    for second in (
        span(10, 20, 6, 8),
        span(11, 20, 5, 8),
        span(10, 20, 5, 8, reason="x"),
        span(10, 20, 5, 8, exact=False),
    ):
        assert len(merged([span(0, 10, 0, 5), second])) == 2
    assert len(merged([span(0, 10, 0, 5, lineage="b"), span(10, 20, 5, 8)])) == 2


def test_late_spans_are_merged_while_they_are_late_for_the_same_reason() -> None:
    late = [span(0, 10, 0, 5, exact=False, reason="x"), span(10, 20, 5, 8, exact=False, reason="x")]
    assert len(merged(late)) == 1
    assert len(merged([late[0], span(10, 20, 5, 8, exact=False, reason="y")])) == 2


def test_what_lies_beside_an_unreachable_instant_is_told() -> None:
    spans = [span(0, 10, 0, 10), span(10, 20, 15, 30, reason="why")]
    found = reach([base(0, 0)], {"main": merged(spans)})
    assert beside(Instant(12), found) == (Instant(10), Instant(15), "why")
    assert beside(Instant(40), found) == (Instant(30), None, None)
    assert found.holds(Instant(15))
    assert not found.holds(Instant(12))


def _w(*pairs: tuple[int, int]) -> list[Window]:
    return [Window(Instant(first), Instant(last)) for first, last in pairs]


def test_windows_are_united_intersected_and_cut() -> None:
    assert union(_w((5, 9), (0, 5), (20, 30))) == _w((0, 9), (20, 30))
    assert intersection(_w((0, 10), (20, 30)), _w((5, 25), (30, 40))) == _w((5, 10), (20, 25), (30, 30))
    assert without(_w((0, 10), (20, 30)), _w((5, 25))) == _w((0, 5), (25, 30))
    assert without(_w((0, 10)), _w((2, 3), (5, 6))) == _w((0, 2), (3, 5), (6, 10))
    assert without(_w((7, 7), (10, 10)), _w((5, 10))) == _w((10, 10))


@pytest.mark.timeout(30)
def test_a_week_of_flapping_links_is_no_quadratic_work() -> None:
    """30,000 broken stretches, idle and busy: a pair-by-pair comparison would take minutes."""
    spans = []
    for number in range(10_000):
        at, begin = number * 30, number // 2 * 10
        spans.append(span(begin, begin, at, at + 5, exact=False, reason=f"cut {number}"))
        spans.append(span(begin, begin + number % 2 * 10, at + 5, at + 20, reason=f"cut {number}"))
        spans.append(span(begin + number % 2 * 10, begin + number % 2 * 10, at + 20, at + 25))
    found = reach([base(0, 0, id=str(number)) for number in range(7)], {"main": merged(spans)})
    assert len(found.windows) == 10_001
    assert found.gaps[0].reason == "cut 0"
