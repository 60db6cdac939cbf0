"""A journal whose store is away: spooled, durable only when it has arrived, and under pressure when all is full."""

import threading
from pathlib import Path

import pytest

from planaria.core.errors import StoreFull, StoreRefused, StoreUnavailable
from planaria.core.position import Position
from planaria.storage.hooked import Hooked, Method, When
from planaria.storage.memory import MemoryStore
from tests.support.clocks import ManualClock
from tests.support.faults import COMPONENT, START, STREAM, Place, after, begun, eventually


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def place(tmp_path: Path, clock: ManualClock) -> Place:
    return Place(MemoryStore(clock), tmp_path, clock)


class Away:
    """A hook: while `on`, journal objects cannot be put."""

    def __init__(self) -> None:
        self.on = False
        self.tried = 0

    def __call__(self, method: Method, name: str, when: When) -> None:
        if method == "put" and when == "before" and "/journal/" in name:
            self.tried += 1
            if self.on:
                raise StoreUnavailable("the network is down")


def test_while_the_store_is_away_segments_are_spooled_and_not_durable(place: Place, clock: ManualClock) -> None:
    away = Away()
    with place.archive(Hooked(place.store, away)) as archive:
        begun(archive)
        journal = archive.journal(STREAM)
        journal.append(b"one", clock.now())
        journal.flush()
        away.on = True
        for _ in range(5):
            clock.advance(60)
            journal.append(b"two", clock.now())
            journal.flush()
        assert journal.durable == Position("abc", 1003)
        tail = archive.tail(STREAM)
        assert tail is not None
        assert tail.position == Position("abc", 1018)
        assert [told for told in place.told if "is away" in told] == place.told
        away.on = False
        clock.advance(60)
        journal.append(b"end", clock.now())
        journal.flush()
        eventually(lambda: journal.durable.offset == 1021)
    assert len(place.told) == 2
    assert "nothing is left in the spool" in place.told[1]
    assert place.read() == b"one" + b"two" * 5 + b"end"


def test_a_store_that_is_away_is_not_asked_all_the_time(place: Place, clock: ManualClock) -> None:
    away = Away()
    away.on = True
    with place.archive(Hooked(place.store, away)) as archive:
        begun(archive)
        for _ in range(50):
            archive.journal(STREAM).append(b"x", clock.now())
            archive.journal(STREAM).flush()
    assert away.tried == 1


def test_what_an_earlier_follower_spooled_is_durable_when_it_has_arrived(place: Place, clock: ManualClock) -> None:
    """The journal goes on behind the spool; the source must not hear that it may forget what is only there."""
    away = Away()
    away.on = True
    store = Hooked(place.store, away)
    with place.archive(store) as archive:
        begun(archive)
        archive.journal(STREAM).append(b"spooled", clock.now())
        archive.journal(STREAM).flush()
    with place.archive(store) as archive:
        tail = archive.tail(STREAM)
        assert tail is not None
        assert tail.position.offset == START.offset + 7
        journal = archive.journal(STREAM)
        journal.begin(tail.position, clock.now(), {}, exact=True, reason="")
        assert journal.durable == START
        away.on = False
        clock.advance(60)
        journal.append(b"new", clock.now())
        journal.flush()
        eventually(lambda: journal.durable.offset == START.offset + 10)
    assert place.read() == b"spoolednew"


def test_durable_does_not_fall_back_to_an_older_lineage_that_is_still_spooled(place: Place, clock: ManualClock) -> None:
    away = Away()
    away.on = True
    with place.archive(Hooked(place.store, away)) as archive:
        begun(archive, Position("zzz", 10))
        journal = archive.journal(STREAM)
        journal.append(b"old", clock.now())
        begun(archive, Position("aaa", 500))
        journal.append(b"new", clock.now())
        journal.flush()
        away.on = False
        clock.advance(60)
        journal.append(b"!", clock.now())
        journal.flush()
        eventually(lambda: journal.durable == Position("aaa", 504))


def test_draining_the_spool_does_not_hold_up_the_source(place: Place, clock: ManualClock) -> None:
    """The store is back, but slow: what comes meanwhile is spooled behind what waits there."""
    away, gate = Away(), threading.Semaphore(0)
    store = Hooked(place.store, lambda method, name, when: _slowly(away, gate, method, name, when))
    with place.archive(store) as archive:
        begun(archive)
        journal = archive.journal(STREAM)
        away.on = True
        for _ in range(100):
            journal.append(b"x", clock.now())
            journal.flush()
        away.on = False
        clock.advance(60)
        gate.release(30)
        journal.append(b"y", clock.now())
        journal.flush()
        assert journal.durable.offset < START.offset + 100
        gate.release(1000)
        eventually(lambda: journal.durable.offset == START.offset + 101)


def _slowly(away: Away, gate: threading.Semaphore, method: Method, name: str, when: When) -> None:
    away(method, name, when)
    if method == "put" and when == "before" and "/journal/" in name:
        gate.acquire()


def test_with_store_and_spool_full_append_blocks_until_there_is_room(place: Place, clock: ManualClock) -> None:
    place.spool_budget, place.segment = 1, 100
    away = Away()
    away.on = True
    with place.archive(Hooked(place.store, away)) as archive:
        begun(archive)
        journal = archive.journal(STREAM)
        done = threading.Event()

        def fill() -> None:
            for number in range(20):
                journal.append(bytes([number]) * 100, clock.now())
            done.set()

        filling = threading.Thread(target=fill)
        filling.start()
        eventually(lambda: len(place.told) == 2)
        with pytest.raises(StoreFull, match="budget"):
            journal.flush()
        assert not done.is_set()
        assert journal.durable == START
        away.on = False
        clock.advance(3600)
        filling.join(20)
        assert done.is_set()
        journal.flush()
        assert journal.durable.offset == START.offset + 2000
    assert place.read() == b"".join(bytes([number]) * 100 for number in range(20))
    assert [told for told in place.told if "no room" in told] == [place.told[1]]


def test_bytes_held_up_for_long_are_stamped_late_with_the_reason(
    place: Place, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.spool_budget, place.segment = 1, 10
    began, away = clock.now(), Away()
    away.on = True
    with place.archive(Hooked(place.store, away)) as archive:
        begun(archive)
        journal = archive.journal(STREAM)
        for _ in range(3):
            journal.append(b"x" * 10, clock.now())
        blocked = threading.Thread(target=lambda: journal.append(b"held", after(began, 1)))
        blocked.start()
        eventually(lambda: len(place.told) == 2)
        away.on = False
        clock.advance(100)
        blocked.join(20)
        journal.flush()
    (gap,) = place.reach(began).gaps
    assert (gap.first, gap.last) == (began, after(began, 100))
    assert "held up" in gap.reason


def test_closing_while_the_store_is_away_ends_at_once(place: Place, clock: ManualClock) -> None:
    place.spool_budget = 1
    away = Away()
    away.on = True
    with place.archive(Hooked(place.store, away)) as archive:
        begun(archive)
        archive.journal(STREAM).append(b"x", clock.now())
        with pytest.raises(StoreFull):
            archive.journal(STREAM).flush()
    assert not [thread for thread in threading.enumerate() if thread.name == f"journal-{COMPONENT}"]


def test_a_store_that_refuses_is_away_like_one_that_is_down(place: Place, clock: ManualClock) -> None:
    def refuse(method: Method, name: str, when: When) -> None:
        if method == "put" and when == "before" and "/journal/" in name:
            raise StoreRefused("access denied")

    with place.archive(Hooked(place.store, refuse)) as archive:
        begun(archive)
        archive.journal(STREAM).append(b"x", clock.now())
        archive.journal(STREAM).flush()
        tail = archive.tail(STREAM)
    assert tail is not None
    assert tail.position.offset == START.offset + 1
    assert "access denied" in place.told[0]
