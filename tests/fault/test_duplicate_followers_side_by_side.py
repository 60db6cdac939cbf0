"""Two followers of one source at once, on two hosts or on one: what both write is the same, and is counted once."""

import secrets
from pathlib import Path

import pytest

from planaria.core.errors import DamagedData, StoreUnavailable
from planaria.core.instant import Instant
from planaria.core.position import Position
from planaria.repository.archive import ComponentArchive
from planaria.repository.compaction import compact
from planaria.storage.hooked import Hooked, Method, When
from planaria.storage.memory import MemoryStore
from tests.support.clocks import ManualClock
from tests.support.faults import COMPONENT, START, STREAM, Place, after, content, eventually


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def place(tmp_path: Path, clock: ManualClock) -> Place:
    return Place(MemoryStore(clock), tmp_path, clock, random=secrets.token_bytes)


class Network:
    """A hook: while `down`, segments cannot be put."""

    down = False

    def __call__(self, method: Method, name: str, when: When) -> None:
        if self.down and method == "put" and when == "before" and "/journal/" in name:
            raise StoreUnavailable("the network is down")


def begin(archive: ComponentArchive, now: Instant, *, exact: bool = True) -> int:
    tail = archive.tail(STREAM)
    at = tail.position if tail else START
    archive.journal(STREAM).begin(at, now, {}, exact=exact, reason="began")
    return at.offset


def send(archive: ComponentArchive, begin: int, end: int, now: Instant) -> int:
    if end > begin:
        archive.journal(STREAM).append(content(START.lineage, begin, end), now)
    archive.journal(STREAM).quiet(now)
    return end


def send_and_flush(archive: ComponentArchive, begin: int, end: int, now: Instant) -> None:
    send(archive, begin, end, now)
    archive.journal(STREAM).flush()


def test_two_hosts_fill_each_others_gaps_and_every_second_is_brought_back_exactly(
    place: Place, clock: ManualClock
) -> None:
    """Each is late for a while, while the other is not; each flushes in its own rhythm."""
    began, sent = clock.now(), {}
    with place.archive(spool="one") as one, place.archive(spool="two") as two:
        here = begin(one, began)
        there = begin(two, began)
        for second in range(1, 91):
            clock.advance(1)
            now, end = clock.now(), START.offset + second * 3
            sent[now] = end
            if second == 20:
                one.journal(STREAM).begin(Position(START.lineage, here), now, {}, exact=False, reason="one was cut")
            if second == 50:
                two.journal(STREAM).begin(Position(START.lineage, there), now, {}, exact=False, reason="two was cut")
            here = here if 15 < second < 20 else send(one, here, end, now)
            there = there if 45 < second < 50 else send(two, there, end, now)
            if second == 25:
                one.journal(STREAM).caught_up(now)
            if second == 55:
                two.journal(STREAM).caught_up(now)
            if second % 7 == 0:
                one.journal(STREAM).flush()
            if second % 5 == 3:
                two.journal(STREAM).flush()
        one.journal(STREAM).flush()
        two.journal(STREAM).flush()
    for _ in range(2):
        found = place.reach(began)
        assert [(window.first, window.last) for window in found.windows] == [(began, clock.now())]
        for at, end in sent.items():
            assert place.read(at) == content(START.lineage, START.offset, end), f"second {(at - began) // 10**6}"
        clock.advance(7200)
        compact(place.repository(), COMPONENT, None)
        clock.jump(-7200)


def test_two_hosts_of_a_silent_source_show_one_window(place: Place, clock: ManualClock) -> None:
    began = clock.now()
    with place.archive(spool="one") as one, place.archive(spool="two") as two:
        begin(one, began)
        begin(two, began)
        for second in range(60):
            clock.advance(1)
            if second % 5 == 0:
                send(one, 0, 0, clock.now())
                one.journal(STREAM).flush()
            if second % 5 == 2:
                send(two, 0, 0, clock.now())
                two.journal(STREAM).flush()
    (window,) = place.reach(began).windows
    assert (window.first, window.last) == (began, after(began, 58))


def test_two_processes_of_one_host_may_share_a_spool(place: Place, clock: ManualClock) -> None:
    """The second drains what the first spooled; the first finds it in the store, and it is durable."""
    network = Network()
    network.down = True
    with place.archive(Hooked(place.store, network)) as one:
        at = begin(one, clock.now())
        send(one, at, at + 10, clock.now())
        one.journal(STREAM).flush()
        assert one.journal(STREAM).durable == START
        with place.archive() as two:
            assert begin(two, clock.now()) == at + 10
            eventually(lambda: two.journal(STREAM).durable.offset == at + 10)
        network.down = False
        clock.advance(60)
        send(one, at + 10, at + 20, clock.now())
        one.journal(STREAM).flush()
        eventually(lambda: one.journal(STREAM).durable.offset == at + 20)
    assert place.read() == content(START.lineage, START.offset, START.offset + 20)


def test_a_segment_that_vanished_from_the_spool_is_not_called_durable(place: Place, clock: ManualClock) -> None:
    network = Network()
    network.down = True
    with place.archive(Hooked(place.store, network)) as one:
        at = begin(one, clock.now())
        send(one, at, at + 10, clock.now())
        one.journal(STREAM).flush()
        for path in (place.folder / "spool").rglob("*"):
            if path.is_file():
                path.unlink()
        network.down = False
        clock.advance(60)
        with pytest.raises(DamagedData, match="gone from the spool"):
            send_and_flush(one, at + 10, at + 20, clock.now())
        assert one.journal(STREAM).durable == START
