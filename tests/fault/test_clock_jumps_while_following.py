"""The host's clock is set forwards and back: gaps are said, and no instant that happened twice can be chosen."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planaria.core.errors import PointUnreachable
from planaria.core.instant import Instant
from planaria.core.windows import CLOCK_BACK
from planaria.repository.compaction import compact
from planaria.storage.memory import MemoryStore
from tests.support.clocks import ManualClock
from tests.support.faults import COMPONENT, START, STREAM, Place, after, begun, content


class Source:
    """Sends a byte a second, and knows what the clock showed when: instant → how many bytes there were."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.place = Place(MemoryStore(self.clock), folder, self.clock)
        self.archive = self.place.archive()
        self.began = self.clock.now()
        self.sent = 0
        self.showed: dict[Instant, set[int]] = {}
        begun(self.archive)

    def run(self, seconds: int, *, silent: bool = False) -> None:
        journal = self.archive.journal(STREAM)
        for _ in range(seconds):
            self.clock.advance(1)
            now = self.clock.now()
            if silent:
                journal.quiet(now)
            else:
                begin = START.offset + self.sent
                journal.append(content(START.lineage, begin, begin + 1), now)
                self.sent += 1
            self.showed.setdefault(now, set()).add(self.sent)

    def end(self) -> None:
        self.archive.journal(STREAM).flush()
        self.archive.__exit__(None, None, None)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path)


def test_a_clock_set_back_makes_the_hour_ambiguous_and_says_so(source: Source) -> None:
    source.run(100)
    source.clock.jump(-60)
    source.run(100)
    source.end()
    found = source.place.reach(source.began)
    (gap,) = found.gaps
    assert (gap.first, gap.last) == (after(source.began, 41), after(source.began, 100))
    assert CLOCK_BACK in gap.reason
    assert "went back by 59.0 s" in gap.reason
    with pytest.raises(PointUnreachable):
        source.place.read(after(source.began, 500))
    assert len(source.place.read(after(source.began, 30))) == 30
    assert len(source.place.read(after(source.began, 120))) == 180


def test_a_clock_set_ahead_leaves_a_gap_that_says_so(source: Source) -> None:
    source.run(10)
    source.clock.jump(3600)
    source.run(10)
    source.end()
    (gap,) = source.place.reach(source.began).gaps
    assert (gap.first, gap.last) == (after(source.began, 10), after(source.began, 3611))
    assert gap.reason == "the clock jumped ahead by 3600.0 s"
    assert len(source.place.read(after(source.began, 3615))) == 15


def test_a_clock_set_ahead_and_back_again_leaves_only_what_is_certain(source: Source) -> None:
    source.run(10)
    source.clock.jump(3600)
    source.run(10)
    source.clock.jump(-3600)
    source.run(10)
    source.end()
    found = source.place.reach(source.began)
    assert found.holds(after(source.began, 9))
    assert not found.holds(after(source.began, 3615))
    assert len(source.place.read()) == 30, "no byte depends on the clock"


@settings(max_examples=25)
@given(
    steps=st.lists(
        st.tuples(st.integers(-120, 120), st.integers(1, 40), st.booleans(), st.booleans()), min_size=1, max_size=6
    )
)
def test_whatever_the_clock_does_what_can_be_chosen_brings_back_that_second(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, bool, bool]]
) -> None:
    source = Source(tmp_path_factory.mktemp("clock"))
    try:
        source.run(5)
        for jump, seconds, silent, flush in steps:
            source.clock.jump(jump)
            source.run(seconds, silent=silent)
            if flush:
                source.archive.journal(STREAM).flush()
    finally:
        source.end()
    compact(source.place.repository(), COMPONENT, None)
    found = source.place.reach(source.began)
    edges = {at for one in found.windows for at in (one.first, one.last)}
    spans = {one.last_at for own in source.place.catalogue().streams().values() for one in own}
    for at, sent in source.showed.items():
        if found.holds(at) and at not in edges | spans:
            assert sent == {len(source.place.read(at))}
    assert len(source.place.read()) == source.sent
