"""Packs: many chunks in one object, named by the BLAKE3 of the whole. Filled by one thread each, uploaded by others."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import blake3

from planaria.core.errors import DamagedData, ObjectExists
from planaria.repository.codec import Decoder
from planaria.repository.index import Location
from planaria.repository.keys import ComponentKeys
from planaria.repository.repository import Repository
from planaria.repository.sealed import (
    SALT,
    Codec,
    Kind,
    Opener,
    Sealer,
    SealingKey,
    SlotKind,
    parse_header,
    parse_slot,
)

PACK_SIZE = 16 << 20


def pack_name(component: str, digest: bytes) -> str:
    text = digest.hex()
    return f"{component}/packs/{text[:2]}/{text}"


@dataclass(frozen=True, slots=True)
class Placed:
    """A chunk that is durable: its pack is in the store."""

    chunk_id: bytes
    location: Location
    plain_size: int


class Uploads:
    """Puts finished packs, a few at a time. `acquire` blocks while every buffer is full: the memory budget."""

    def __init__(
        self, repository: Repository, component: str, *, buffers: int, on_durable: Callable[[list[Placed]], None]
    ) -> None:
        self._repository, self._component, self._on_durable = repository, component, on_durable
        self._pool = ThreadPoolExecutor(max(1, buffers // 2), thread_name_prefix="upload")
        self._free = threading.Semaphore(buffers)
        self._idle: queue.SimpleQueue[Sealer] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._flying: set[Future[None]] = set()
        self._failure: BaseException | None = None
        self.bytes_stored = 0

    def acquire(self, make: Callable[[], Sealer], key: SealingKey, kind: Kind) -> Sealer:
        """An empty sealer, its buffer used again where there is one. Raises what an upload before raised."""
        self._free.acquire()
        try:
            self.raise_failure()
        except BaseException:
            self._free.release()  # the next to ask is told too, instead of waiting for what never comes
            raise
        try:
            sealer = self._idle.get_nowait()
        except queue.Empty:
            sealer = make()
        sealer.begin(self._repository.scope(self._component, kind), key, self._repository.random(SALT))
        return sealer

    def submit(self, sealer: Sealer, chunks: list[tuple[bytes, int, int, int]]) -> None:
        """`chunks`: (chunk id, offset, size, plain size) of each slot."""
        future = self._pool.submit(self._upload, sealer, chunks)
        with self._lock:
            self._flying.add(future)
        future.add_done_callback(self._done)

    def release(self, sealer: Sealer) -> None:
        self._idle.put(sealer)
        self._free.release()

    def _done(self, future: "Future[None]") -> None:
        with self._lock:
            self._flying.discard(future)
            self._failure = self._failure or (None if future.cancelled() else future.exception())

    def _upload(self, sealer: Sealer, chunks: list[tuple[bytes, int, int, int]]) -> None:
        try:
            data = sealer.finish()
            digest = blake3.blake3(data).digest()
            name = pack_name(self._component, digest)
            try:
                self._repository.store.put(name, data)
            except ObjectExists:
                # A fresh salt makes every pack unique: only an earlier try of this very put can have made it.
                if self._repository.store.get(name) != data:
                    raise DamagedData(f"{name} exists with other content", object_name=name) from None
            with self._lock:
                self.bytes_stored += len(data)
            placed = [Placed(chunk, Location(digest, offset, size), plain) for chunk, offset, size, plain in chunks]
            self._on_durable(placed)
        finally:
            self.release(sealer)

    def raise_failure(self) -> None:
        with self._lock:
            failure = self._failure
        if failure is not None:
            raise failure

    def wait(self) -> None:
        """Until every submitted pack is durable. Raises what an upload raised."""
        while True:
            with self._lock:
                flying = list(self._flying)
            if not flying:
                break
            for future in flying:
                future.exception()
        self.raise_failure()

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


class PackWriter:
    """Fills packs, in one thread. Every `verify_every`th chunk is opened and decoded again before it counts."""

    def __init__(
        self,
        repository: Repository,
        keys: ComponentKeys,
        uploads: Uploads,
        key: SealingKey,
        kind: Kind,
        *,
        pack_size: int = PACK_SIZE,
        verify_every: int = 16,
    ) -> None:
        self._repository, self._keys, self._uploads, self._key, self._kind = repository, keys, uploads, key, kind
        self._pack_size, self._verify_every = pack_size, verify_every
        self._sealer: Sealer | None = None
        self._opener: Opener | None = None
        self._chunks: list[tuple[bytes, int, int, int]] = []
        self._decoder = Decoder()
        self._count = 0

    def add(
        self, chunk_id: bytes, codec: Codec, payload: bytes | bytearray | memoryview, plain_size: int, kind: SlotKind
    ) -> None:
        sealer = self._sealer
        if sealer is None or not sealer.room(len(payload)):
            self.flush()
            sealer = self._begin(len(payload))
        offset, size = sealer.add(payload, codec=codec, kind=kind, plain_size=plain_size, chunk_id=chunk_id)
        self._chunks.append((chunk_id, offset, size, plain_size))
        self._count += 1
        if self._verify_every and self._count % self._verify_every == 0:
            self._verify(sealer, offset, size)

    def _begin(self, least: int) -> Sealer:
        make = lambda: Sealer(max(self._pack_size, least + 4096))  # noqa: E731
        self._sealer = sealer = self._uploads.acquire(make, self._key, self._kind)
        self._opener = None
        return sealer

    def _verify(self, sealer: Sealer, offset: int, size: int) -> None:
        name = "a pack being written"
        if self._opener is None:
            self._opener = Opener(parse_header(sealer.written(0, sealer.size), name), self._key.secret, name)
        view = sealer.written(offset, size)
        slot = parse_slot(view, offset, name)
        plain = self._decoder.decode(slot.codec, self._opener.open(slot, view), slot.plain_size, name)
        if self._keys.id_of(plain) != slot.chunk_id:
            raise DamagedData(
                "a chunk did not decode to what was encoded", object_name=name, hint="suspect this host's memory or CPU"
            )

    def flush(self) -> None:
        """Hand the open pack to the uploads."""
        if self._sealer is not None:
            sealer, chunks = self._sealer, self._chunks
            self._sealer, self._chunks = None, []
            self._uploads.submit(sealer, chunks)

    def abandon(self) -> None:
        if self._sealer is not None:
            self._uploads.release(self._sealer)
            self._sealer = None
