"""The index: where a chunk lies. Sorted runs, looked up by binary search, memory-mapped where cached.

A run is one object, `<component>/index/0/<random>`: its first part is the table of pack names (32 bytes each), the
others the entries, 28 bytes each: 16-byte chunk id prefix, then pack number, offset of the slot in the pack and size
of the slot (u32, little-endian). Chunk ids are keyed hashes: nobody without the key can aim for a shared prefix.
"""

import bisect
import mmap
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import blake3

from planaria.core.errors import DamagedData, ObjectExists, Unavailable
from planaria.repository.condemned import condemned, present
from planaria.repository.layout import what_is
from planaria.repository.records import get_record, put_record
from planaria.repository.repository import Repository
from planaria.repository.sealed import Kind
from planaria.storage.local import LocalStore

PREFIX = 16
ENTRY = struct.Struct("<16sIII")
PART = 16 << 20
_HEAD = struct.Struct("<32sI")


@dataclass(frozen=True, slots=True)
class Location:
    pack: bytes
    """The BLAKE3 of the pack, which is its name."""
    offset: int
    size: int
    """Of the slot: header and ciphertext, in bytes."""


@dataclass(frozen=True, slots=True)
class Run:
    name: str
    packs: bytes | memoryview
    entries: bytes | memoryview

    def __len__(self) -> int:
        return len(self.entries) // ENTRY.size

    def find(self, chunk_id: bytes) -> Location | None:
        prefix, entries, size = chunk_id[:PREFIX], self.entries, ENTRY.size
        at = bisect.bisect_left(range(len(self)), prefix, key=lambda i: bytes(entries[i * size : i * size + PREFIX]))
        if at == len(self):
            return None
        found, pack, offset, length = ENTRY.unpack_from(entries, at * size)
        return Location(self._pack(pack), offset, length) if found == prefix else None

    def _pack(self, number: int) -> bytes:
        pack = bytes(self.packs[number * 32 : number * 32 + 32])
        if len(pack) != 32:
            raise DamagedData(f"{self.name} speaks of a pack that it does not name", object_name=self.name)
        return pack

    def locations(self) -> Iterator[tuple[bytes, Location]]:
        """(chunk id prefix, location) of every entry."""
        for prefix, pack, offset, size in ENTRY.iter_unpack(self.entries):
            yield prefix, Location(self._pack(pack), offset, size)

    def pack_names(self) -> Iterator[bytes]:
        return (bytes(self.packs[at : at + 32]) for at in range(0, len(self.packs), 32))


@dataclass(slots=True)
class Index:
    """All runs of a component. `find` and `holds` may be called by many threads, `add` by one.

    `unreliable`: packs that are damaged or missing. Their chunks count as absent for writers; a reader is sent there
    only where there is no other place.
    """

    runs: tuple[Run, ...]
    unreliable: frozenset[bytes] = frozenset()
    damage: tuple[DamagedData, ...] = ()
    """What is wrong with the runs that are not here."""

    def find(self, chunk_id: bytes) -> Location | None:
        last_resort: Location | None = None
        for run in self.runs:
            location = run.find(chunk_id)
            if location is not None and location.pack not in self.unreliable:
                return location
            last_resort = last_resort or location
        return last_resort

    def holds(self, chunk_id: bytes) -> bool:
        """Is the chunk where it can be relied on?"""
        location = self.find(chunk_id)
        return location is not None and location.pack not in self.unreliable

    def add(self, run: Run) -> None:
        self.runs = (run, *self.runs)


def make_run(name: str, chunks: Iterable[tuple[bytes, Location]]) -> Run:
    """From (chunk id, location) pairs in any order."""
    numbers: dict[bytes, int] = {}
    entries = [
        ENTRY.pack(chunk[:PREFIX], numbers.setdefault(where.pack, len(numbers)), where.offset, where.size)
        for chunk, where in chunks
    ]
    return Run(name, b"".join(numbers), b"".join(sorted(entries)))


def write_run(repository: Repository, component: str, chunks: Iterable[tuple[bytes, Location]]) -> Run:
    """Durable on return; every pack it names must be durable already."""
    run = make_run(f"{component}/index/0/{repository.random_hex()}", chunks)
    entries = bytes(run.entries)
    parts = (bytes(run.packs), *(entries[at : at + PART] for at in range(0, len(entries), PART)))
    put_record(repository, component, Kind.INDEX, run.name, {"entries": len(run)}, parts)
    return run


def read_run(repository: Repository, component: str, name: str) -> Run:
    """Raises DamagedData."""
    record = get_record(repository, component, Kind.INDEX, name)
    run = Run(name, record.parts[0] if record.parts else b"", b"".join(record.parts[1:]))
    count = record.facts.get("entries")
    if not isinstance(count, int) or len(run.entries) != count * ENTRY.size or len(run.packs) % 32:
        raise DamagedData(f"{name} does not hold the entries it speaks of", object_name=name)
    return run


def run_names(repository: Repository, component: str) -> list[str]:
    return [info.name for info in repository.store.list(f"{component}/index/") if what_is(info.name) == "index"]


def load(repository: Repository, component: str, cache: Path | None) -> Index:
    """For reading; runs already in `cache` are mapped instead of fetched. What a damaged run knew may be elsewhere."""
    runs, damage = _runs(repository, component, cache)
    return Index(runs, condemned(repository, component), damage)


def load_for_writing(repository: Repository, component: str, cache: Path | None) -> Index:
    """What can be relied on: a damaged run, a missing or condemned pack only cost that chunks are stored again."""
    runs, damage = _runs(repository, component, cache)
    there = present(repository, component)
    missing = {pack for run in runs for pack in run.pack_names()} - there
    return Index(runs, condemned(repository, component) | missing, damage)


def _runs(
    repository: Repository, component: str, cache: Path | None
) -> tuple[tuple[Run, ...], tuple[DamagedData, ...]]:
    runs, damage = list[Run](), list[DamagedData]()
    for name in run_names(repository, component):
        try:
            runs.append(_cached_run(repository, component, name, cache))
        except DamagedData as error:
            damage.append(error)
    return tuple(runs), tuple(damage)


def _cached_run(repository: Repository, component: str, name: str, cache: Path | None) -> Run:
    if cache is None:
        return read_run(repository, component, name)
    auth = repository.component(component).auth
    path = cache / repository.id / name
    run = _mapped(path, name, auth)
    if run is None:
        run = read_run(repository, component, name)
        head = _HEAD.pack(_seal(name, run.packs, run.entries, auth), len(run.packs))
        try:
            LocalStore(cache / repository.id).put(name, head + bytes(run.packs) + bytes(run.entries))
        except ObjectExists:
            path.unlink(missing_ok=True)  # it was there and did not verify: the next load caches it afresh
        except Unavailable:
            return run  # a cache that is full or not ours costs time, and nothing else
    return run


def _seal(name: str, packs: bytes | memoryview, entries: bytes | memoryview, auth: bytes) -> bytes:
    hasher = blake3.blake3(name.encode() + len(packs).to_bytes(8, "little"), key=auth)
    hasher.update(packs)
    hasher.update(entries)
    return hasher.digest()


def _mapped(path: Path, name: str, auth: bytes) -> Run | None:
    """None unless the cached file is whole and ours."""
    try:
        with path.open("rb") as file:
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError):
        return None
    if len(view) < _HEAD.size:
        return None
    seal, table = _HEAD.unpack_from(view)
    run = Run(name, view[_HEAD.size : _HEAD.size + table], view[_HEAD.size + table :])
    return run if seal == _seal(name, run.packs, run.entries, auth) else None
