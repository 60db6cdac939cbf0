"""Writing a base: packs durable, then the index, then the commit object. Killed anywhere, at most orphans are left."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import blake3

from planaria.core.base import BaseFacts, CommittedBase, Entry
from planaria.core.errors import DamagedData, Failed
from planaria.core.instant import in_name
from planaria.repository.base_reader import BaseReader, Finder, PackReader
from planaria.repository.bases import ManifestPiece, newest_base, record_json
from planaria.repository.index import load_for_writing, write_run
from planaria.repository.limits import Limits
from planaria.repository.manifest import ID, PIECE, Filed
from planaria.repository.manifest_writer import ManifestWriter
from planaria.repository.packs import PackWriter, Placed, Uploads
from planaria.repository.pipeline import Flight, Pipeline, Reads
from planaria.repository.records import put_record
from planaria.repository.repository import Repository
from planaria.repository.sealed import Kind

INDEX_EVERY = 64
"""Packs between two index runs: what a retry after a crash can use again."""

Bytes = bytes | bytearray | memoryview


@dataclass(slots=True, eq=False)
class PendingFile:
    """A file on its way. Settled, for better or worse, once another file is waited for."""

    writer: "BaseWriter"
    entry: Entry
    flight: Flight
    dropped: bool = False
    waited: bool = False

    def wait(self) -> int:
        self.flight.wait()
        self.waited = True
        self.writer.newest = self
        if self.flight.error is not None:
            self.dropped = True
            raise self.flight.error
        return self.flight.size

    def drop(self) -> None:
        self.dropped = True


class BaseWriter:
    """One base of one component being written; see `drivers.contract.BaseSink`. Used by one thread."""

    def __init__(self, repository: Repository, component: str, driver: str, limits: Limits) -> None:
        self._repository, self._component, self._driver, self._limits = repository, component, driver, limits
        self._keys = repository.component(component)
        self._began_at = repository.clock.now()
        self._lease = f"{component}/sessions/{in_name(self._began_at)}-{repository.random_hex(4)}"
        self._index = load_for_writing(repository, component, limits.cache)
        self._previous = self._open_previous()
        self._kept = Finder(self._previous) if self._previous else None
        key = repository.new_data_key(component)
        put_record(
            repository,
            component,
            Kind.LEASE,
            self._lease,
            {"began_at": self._began_at, "purpose": "base", "key": key.id},
        )
        workers = max(1, limits.workers)
        self._lock = threading.Lock()
        self._unindexed: list[Placed] = []
        self._packs = 0
        self._uploads = Uploads(repository, component, buffers=workers + 2, on_durable=self._landed)
        self._writers = [
            PackWriter(
                repository,
                self._keys,
                self._uploads,
                key,
                Kind.PACK,
                pack_size=limits.pack_size,
                verify_every=limits.verify_every,
            )
            for _ in range(workers)
        ]
        self._pipeline = Pipeline(self._keys, self._index, self._writers, level=limits.level, count=limits.count)
        self._manifest = ManifestWriter(repository, self._keys, limits.pack_size)
        self._waiting: deque[PendingFile | Filed] = deque()
        self.newest: PendingFile | None = None
        """The one waited for last."""
        self._free: queue.SimpleQueue[bytearray] = queue.SimpleQueue()
        self._buffers = workers + 4
        self._ended = False

    def _open_previous(self) -> BaseReader | None:
        record = newest_base(self._repository, self._component)
        if record is None:
            return None
        packs = PackReader(self._repository, self._component)
        return BaseReader(self._repository, record, self._limits, self._index, packs)

    @property
    def previous(self) -> BaseReader | None:
        return self._previous

    def add(self, entry: Entry, reads: Reads | None = None) -> PendingFile:
        count = -(-entry.size // PIECE)
        pending = PendingFile(self, entry, Flight(bytearray(count * ID), count))
        self._settle()
        self._waiting.append(pending)
        for number in range(count):
            size = min(PIECE, entry.size - number * PIECE)
            self._pipeline.submit(pending.flight, number, number * PIECE, size, reads=reads)
        return pending

    def stream(self, entry: Entry, pieces: Iterable[Bytes]) -> Entry:
        flight = Flight(bytearray(), 1)  # one more than submitted, until the number of pieces is known
        for number, (buffer, size) in enumerate(self._aligned(pieces)):
            if flight.error is not None:
                break  # the rest of a long stream would be read for nothing
            flight.expect_another()
            self._pipeline.submit(
                flight, number, 0, size, data=memoryview(buffer)[:size], release=self._releaser(buffer)
            )
        flight.all_submitted()
        flight.wait()
        if flight.error is not None:
            raise flight.error
        kept = Entry(entry.path, flight.size, entry.meta)
        self._settle()
        self._waiting.append(Filed(kept, bytes(flight.ids)))
        return kept

    def _aligned(self, pieces: Iterable[Bytes]) -> Iterator[tuple[bytearray, int]]:
        """The stream cut into whole pieces, in buffers that come back when their chunk is stored."""
        buffer, used = self._buffer(), 0
        for piece in pieces:
            view, at = memoryview(piece), 0
            while at < len(view):
                step = min(PIECE - used, len(view) - at)
                buffer[used : used + step] = view[at : at + step]
                used, at = used + step, at + step
                if used == PIECE:
                    yield buffer, used
                    buffer, used = self._buffer(), 0
        if used:
            yield buffer, used
        else:
            self._free.put(buffer)

    def _buffer(self) -> bytearray:
        if self._buffers:
            self._buffers -= 1
            return bytearray(PIECE)
        return self._free.get()

    def _releaser(self, buffer: bytearray) -> Callable[[], None]:
        return lambda: self._free.put(buffer)

    def keep(self, entry: Entry) -> None:
        before = self._kept.find(entry.path) if self._kept else None
        if before is None or before.entry.size != entry.size:
            raise Failed(f"{entry.path} cannot be kept: the base before this one does not hold it like that")
        for chunk, _, _ in before.pieces():
            if not self._index.holds(chunk):
                what = f"a chunk of {entry.path} is damaged or missing"
                raise DamagedData(what, object_name=f"{self._component}/packs")
        self._settle()
        self._waiting.append(Filed(entry, before.chunks, before.sizes))

    def _settle(self, *, all_of_them: bool = False) -> None:
        """Files go to the manifest in order; the newest one waited for may still be dropped, and stays."""
        while self._waiting:
            one = self._waiting[0]
            if isinstance(one, PendingFile):
                if not all_of_them and (not one.waited or one is self.newest):
                    break
                if not one.dropped:
                    self._manifest.add(Filed(one.entry, bytes(one.flight.ids)))
            else:
                self._manifest.add(one)
            self._waiting.popleft()

    def _landed(self, placed: list[Placed]) -> None:
        """Packs became durable: their chunks go to the index, every so many packs."""
        with self._lock:
            self._unindexed += placed
            self._packs += 1
            due, self._unindexed = (self._unindexed, []) if self._packs % INDEX_EVERY == 0 else ([], self._unindexed)
        self._write_index(due)

    def _write_index(self, placed: list[Placed]) -> None:
        if placed:
            run = write_run(self._repository, self._component, ((one.chunk_id, one.location) for one in placed))
            with self._lock:
                self._index.add(run)
            self._pipeline.landed([one.chunk_id for one in placed])

    def commit(self, facts: BaseFacts) -> CommittedBase:
        for one in tuple(self._waiting):
            if isinstance(one, PendingFile) and not one.dropped:
                one.wait()
        self._settle(all_of_them=True)
        self._pipeline.finish()
        self._uploads.wait()
        if self._pipeline.failure is not None:
            raise self._pipeline.failure
        self._write_index(self._unindexed)
        committed = self._commit(facts, self._manifest.finish())
        self.abandon()
        return committed

    def _commit(self, facts: BaseFacts, manifest: tuple[ManifestPiece, ...]) -> CommittedBase:
        now = self._repository.clock.now()
        base_id = f"{in_name(now)}-{self._repository.random_hex(4)}"
        name = f"{self._component}/bases/{base_id}"
        stored = self._uploads.bytes_stored + self._manifest.bytes_stored
        counts = {
            "bytes_logical": self._manifest.bytes_logical,
            "bytes_stored": stored,
            "chunks_total": self._pipeline.chunks_total,
            "chunks_new": self._pipeline.chunks_new,
            "files": self._manifest.files,
        }
        record = record_json(
            base_id=base_id,
            component=self._component,
            driver=self._driver,
            began_at=self._began_at,
            ended_at=now,
            facts=facts,
            manifest=manifest,
            counts=counts,
        )
        before = self._previous.record if self._previous else None
        link = {"previous": [before.name, before.digest] if before else None}
        data = put_record(self._repository, self._component, Kind.BASE, name, link, (record,))
        receipt = {"base": name, "hash": blake3.blake3(data).hexdigest()}
        put_record(self._repository, self._component, Kind.LEASE, self._lease + ".end", receipt)
        return CommittedBase(base_id, counts["bytes_logical"], stored, counts["chunks_total"], counts["chunks_new"])

    def abandon(self) -> None:
        if not self._ended:
            self._ended = True
            self._pipeline.abort()
            self._uploads.close()
            self._manifest.close()
