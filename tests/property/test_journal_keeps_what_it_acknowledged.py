"""Any order of appends, flushes, silence, crashes and failures of the store: nothing acknowledged is ever lost."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from planaria.core.errors import StoreFull
from planaria.core.instant import Instant
from planaria.core.position import Position
from planaria.repository.archive import ComponentArchive
from planaria.repository.compaction import compact, sweep
from planaria.storage.memory import MemoryStore
from planaria.storage.scripted import Call, Fault, Kind, Scripted
from tests.support.clocks import ManualClock
from tests.support.faults import COMPONENT, START, STREAM, Place, content, eventually

PUTS = (Kind.FAIL_BEFORE, Kind.FAIL_AFTER, Kind.LATE, Kind.TWICE)


@dataclass
class Weather:
    """Which of the coming puts of segments misbehave."""

    coming: list[Kind | None] = field(default_factory=list)
    calm: bool = False

    def __call__(self, call: Call) -> Fault | None:
        if self.calm or call.method != "put" or "/journal/" not in call.name or not self.coming:
            return None
        kind = self.coming.pop(0)
        return Fault(kind, calls=3) if kind else None


@dataclass
class Following:
    """A follower and its source: what the source would be told, and what it could forget."""

    place: Place
    store: Scripted
    clock: ManualClock
    archive: ComponentArchive
    appended: int = START.offset
    kept: int = START.offset
    """Flushed or durable: it must be there whatever happens."""

    def begin(self) -> None:
        tail = self.archive.tail(STREAM)
        position = tail.position if tail else START
        assert position.offset >= self.kept, f"the journal ends at {position}, {self.kept} was acknowledged"
        self.appended = position.offset
        self.archive.journal(STREAM).begin(position, self.clock.now(), {}, exact=True, reason="began")

    def append(self, count: int) -> None:
        end = self.appended + count
        self.archive.journal(STREAM).append(content(START.lineage, self.appended, end), self.clock.now())
        self.appended = end

    def flush(self) -> None:
        with suppress(StoreFull):  # neither store nor spool: said, and nothing is claimed
            self.archive.journal(STREAM).flush()
            self.kept = self.appended

    def crash(self) -> None:
        self.archive.__exit__(None, None, None)
        self.store.settle()
        self.archive = self.place.archive(self.store)
        self.begin()

    def look(self) -> None:
        durable = self.archive.journal(STREAM).durable
        stored = self.place.read()
        assert durable.offset - START.offset <= len(stored), "durable passes what the store holds"
        assert stored == content(START.lineage, START.offset, START.offset + len(stored))
        self.kept = max(self.kept, durable.offset)


@contextmanager
def following(weather: Weather, budget: int) -> Iterator[Following]:
    clock = ManualClock()
    with tempfile.TemporaryDirectory() as folder:
        place = Place(MemoryStore(clock), Path(folder), clock, spool_budget=budget, segment=64)
        store = Scripted(place.store, weather, clock)
        found = Following(place, store, clock, place.archive(store))
        try:
            found.begin()
            yield found
        finally:
            weather.calm = True
            found.archive.__exit__(None, None, None)


events = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 150)),
        st.tuples(st.just("flush"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 90)),
        st.tuples(st.just("crash"), st.just(0)),
        st.tuples(st.just("compact"), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=60)
@given(events, st.lists(st.sampled_from((None, None, *PUTS)), max_size=60), st.sampled_from((0, 3000, 1 << 20)))
def test_what_was_flushed_or_durable_is_there_in_the_end(
    happening: list[tuple[str, int]], coming: list[Kind | None], budget: int
) -> None:
    weather = Weather(list(coming))
    with following(weather, budget) as one:
        for event, number in happening:
            if event == "append" and budget > 3000:
                one.append(number)
            elif event == "append":
                one.append(min(number, 60))  # never two segments: with nowhere to go, a third append would wait
                one.flush()
            elif event == "wait":
                one.clock.advance(number)
                one.archive.journal(STREAM).quiet(one.clock.now())
            elif event == "compact":
                compact(one.place.repository(), COMPONENT, None)
                sweep(one.place.repository(), COMPONENT, None)
            elif event == "crash":
                one.crash()
            else:
                one.flush()
            one.look()
        weather.calm = True
        one.clock.advance(3600)
        one.crash()
        one.append(1)
        one.clock.advance(60)
        journal = one.archive.journal(STREAM)
        journal.flush()
        eventually(lambda: journal.durable == Position(START.lineage, one.appended))
        assert one.place.read() == content(START.lineage, START.offset, one.appended)
        tail = one.archive.tail(STREAM)
        assert tail is not None
        assert tail.position.offset == one.appended


@settings(max_examples=25)
@given(events)
def test_stamps_lead_back_to_what_had_arrived(happening: list[tuple[str, int]]) -> None:
    """With a store that works: every instant that a window holds restores exactly the bytes appended by then."""
    arrived: list[tuple[Instant, int]] = []
    with following(Weather(calm=True), 1 << 20) as one:
        began = one.clock.now()
        for event, number in happening:
            if event == "append":
                one.append(number)
            elif event == "wait":
                one.clock.advance(number)
                one.archive.journal(STREAM).quiet(one.clock.now())
            elif event == "compact":
                compact(one.place.repository(), COMPONENT, None)
            else:
                one.archive.journal(STREAM).flush()
            arrived.append((one.clock.now(), one.appended))
        one.archive.journal(STREAM).flush()
        compact(one.place.repository(), COMPONENT, None)
        for at, _ in arrived:
            last = max(end for when, end in arrived if when == at)
            assert one.place.reach(began).holds(at)
            assert one.place.read(at) == content(START.lineage, START.offset, last)
