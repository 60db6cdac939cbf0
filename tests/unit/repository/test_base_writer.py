"""A base written and read back: every kind of file, what is kept, what is dropped, and what fails."""

import secrets
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from planaria.core.base import BaseFacts, Entry
from planaria.core.errors import DamagedData, Failed, StoreUnavailable, UnknownName
from planaria.core.position import Position
from planaria.repository.base_reader import BaseReader, open_base
from planaria.repository.base_writer import BaseWriter
from planaria.repository.bases import all_bases, find_base
from planaria.repository.limits import Limits
from planaria.repository.manifest import PIECE
from planaria.storage.hooked import Hooked, Method, When
from planaria.storage.memory import MemoryStore
from tests.support.clocks import ManualClock
from tests.support.faults import COMPONENT, Place
from tests.support.small_bases import FILES, LIMITS, committed, reads_of, write

FACTS = BaseFacts({"main": Position("a", 7)}, ManualClock().now(), {"version": 1}, {"files": 3}, {"main": "why"})


@pytest.fixture
def place(tmp_path: Path) -> Place:
    clock = ManualClock()
    return Place(MemoryStore(clock), tmp_path, clock)


def sink_of(place: Place, limits: Limits = LIMITS) -> BaseWriter:
    return BaseWriter(place.repository(), COMPONENT, "directory", limits)


def add(sink: BaseWriter, path: str, data: bytes) -> int:
    return sink.add(Entry(path, len(data)), partial(reads_of, data)).wait()


def newest(place: Place) -> BaseReader:
    bases, damage = all_bases(place.repository(), COMPONENT)
    assert not damage
    return open_base(place.repository(), bases[-1], Limits())


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 12345])
@pytest.mark.parametrize("how", ["add", "stream"])
def test_a_file_of_any_size_comes_back(place: Place, size: int, how: str) -> None:
    data = secrets.token_bytes(size)
    sink = sink_of(place, Limits())
    if how == "add":
        assert add(sink, "file", data) == size
    else:
        pieces = [data[at : at + 100_003] for at in range(0, size, 100_003)]
        assert sink.stream(Entry("file", 0, {"mode": 1}), pieces) == Entry("file", size, {"mode": 1})
    sink.commit(FACTS)
    view = newest(place)
    assert b"".join(view.read("file")) == data
    assert [entry.size for entry in view.entries()] == [size]


def test_a_base_keeps_its_facts_entries_and_their_order(place: Place) -> None:
    sink = sink_of(place)
    entries = [Entry("z", 0, {"kind": "directory"}), Entry("a/é", 3, {"mode": 0o644}), Entry("m", 0, {"to": "a"})]
    for entry in entries:
        sink.add(entry, partial(reads_of, b"abc") if entry.size else None)
    made = sink.commit(FACTS)
    view = newest(place)
    assert (view.id, view.facts, list(view.entries())) == (made.id, FACTS, entries)
    assert find_base(place.repository(), COMPONENT, made.id[:20]).id == made.id


def test_equal_content_is_stored_once_within_a_base_and_across_bases(place: Place) -> None:
    data = secrets.token_bytes(5000)
    first = write(place, place.store, {"one": data, "two": data})
    assert (first.chunks_total, first.chunks_new) == (2, 1)
    second = write(place, place.store, {"three": data})
    assert second.chunks_new == 0
    assert second.bytes_stored < 2000
    assert committed(place) == [{"one": data, "two": data}, {"three": data}]


def test_a_kept_file_has_the_content_of_the_base_before_and_new_meta(place: Place) -> None:
    write(place, place.store, FILES)
    sink = sink_of(place)
    assert sink.previous is not None
    for entry in sink.previous.entries():
        sink.keep(Entry(entry.path, entry.size, {"touched": True}))
    made = sink.commit(FACTS)
    assert made.chunks_total == 0
    assert committed(place)[-1] == FILES
    assert all(entry.meta == {"touched": True} for entry in newest(place).entries())


def test_only_what_the_base_before_holds_like_that_can_be_kept(place: Place) -> None:
    sink = sink_of(place)
    with pytest.raises(Failed, match="cannot be kept"):
        sink.keep(Entry("file-0", 3000))
    sink.abandon()
    write(place, place.store, FILES)
    sink = sink_of(place)
    with pytest.raises(Failed, match="cannot be kept"):
        sink.keep(Entry("file-0", 2999))
    sink.abandon()


def test_a_dropped_file_is_not_in_the_base(place: Place) -> None:
    sink = sink_of(place)
    for path, data in FILES.items():
        pending = sink.add(Entry(path, len(data)), partial(reads_of, data))
        pending.wait()
        if path in ("file-0", "file-5", "file-11"):
            pending.drop()
    sink.commit(FACTS)
    assert set(committed(place)[0]) == set(FILES) - {"file-0", "file-5", "file-11"}


def test_a_file_that_cannot_be_read_or_became_shorter_is_told_and_may_be_left_out(place: Place) -> None:
    def refuses(buffer: memoryview, offset: int) -> int:
        raise PermissionError("denied")

    sink = sink_of(place)
    with pytest.raises(PermissionError):
        sink.add(Entry("secret", 10), refuses).wait()
    with pytest.raises(OSError, match="shorter"):
        sink.add(Entry("shrunk", 10), partial(reads_of, b"short")).wait()
    add(sink, "fine", b"content")
    sink.commit(FACTS)
    assert committed(place) == [{"fine": b"content"}]


def test_a_stream_that_breaks_off_leaves_no_base(place: Place) -> None:
    def pieces() -> Iterator[bytes]:
        yield bytes(PIECE)
        raise StoreUnavailable("the source is gone")

    sink = sink_of(place, Limits())
    with pytest.raises(StoreUnavailable, match="the source is gone"):
        sink.stream(Entry("file", 0), pieces())
    sink.abandon()
    assert committed(place) == []


def test_a_stream_is_not_read_to_its_end_when_the_store_has_failed(place: Place) -> None:
    def broken(method: Method, name: str, when: When) -> None:
        if method == "put" and "/packs/" in name and when == "before":
            raise StoreUnavailable("down")

    taken = 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(2000):
            taken += 1
            yield secrets.token_bytes(PIECE // 8)

    store = Hooked(place.store, broken)
    sink = BaseWriter(place.repository(store), COMPONENT, "directory", Limits(workers=1, pack_size=PIECE))
    with pytest.raises(StoreUnavailable, match="down"):
        sink.stream(Entry("file", 0), pieces())
    sink.abandon()
    assert taken < 400


def test_no_thread_outlives_a_base(place: Place) -> None:
    before = set(threading.enumerate())
    write(place, place.store, FILES)
    sink = sink_of(place)
    add(sink, "file", b"content")
    sink.abandon()
    assert set(threading.enumerate()) == before


def test_an_unknown_file_or_base_is_named(place: Place) -> None:
    write(place, place.store, FILES)
    with pytest.raises(UnknownName, match="holds no file nothing"):
        list(newest(place).read("nothing"))
    with pytest.raises(UnknownName):
        find_base(place.repository(), COMPONENT, "nope")


def test_content_whose_index_is_gone_is_an_error_that_says_so(place: Place) -> None:
    write(place, place.store, FILES)
    for info in list(place.store.list(f"{COMPONENT}/index/")):
        place.store.delete(info.name)
    with pytest.raises(DamagedData):
        b"".join(newest(place).read("file-0"))
