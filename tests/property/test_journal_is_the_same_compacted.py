"""Any set of segments, any number of compactions and sweeps, ended at any store call: the journal says the same."""

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from planaria.core.errors import PointUnreachable, StoreUnavailable
from planaria.core.instant import SECOND, Instant
from planaria.core.position import Position
from planaria.core.windows import BasePoint, Span, reach
from planaria.repository.compaction import GRACE, compact, sweep
from planaria.storage.hooked import Hooked, Method, When, at_call
from planaria.storage.memory import MemoryStore
from tests.support.clocks import START, ManualClock
from tests.support.faults import COMPONENT, Place, content, record

MIDNIGHT = Instant(START - START % (86400 * SECOND))
STREAMS = ("one", "two")
LINEAGES = ("abc", "abd")
Said = dict[object, object]


class Killed(BaseException):
    """The process ended here."""


@st.composite
def runs(draw: st.DrawFn) -> list[tuple[str, Span]]:
    """One follower's segments of one stream: growing bytes and times, with holes, late stretches, clocks set back."""
    stream, lineage = draw(st.sampled_from(STREAMS)), draw(st.sampled_from(LINEAGES))
    at = MIDNIGHT + draw(st.integers(0, 7200)) * SECOND
    begin, found = draw(st.integers(0, 50)), list[tuple[str, Span]]()
    exact, reason = True, ""
    for _ in range(draw(st.integers(1, 14))):
        event = draw(st.sampled_from(("on", "on", "on", "late", "back", "hole", "pause")))
        if event == "late":
            exact, reason = not exact, "late"
        elif event == "back":
            at, reason = at - draw(st.integers(1, 90)) * SECOND, "back"
        elif event == "hole":
            begin += draw(st.integers(1, 20))
        elif event == "pause":
            at, reason = at + draw(st.integers(1, 5000)) * SECOND, "paused"
        end, last = begin + draw(st.integers(0, 30)), at + draw(st.integers(0, 70)) * SECOND
        found.append((stream, Span(lineage, begin, end, Instant(at), Instant(last), exact, reason)))
        begin, at, reason = end, last, "" if exact else reason
    return found


def said(place: Place, spans: Sequence[tuple[str, Span]]) -> Said:
    """All that a user can learn: windows, gaps, and the bytes that a restore brings, to the end and to instants."""
    found: Said = {}
    streams = place.catalogue().streams()
    for stream in STREAMS:
        own = [span for other, span in spans if other == stream]
        if not own:
            continue
        first = min(own, key=lambda one: one.begin)
        start, base_at = Position(first.lineage, first.begin), min(one.first_at for one in own)
        what = reach([BasePoint("base", base_at, {stream: start})], {stream: streams[stream]})
        found[stream, "reach"] = what
        found[stream, "end"] = _restored(place, start, None, stream)
        for until in (Instant(one.first_at + half) for one in own for half in (0, SECOND // 2)):
            if what.holds(until):
                found[stream, until] = _restored(place, start, until, stream)
    return found


def _restored(place: Place, start: Position, until: Instant | None, stream: str) -> bytes | None:
    try:
        data = place.read(until, start, stream)
    except PointUnreachable:
        return None  # the instant of the base itself, which needs no journal
    assert data == content(start.lineage, start.offset, start.offset + len(data)), "bytes of another place"
    return data


def round_of(place: Place, store: Hooked | None) -> None:
    """What a service does now and then, an hour after it did it last."""
    clock = place.clock
    assert isinstance(clock, ManualClock)
    clock.advance(1.5 * GRACE / SECOND)
    with suppress(Killed, StoreUnavailable):
        compact(place.repository(store), COMPONENT, None)
    record(place, Span("z", 0, 0, clock.now(), clock.now(), True, ""), stream="newest")
    with suppress(Killed, StoreUnavailable):
        sweep(place.repository(store), COMPONENT, None)


def ended_at(store: MemoryStore, number: int, kind: str) -> Hooked:
    """The store, whose call `number` is the last of the process, or fails."""

    def act() -> None:
        raise Killed if kind.startswith("killed") else StoreUnavailable("down")

    return Hooked(store, at_call(number, "before" if kind.endswith("before") else "after", act))


def followers() -> st.SearchStrategy[list[list[tuple[str, Span]]]]:
    """One for each lineage: two that followed the same bytes at unrelated times cannot be told apart."""
    return st.lists(runs(), min_size=1, max_size=2, unique_by=lambda run: run[0][1].lineage)


@settings(max_examples=25)
@given(
    followers(),
    st.lists(
        st.tuples(
            st.integers(1, 80),
            st.sampled_from(("killed before", "killed after", "fails before", "fails after")),
        ),
        max_size=4,
    ),
)
def test_the_journal_says_the_same_after_any_rounds(
    written: list[list[tuple[str, Span]]], interruptions: list[tuple[int, str]]
) -> None:
    clock = ManualClock(MIDNIGHT)
    spans = [one for follower in written for one in follower]
    with tempfile.TemporaryDirectory() as folder:
        store = MemoryStore(clock)
        place = Place(store, Path(folder), clock)
        for follower in written:
            key = place.repository().new_data_key(COMPONENT)
            for stream, span in follower:
                record(place, span, stream=stream, key=key)
        before = said(place, spans)
        clock.advance(2 * 86400)
        for number, kind in interruptions:
            round_of(place, ended_at(store, number, kind))
            assert said(place, spans) == before
        for _ in range(3):
            round_of(place, None)
            assert said(place, spans) == before


@settings(max_examples=25)
@given(runs(), st.integers(1, 60), st.sampled_from(("before", "after")))
def test_two_hosts_compacting_and_sweeping_at_once_change_nothing(
    spans: list[tuple[str, Span]], number: int, when: When
) -> None:
    """The second host does all of its work at one store call of the first."""
    clock = ManualClock(MIDNIGHT)
    with tempfile.TemporaryDirectory() as folder:
        place = Place(MemoryStore(clock), Path(folder), clock)
        for stream, span in spans:
            record(place, span, stream=stream)
        before = said(place, spans)
        clock.advance(2 * 86400)
        round_of(place, None)
        other = at_call(number, when, lambda: round_of(place, None))
        busy: list[Method] = []

        def hook(method: Method, name: str, now: When) -> None:
            if not busy:
                busy.append(method)
                try:
                    other(method, name, now)
                finally:
                    busy.clear()

        round_of(place, Hooked(place.store, hook))
        assert said(place, spans) == before
        round_of(place, None)
        assert said(place, spans) == before
