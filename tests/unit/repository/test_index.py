"""The index: runs, lookups, and the cache on this host, which may be anything."""

import secrets
from pathlib import Path

import pytest

from planaria.core.errors import DamagedData
from planaria.repository.index import Location, load, make_run, read_run, write_run
from planaria.repository.repository import Repository
from planaria.storage.hooked import Hooked, Method, When
from planaria.storage.memory import MemoryStore
from tests.support.clocks import ManualClock
from tests.support.faults import COMPONENT, Place

CHUNKS = [(bytes([number]) * 32, Location(bytes([number % 3]) * 32, number * 100, 99)) for number in range(50)]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    clock = ManualClock()
    return Place(MemoryStore(clock), tmp_path, clock, random=secrets.token_bytes)


def counting(place: Place, asked: list[str]) -> Repository:
    def hook(method: Method, name: str, when: When) -> None:
        if method == "get" and when == "before" and "/index/" in name:
            asked.append(name)

    return place.repository(Hooked(place.store, hook))


def test_every_chunk_is_found_where_it_lies_and_no_other(place: Place) -> None:
    run = make_run("run", reversed(CHUNKS))
    assert all(run.find(chunk) == where for chunk, where in CHUNKS)
    assert run.find(bytes([50]) * 32) is None
    assert run.find(bytes([3]) * 15 + bytes(17)) is None
    assert make_run("run", []).find(bytes(32)) is None
    assert {chunk for chunk, _ in run.locations()} == {chunk[:16] for chunk, _ in CHUNKS}
    assert set(run.pack_names()) == {bytes([number]) * 32 for number in range(3)}


def test_a_run_is_read_as_it_was_written(place: Place) -> None:
    repository = place.repository()
    run = write_run(repository, COMPONENT, CHUNKS)
    back = read_run(repository, COMPONENT, run.name)
    assert (bytes(back.packs), bytes(back.entries)) == (run.packs, run.entries)


def test_a_run_that_was_cached_is_not_fetched_again(place: Place, tmp_path: Path) -> None:
    write_run(place.repository(), COMPONENT, CHUNKS)
    asked: list[str] = []
    for _ in range(3):
        index = load(counting(place, asked), COMPONENT, tmp_path / "cache")
        assert index.find(CHUNKS[7][0]) == CHUNKS[7][1]
    assert len(asked) == 1


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "grow"])
def test_a_damaged_cache_is_seen_and_made_again(place: Place, tmp_path: Path, harm: str) -> None:
    write_run(place.repository(), COMPONENT, CHUNKS)
    asked: list[str] = []
    cache = tmp_path / "cache"
    load(counting(place, asked), COMPONENT, cache)
    (path,) = [path for path in cache.rglob("*") if path.is_file()]
    whole = path.read_bytes()
    flipped = whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:]
    path.write_bytes({"flip": flipped, "cut": whole[:40], "empty": b"", "grow": whole + b"x"}[harm])
    for _ in range(3):
        assert load(counting(place, asked), COMPONENT, cache).find(CHUNKS[7][0]) == CHUNKS[7][1]
    assert len(asked) == 3, "once to begin with, once to see, once to make it again"


def test_a_cache_that_cannot_be_written_costs_time_only(place: Place, tmp_path: Path) -> None:
    write_run(place.repository(), COMPONENT, CHUNKS)
    cache = tmp_path / "cache"
    cache.write_text("a file where the folder should be")
    assert load(place.repository(), COMPONENT, cache).find(CHUNKS[7][0]) == CHUNKS[7][1]


def test_a_damaged_run_is_named_and_the_others_are_used(place: Place) -> None:
    repository = place.repository()
    good, bad = write_run(repository, COMPONENT, CHUNKS[:10]), write_run(repository, COMPONENT, CHUNKS[10:])
    data = bytearray(place.store.get(bad.name))
    data[-1] ^= 1
    place.store.delete(bad.name)
    place.store.put(bad.name, bytes(data))
    index = load(repository, COMPONENT, None)
    assert index.find(CHUNKS[3][0]) == CHUNKS[3][1]
    assert [error.object_name for error in index.damage] == [bad.name]
    with pytest.raises(DamagedData):
        read_run(repository, COMPONENT, bad.name)
    assert good.name != bad.name
