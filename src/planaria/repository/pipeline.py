"""The streaming pipeline: worker threads read, hash, look up, compress, encrypt; a bounded queue feeds them.

A piece is read (or handed over), hashed under the component's key, and only if the repository lacks it compressed and
encrypted straight into the worker's open pack. Each worker has its own piece buffer, compressor and pack, so workers
share nothing but the index and the set of chunks on their way.
"""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from planaria.repository.codec import Encoder
from planaria.repository.index import Index
from planaria.repository.keys import ComponentKeys
from planaria.repository.manifest import ID, PIECE
from planaria.repository.packs import PackWriter
from planaria.repository.sealed import SlotKind

WAITING = 16
"""Pieces that may wait for each worker: enough that files of a few bytes do not make it sleep and wake."""


class Reads(Protocol):
    def __call__(self, buffer: memoryview, offset: int, /) -> int: ...


class Flight:
    """One file under way: its chunk ids fill in as workers finish, in any order."""

    __slots__ = ("_gate", "_lock", "error", "ids", "remaining", "size")

    def __init__(self, ids: bytearray, remaining: int) -> None:
        self.ids, self.remaining, self.size = ids, remaining, 0
        self.error: BaseException | None = None
        self._lock, self._gate = threading.Lock(), threading.Lock()
        if remaining:
            self._gate.acquire()  # until the last piece is done: an Event costs ten times as much, for every file

    def wait(self) -> None:
        with self._gate:
            pass

    def finished(self, number: int, chunk_id: bytes, size: int) -> None:
        with self._lock:
            self.ids[number * ID : number * ID + ID] = chunk_id
            self.size += size
            self._less()

    def failed(self, error: BaseException) -> None:
        with self._lock:
            self.error = self.error or error
            self._less()

    def expect_another(self) -> None:
        """One more piece, of a file whose number of pieces is not known yet."""
        with self._lock:
            self.ids += bytes(ID)
            self.remaining += 1

    def all_submitted(self) -> None:
        """Takes back the one that a file of unknown length counts from the start."""
        with self._lock:
            self._less()

    def _less(self) -> None:
        self.remaining -= 1
        if self.remaining == 0:
            self._gate.release()


@dataclass(frozen=True, slots=True)
class _Job:
    flight: Flight
    number: int
    offset: int
    size: int
    reads: Reads | None
    data: memoryview | None
    release: Callable[[], None] | None


class _Jobs:
    """A queue with an end: `put` blocks while `depth` jobs wait. Two C queues, for what one in Python would cost."""

    def __init__(self, depth: int) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._room: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(depth):
            self._room.put(None)

    def put(self, job: _Job | None) -> None:
        self._room.get()
        self._jobs.put(job)

    def get(self) -> _Job | None:
        job = self._jobs.get()
        self._room.put(None)
        return job


class ShortReadError(OSError):
    """A file ended before the size it was announced with; the driver decides what that means."""


class Pipeline:
    """Started by the constructor, ended by `finish` or `abort`."""

    def __init__(
        self, keys: ComponentKeys, index: Index, writers: list[PackWriter], *, level: int, count: Callable[[int], None]
    ) -> None:
        """One worker thread for each of `writers`; `count` is told the plain bytes of each finished piece."""
        self._keys, self._index, self._count, self._level = keys, index, count, level
        self._jobs = _Jobs(WAITING * len(writers))
        self._lock = threading.Lock()
        self._flying: set[bytes] = set()
        self.chunks_new = 0
        self.chunks_total = 0
        self.failure: BaseException | None = None
        """What broke a worker: the base cannot be committed any more."""
        self._aborted = False
        self._threads = [
            threading.Thread(target=self._work, args=(writer,), name=f"chunks-{number}", daemon=True)
            for number, writer in enumerate(writers)
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self,
        flight: Flight,
        number: int,
        offset: int,
        size: int,
        *,
        reads: Reads | None = None,
        data: memoryview | None = None,
        release: Callable[[], None] | None = None,
    ) -> None:
        """One piece of a file: either read by the worker, or handed over as `data`. Blocks while the queue is full."""
        self._jobs.put(_Job(flight, number, offset, size, reads, data, release))

    def landed(self, chunk_ids: list[bytes]) -> None:
        """These chunks are in the index now: forget that they were on their way."""
        with self._lock:
            self._flying.difference_update(chunk_ids)

    def _work(self, writer: PackWriter) -> None:
        buffer, encoder = memoryview(bytearray(PIECE)), Encoder(self._level)
        while (job := self._jobs.get()) is not None:
            try:
                if self._aborted:
                    raise InterruptedError("the base was abandoned")
                piece = self._read(job, buffer)
                chunk_id = self._store(piece, writer, encoder)
                job.flight.finished(job.number, chunk_id, len(piece))
            except OSError as error:
                job.flight.failed(error)
            except BaseException as error:  # noqa: BLE001 - carried to whoever waits or commits, and raised there
                self.failure = self.failure or error
                job.flight.failed(error)
            finally:
                if job.release is not None:
                    job.release()
        try:
            writer.abandon() if self._aborted else writer.flush()
        finally:
            buffer.release()

    def _read(self, job: _Job, buffer: memoryview) -> memoryview:
        if job.data is not None:
            return job.data
        piece = buffer[: job.size]
        if job.reads is None or job.reads(piece, job.offset) != job.size:
            raise ShortReadError("a file became shorter while it was read")
        return piece

    def _store(self, piece: memoryview, writer: PackWriter, encoder: Encoder) -> bytes:
        """The id of a chunk that is stored, or on its way in this worker's or another's pack."""
        chunk_id = self._keys.id_of(piece)
        with self._lock:
            self.chunks_total += 1
            known = chunk_id in self._flying
            if not known:
                self._flying.add(chunk_id)
        if not known and self._index.holds(chunk_id):
            self.landed([chunk_id])
        elif not known:
            try:
                codec, payload = encoder.encode(piece)
                writer.add(chunk_id, codec, payload, len(piece), SlotKind.DATA)
            except OSError as error:
                # A source's OSError only loses its file; the store's or the codec's would lose a chunk others rely on.
                raise RuntimeError("a chunk could not be packed") from error
            with self._lock:
                self.chunks_new += 1
        self._count(len(piece))
        return chunk_id

    def finish(self) -> None:
        """Every submitted piece is encoded and its pack handed to the uploads; idempotent."""
        threads, self._threads = self._threads, []
        for _ in threads:
            self._jobs.put(None)
        for thread in threads:
            thread.join()

    def abort(self) -> None:
        """What is queued fails, open packs are thrown away; harmless after `finish`."""
        self._aborted = True
        self.finish()
