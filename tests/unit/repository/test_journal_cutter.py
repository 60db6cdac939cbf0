"""Cutting a journal into segments: sizes, stamps, and the clock's jumps."""

import pytest

from planaria.core.errors import Failed
from planaria.core.instant import SECOND, Instant
from planaria.core.position import Position
from planaria.repository.journal_cutter import STAMPS, Cut, Cutter
from tests.support.clocks import START, ManualClock


def cutter(clock: ManualClock, *, exact: bool = True, segment: int = 1000) -> Cutter:
    made = Cutter(clock, flush=1.0, idle=5.0, segment=segment)
    made.begin(Position("a", 100), clock.now(), {"id": "a"}, exact=exact, reason="" if exact else "away")
    return made


def cuts(made: Cutter) -> list[Cut]:
    made.cut()
    found = list(made.ready)
    made.ready.clear()
    return found


def seconds(*at: float) -> list[Instant]:
    return [Instant(START + round(one * SECOND)) for one in at]


def write(made: Cutter, clock: ManualClock, data: bytes, after: float = 0.0) -> None:
    clock.advance(after)
    made.append(data, clock.now(), None)


def test_a_segment_holds_bytes_stamps_and_times() -> None:
    clock = ManualClock()
    made = cutter(clock)
    write(made, clock, b"abc", 1)
    write(made, clock, b"de", 0.5)
    (one,) = cuts(made)
    first, second, third = seconds(0, 1, 1.5)
    assert (bytes(one.data), one.stamps) == (b"abcde", [(second, 103), (third, 105)])
    assert (one.span.begin, one.span.end, one.span.first_at, one.span.last_at) == (100, 105, first, third)
    assert one.span.moved == (second, third)
    assert one.starts


def test_bytes_of_one_instant_share_a_stamp() -> None:
    clock = ManualClock()
    made = cutter(clock)
    for _ in range(3):
        write(made, clock, b"x")
    (one,) = cuts(made)
    assert one.stamps == [(START, 103)]


def test_the_next_segment_goes_on_in_bytes_and_time() -> None:
    clock = ManualClock()
    made = cutter(clock)
    write(made, clock, b"abc", 1)
    cuts(made)
    write(made, clock, b"d", 2)
    (one,) = cuts(made)
    assert (one.span.begin, one.span.first_at, one.span.reason, one.starts) == (103, seconds(1)[0], "", False)


def test_a_segment_is_cut_at_its_size() -> None:
    clock = ManualClock()
    made = cutter(clock, segment=4)
    assert made.room == 4
    write(made, clock, b"abc")
    assert (made.room, len(made.ready)) == (1, 0)
    write(made, clock, b"d")
    assert (made.room, len(made.ready)) == (4, 1)


def test_a_segment_is_cut_before_tiny_appends_fill_the_memory_with_stamps() -> None:
    clock = ManualClock()
    made = cutter(clock, segment=1 << 20)
    for number in range(STAMPS + 1):
        made.append(b"x", Instant(START + number), None)
    assert [len(one.stamps) for one in made.ready] == [STAMPS]


def test_a_segment_keeps_its_first_hint_and_the_newest_source() -> None:
    clock = ManualClock()
    made = cutter(clock)
    made.append(b"a", clock.now(), None)
    made.append(b"b", clock.now(), {"safe": 1})
    made.append(b"c", clock.now(), {"safe": 2})
    made.tell({"id": "b"})
    (one,) = cuts(made)
    assert (one.hint, one.source) == ({"safe": 1}, {"id": "b"})


def test_what_says_nothing_makes_no_segment() -> None:
    made = cutter(ManualClock())
    assert len(cuts(made)) == 1, "the beginning is recorded even without a byte"
    assert cuts(made) == []


def test_quiet_time_is_said_once_it_is_as_long_as_idle() -> None:
    clock = ManualClock()
    made = cutter(clock)
    cuts(made)
    clock.advance(4)
    made.quiet(clock.now())
    assert made.due() > 0
    clock.advance(1)
    made.quiet(clock.now())
    assert made.due() == 0
    (one,) = cuts(made)
    assert (bytes(one.data), one.span.last_at, one.span.moved) == (b"", seconds(5)[0], None)


def test_a_segment_is_due_so_long_after_its_first_byte() -> None:
    clock = ManualClock()
    made = cutter(clock)
    write(made, clock, b"a", 10)
    assert made.due() == pytest.approx(1.0)
    write(made, clock, b"b", 0.75)
    assert made.due() == pytest.approx(0.25)
    clock.advance(1)
    assert made.due() == 0


def test_late_bytes_are_inexact_until_the_driver_has_caught_up() -> None:
    clock = ManualClock()
    made = cutter(clock, exact=False)
    write(made, clock, b"a", 1)
    made.caught_up(seconds(2)[0])
    write(made, clock, b"b", 2)
    late, exact = cuts(made)
    assert (late.span.exact, late.span.reason, late.span.end) == (False, "away", 101)
    assert (exact.span.exact, exact.span.reason, exact.span.begin) == (True, "away", 101)
    assert exact.span.first_at == seconds(2)[0]


def test_a_clock_set_back_begins_a_new_stretch_that_says_so() -> None:
    clock = ManualClock()
    made = cutter(clock)
    write(made, clock, b"a", 10)
    clock.jump(-8)
    write(made, clock, b"b", 1)
    before, behind = cuts(made)
    assert before.span.last_at == seconds(10)[0]
    assert (behind.span.first_at, behind.span.begin) == (seconds(3)[0], 101)
    assert behind.span.reason == "the clock went back by 7.0 s"


def test_a_clock_set_back_behind_silence_marks_what_it_showed() -> None:
    """It stood at 110 s when it was set back to 50 s: 10 to 50 is missing, 50 to 110 comes twice."""
    clock = ManualClock()
    made = cutter(clock)
    write(made, clock, b"a", 10)
    clock.advance(100)
    clock.jump(-60)
    write(made, clock, b"b")
    before, mark, behind = cuts(made)
    assert before.span.last_at == seconds(10)[0]
    assert (mark.span.exact, mark.span.last_at, mark.span.begin, mark.span.end) == (False, seconds(110)[0], 101, 101)
    assert (behind.span.exact, behind.span.first_at) == (True, seconds(50)[0])


def test_a_clock_that_jumps_ahead_leaves_a_gap_even_if_a_segment_was_cut_meanwhile() -> None:
    clock = ManualClock()
    made = cutter(clock)
    write(made, clock, b"a", 1)
    clock.jump(3600)
    (before,) = cuts(made)
    write(made, clock, b"b", 1)
    (behind,) = cuts(made)
    assert before.span.last_at == seconds(1)[0]
    assert behind.span.first_at == seconds(3602)[0]
    assert behind.span.reason.startswith("the clock jumped ahead by 36")


def test_stamps_older_than_the_jump_do_not_hide_it() -> None:
    clock = ManualClock()
    made = cutter(clock)
    write(made, clock, b"a", 1)
    stamped_before = clock.now()
    clock.jump(3600)
    made.append(b"b", stamped_before, None)
    write(made, clock, b"c", 1)
    assert [bytes(one.data) for one in cuts(made)] == [b"ab", b"c"]


def test_a_clock_that_drifts_slowly_has_not_jumped() -> None:
    clock = ManualClock()
    made = cutter(clock)
    for _ in range(100):
        clock.jump(0.5)
        write(made, clock, b"a", 10)
    assert len(cuts(made)) == 1


def test_arrivals_that_were_held_up_count_as_late_and_are_no_clock_set_back() -> None:
    clock = ManualClock()
    made = cutter(clock)
    write(made, clock, b"a", 1)
    arrived = clock.now()
    clock.advance(30)
    made.held_up(clock.now(), "held up")
    made.append(b"b", Instant(arrived + 5), None)
    made.append(b"c", Instant(arrived + SECOND), None)
    write(made, clock, b"d", 1)
    before, behind = cuts(made)
    assert before.span.last_at == arrived
    assert (behind.span.reason, behind.stamps) == ("held up", [(seconds(31)[0], 103), (seconds(32)[0], 104)])


def test_nothing_is_taken_before_the_journal_begins() -> None:
    made = Cutter(ManualClock(), flush=1, idle=1, segment=10)
    with pytest.raises(Failed, match="before it begins"):
        made.append(b"a", START, None)
