"""An object store in memory: for tests of everything above, as strict as a store can be."""

import threading
from collections.abc import Iterator

from planaria.core.clock import Clock
from planaria.core.errors import ObjectExists, ObjectMissing
from planaria.core.instant import Instant
from planaria.storage.contract import Bytes, ObjectInfo
from planaria.storage.names import validate


class MemoryStore:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._objects: dict[str, tuple[bytes, Instant]] = {}

    @property
    def url(self) -> str:
        return "memory:"

    def put(self, name: str, data: Bytes) -> None:
        kept = (bytes(data), self._clock.now())
        with self._lock:
            if validate(name) in self._objects:
                raise ObjectExists(f"{name} is already in {self.url}")
            self._objects[name] = kept

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        data, _ = self._found(name)
        return data[start:] if length is None else data[start : start + length]

    def head(self, name: str) -> ObjectInfo:
        data, at = self._found(name)
        return ObjectInfo(name, len(data), at)

    def _found(self, name: str) -> tuple[bytes, Instant]:
        with self._lock:
            found = self._objects.get(validate(name))
        if found is None:
            raise ObjectMissing(f"{name} is not in {self.url}")
        return found

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        with self._lock:
            names = sorted(name for name in self._objects if name.startswith(prefix) and name > after)
            infos = [ObjectInfo(name, len(self._objects[name][0]), self._objects[name][1]) for name in names]
        yield from infos

    def delete(self, name: str) -> None:
        with self._lock:
            self._objects.pop(validate(name), None)
