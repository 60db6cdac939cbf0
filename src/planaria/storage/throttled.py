"""A store that keeps to a rate, so that production keeps its network."""

import threading
from collections.abc import Iterator

from planaria.core.clock import Clock
from planaria.storage.contract import Bytes, ObjectInfo, Store

BURST = 1.0
"""Seconds' worth of bytes that may go at once after a pause."""


class Rate:
    """A token bucket: all who share it together stay at `per_second` bytes, over any time longer than a burst."""

    def __init__(self, per_second: int, clock: Clock) -> None:
        self._per_second = per_second
        self._clock = clock
        self._lock = threading.Lock()
        self._paid_until = float("-inf")
        """When, on the monotonic clock, all that was taken so far is paid for."""

    def take(self, count: int) -> None:
        """Waits until `count` bytes are paid for, but for one burst."""
        with self._lock:
            now = self._clock.monotonic()
            self._paid_until = max(self._paid_until, now - BURST) + count / self._per_second
            wait = self._paid_until - now
        if wait > 0:
            self._clock.sleep(wait)


class Throttled:
    """Puts wait before, gets after: what they will bring is not known before. None: as fast as it goes."""

    def __init__(self, store: Store, upload: Rate | None, download: Rate | None) -> None:
        self._store = store
        self._upload = upload
        self._download = download

    @property
    def url(self) -> str:
        return self._store.url

    def put(self, name: str, data: Bytes) -> None:
        if self._upload:
            self._upload.take(memoryview(data).nbytes)
        self._store.put(name, data)

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        data = self._store.get(name, start, length)
        if self._download:
            self._download.take(len(data))
        return data

    def head(self, name: str) -> ObjectInfo:
        return self._store.head(name)

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        return self._store.list(prefix, after)

    def delete(self, name: str) -> None:
        self._store.delete(name)
