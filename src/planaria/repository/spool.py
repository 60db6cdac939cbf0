"""Where a follower keeps sealed segments on this host while the store is away: durable here, and said to be no more.

One directory a stream; each file is the object that will be, under the name that it will have. Sealed to the
recipients like everything else: what is spooled cannot be read here either.
"""

import threading
from collections.abc import Iterator
from pathlib import Path

from planaria.core.errors import StoreFull
from planaria.storage.local import LocalStore


class Spool:
    """Segments in the order they were added. `budget` in bytes."""

    def __init__(self, directory: Path, budget: int) -> None:
        self._store = LocalStore(directory)
        self._directory, self._budget = directory, budget
        self._lock = threading.Lock()
        self._sizes = {info.name: info.size for info in self._store.list("")}

    def __len__(self) -> int:
        return len(self._sizes)

    @property
    def size(self) -> int:
        """Bytes."""
        with self._lock:
            return sum(self._sizes.values())

    def add(self, name: str, data: bytes) -> None:
        """Durable on this host on return. Raises StoreFull at the budget, or at the end of the disk."""
        if self.size + len(data) > self._budget:
            raise StoreFull(
                f"the spool {self._directory} has reached its budget of {self._budget} bytes",
                hint="raise budgets.spool, or bring the repository's store back",
            )
        self._store.put(name, data)
        with self._lock:
            self._sizes[name] = len(data)

    def names(self) -> Iterator[str]:
        """In journal order within a lineage."""
        with self._lock:
            return iter(sorted(self._sizes))

    def read(self, name: str) -> bytes:
        return self._store.get(name)

    def remove(self, name: str) -> None:
        """Once it is durable in the repository."""
        self._store.delete(name)
        with self._lock:
            self._sizes.pop(name, None)
