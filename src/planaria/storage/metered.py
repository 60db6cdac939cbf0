"""A store that counts what is asked of it, what moves, what fails, and how long it takes."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from planaria.core.clock import Clock
from planaria.core.errors import ObjectExists, ObjectMissing, PlanariaError
from planaria.storage.contract import Bytes, ObjectInfo, Store
from planaria.storage.hooked import Method


@dataclass(frozen=True, slots=True)
class Use:
    """Since the store was opened. A list counts as one request, however many pages it takes."""

    requests: Mapping[Method, int]
    errors: Mapping[Method, int]
    """Of these, failed; that an object is missing, or exists, is an answer."""
    seconds: Mapping[Method, float]
    """Spent waiting for the store, added up over threads."""
    bytes_in: int
    """From the store, in objects."""
    bytes_out: int
    """To the store, in objects that it took."""


class Metered:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._requests: Counter[Method] = Counter()
        self._errors: Counter[Method] = Counter()
        self._seconds: dict[Method, float] = {}
        self._in = self._out = 0

    @property
    def url(self) -> str:
        return self._store.url

    def use(self) -> Use:
        """Up to now, consistent in itself."""
        with self._lock:
            return Use(dict(self._requests), dict(self._errors), dict(self._seconds), self._in, self._out)

    def put(self, name: str, data: Bytes) -> None:
        with self._counted("put"):
            self._store.put(name, data)
        with self._lock:
            self._out += memoryview(data).nbytes

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        with self._counted("get"):
            data = self._store.get(name, start, length)
        with self._lock:
            self._in += len(data)
        return data

    def head(self, name: str) -> ObjectInfo:
        with self._counted("head"):
            return self._store.head(name)

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        """The time between two names counts while the store looks for the next, not while the caller uses the last."""
        found = iter(self._store.list(prefix, after))
        requests = 1
        while True:
            with self._counted("list", requests):
                info = next(found, None)
            if info is None:
                return
            requests = 0
            yield info

    def delete(self, name: str) -> None:
        with self._counted("delete"):
            self._store.delete(name)

    @contextmanager
    def _counted(self, method: Method, requests: int = 1) -> Iterator[None]:
        began, failed = self._clock.monotonic(), 0
        try:
            yield
        except (ObjectMissing, ObjectExists):
            raise
        except PlanariaError:
            failed = 1
            raise
        finally:
            with self._lock:
                self._requests[method] += requests
                self._errors[method] += failed
                self._seconds[method] = self._seconds.get(method, 0.0) + self._clock.monotonic() - began
