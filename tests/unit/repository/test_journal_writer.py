"""A journal written and read back: bytes, times, durability, pressure, failure."""

import threading
from pathlib import Path

import pytest

from planaria.core.errors import Failed, PointUnreachable
from planaria.core.position import Position
from planaria.repository.sealed import parse_header
from planaria.repository.segments import digest_of, place_of
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


def test_every_byte_that_was_flushed_comes_back(place: Place, clock: ManualClock, seed: int) -> None:
    sent = b""
    with place.archive() as archive:
        begun(archive)
        journal = archive.journal(STREAM)
        for number in range(40):
            clock.advance(0.3)
            data = bytes([number]) * (number * 97 % 4000)
            journal.append(data, clock.now())
            sent += data
            if number % 7 == 0:
                journal.flush()
        journal.flush()
        assert journal.durable == Position(START.lineage, START.offset + len(sent))
    assert place.read() == sent


def test_an_append_larger_than_a_segment_is_split(place: Place, clock: ManualClock) -> None:
    place.segment = 1000
    data = bytes(range(256)) * 40
    with place.archive() as archive:
        begun(archive)
        archive.journal(STREAM).append(memoryview(data), clock.now())
        archive.journal(STREAM).flush()
    assert place.read() == data
    assert max(one.end - one.begin for one in place.catalogue().objects) == 1000


def test_the_callers_buffer_may_be_used_again_at_once(place: Place, clock: ManualClock) -> None:
    buffer = bytearray(b"first")
    with place.archive() as archive:
        begun(archive)
        archive.journal(STREAM).append(buffer, clock.now())
        buffer[:] = b"other"
        archive.journal(STREAM).flush()
    assert place.read() == b"first"


def test_a_restore_to_an_instant_stops_at_its_stamp(place: Place, clock: ManualClock) -> None:
    began = clock.now()
    with place.archive() as archive:
        begun(archive)
        journal = archive.journal(STREAM)
        for number in range(10):
            clock.advance(1)
            journal.append(bytes([number]), clock.now())
            if number % 3 == 0:
                journal.flush()
        journal.flush()
    for number in range(10):
        assert place.read(after(began, 1 + number)) == bytes(range(number + 1))
        assert place.read(after(began, 0.5 + number)) == bytes(range(number))
    with pytest.raises(PointUnreachable):
        place.read(after(began, 10.1))


def test_a_restore_to_a_position_stops_there(place: Place, clock: ManualClock) -> None:
    with place.archive() as archive:
        begun(archive)
        archive.journal(STREAM).append(b"abcdef", clock.now())
        archive.journal(STREAM).flush()
    assert place.read(Position("abc", START.offset + 4)) == b"abcd"
    with pytest.raises(PointUnreachable, match="ends at"):
        place.read(Position("abc", START.offset + 7))
    with pytest.raises(PointUnreachable):
        place.read(Position("other", START.offset))


def test_an_idle_second_can_be_reached_once_it_is_said_to_be_quiet(place: Place, clock: ManualClock) -> None:
    began = clock.now()
    with place.archive() as archive:
        begun(archive)
        journal = archive.journal(STREAM)
        journal.append(b"a", clock.now())
        clock.advance(60)
        journal.quiet(clock.now())
        journal.flush()
    assert place.reach(began).windows[-1].last == after(began, 60)
    assert place.read(after(began, 59)) == b"a"


def test_a_silent_source_has_heartbeats_without_being_flushed(place: Place, clock: ManualClock) -> None:
    place.idle = place.flush = 0.01
    began = clock.now()
    with place.archive() as archive:
        begun(archive)
        for number in range(1, 4):
            clock.advance(1)
            archive.journal(STREAM).quiet(clock.now())
            eventually(lambda at=number: place.reach(began).holds(after(began, at)))  # type: ignore[misc]
    assert place.read() == b""


def test_bytes_are_flushed_so_long_after_they_came(place: Place, clock: ManualClock) -> None:
    place.flush, place.idle = 0.5, 0.01
    with place.archive() as archive:
        begun(archive)
        journal = archive.journal(STREAM)
        journal.append(b"a", clock.now())
        assert journal.durable == START
        clock.advance(0.5)
        eventually(lambda: journal.durable.offset == START.offset + 1)


def test_late_bytes_cannot_be_chosen_by_time_and_say_why(place: Place, clock: ManualClock) -> None:
    began = clock.now()
    with place.archive() as archive:
        journal = archive.journal(STREAM)
        journal.begin(START, began, {}, exact=False, reason="the link was cut")
        clock.advance(5)
        journal.append(b"late", clock.now())
        clock.advance(1)
        journal.caught_up(clock.now())
        journal.append(b"exact", clock.now())
        clock.advance(1)
        journal.quiet(clock.now())
        journal.flush()
    found = place.reach(began)
    assert not found.holds(after(began, 3))
    assert [gap.reason for gap in found.gaps] == ["the link was cut"]
    assert place.read(after(began, 6.5)) == b"lateexact"


def test_a_journal_goes_on_from_its_tail_with_its_source(place: Place, clock: ManualClock) -> None:
    with place.archive() as archive:
        assert archive.tail(STREAM) is None
        begun(archive)
        archive.journal(STREAM).append(b"abc", clock.now())
        archive.journal(STREAM).tell({"replid": "def", "safe": 1003})
        clock.advance(1)
        archive.journal(STREAM).append(b"def", clock.now())
        archive.journal(STREAM).flush()
    with place.archive() as archive:
        tail = archive.tail(STREAM)
        assert tail is not None
        assert (tail.position, tail.at, tail.source) == (
            Position("abc", 1006),
            clock.now(),
            {"replid": "def", "safe": 1003},
        )


def test_the_tail_is_of_the_newest_lineage(place: Place, clock: ManualClock) -> None:
    with place.archive() as archive:
        begun(archive, Position("zzz", 5000))
        archive.journal(STREAM).append(b"old", clock.now())
        clock.advance(10)
        begun(archive, Position("aaa", 10))
        archive.journal(STREAM).append(b"new", clock.now())
        archive.journal(STREAM).flush()
        tail = archive.tail(STREAM)
    assert tail is not None
    assert tail.position == Position("aaa", 13)


def test_what_breaks_the_writer_is_raised_at_the_next_call_and_in_flush(place: Place, clock: ManualClock) -> None:
    def break_(method: Method, name: str, when: When) -> None:
        if method == "put" and when == "before" and "/journal/" in name:
            raise Failed("the world ended")

    with place.archive(Hooked(place.store, break_)) as archive:
        begun(archive)
        journal = archive.journal(STREAM)
        journal.append(b"x", clock.now())
        with pytest.raises(Failed, match="the world ended"):
            journal.flush()
        with pytest.raises(Failed, match="the world ended"):
            journal.append(b"x", clock.now())
        with pytest.raises(Failed, match="the world ended"):
            journal.quiet(clock.now())
        with pytest.raises(Failed, match="the world ended"):
            journal.flush()
        assert journal.durable == START


def test_a_closed_journal_refuses_and_does_not_hang(place: Place, clock: ManualClock) -> None:
    archive = place.archive()
    with archive:
        begun(archive)
        journal = archive.journal(STREAM)
    for _ in range(2):
        journal.close()
    with pytest.raises(Failed, match="after it was closed"):
        journal.append(b"x", clock.now())
    with pytest.raises(Failed, match="after it was closed"):
        journal.flush()
    assert not [thread for thread in threading.enumerate() if thread.name == f"journal-{COMPONENT}"]


def test_segments_of_a_session_name_the_one_before(place: Place, clock: ManualClock) -> None:
    with place.archive() as archive:
        begun(archive)
        for _ in range(3):
            archive.journal(STREAM).append(b"x", clock.now())
            archive.journal(STREAM).flush()
    repository, names = place.repository(), [one.name for one in place.catalogue().objects]
    heads = [digest_of(place.store.get(name)) for name in names]
    previous = [_previous(repository.store.get(name)) for name in names]
    assert previous == [None, *heads[:-1]]
    assert [place_of(name)[0].offset - START.offset for name in names] == [0, 1, 2]


def _previous(data: bytes) -> object:
    return parse_header(data, "segment").facts["previous"]
