"""Where a follower keeps sealed segments on this host while the store is away: durable here, and said to be no more.

One directory a stream; each file is the object that will be, under the name that it will have. Sealed to the
recipients like everything else: what is spooled cannot be read here either.
"""

import threading
from itertools import islice
from pathlib import Path

from planaria.core.errors import ObjectExists, StoreFull
from planaria.storage.local import LocalStore


class Spool:
    """Segments in the order they were added; those that were here before come first. `budget` in bytes."""

    def __init__(self, directory: Path, budget: int) -> None:
        self.store = LocalStore(directory)
        self._directory, self._budget = directory, budget
        self._lock = threading.Lock()
        self._sizes = {info.name: info.size for info in self.store.list("")}
        self._size = sum(self._sizes.values())

    def __len__(self) -> int:
        return len(self._sizes)

    @property
    def size(self) -> int:
        """Bytes."""
        return self._size

    def add(self, name: str, data: bytes) -> None:
        """Durable on this host on return. Raises StoreFull at the budget, or at the end of the disk."""
        if self._size + len(data) > self._budget:
            raise StoreFull(
                f"the spool {self._directory} has reached its budget of {self._budget} bytes",
                hint="raise budgets.spool, or bring the repository's store back",
            )
        try:
            self.store.put(name, data)
        except ObjectExists:  # an add that failed after its file was made
            if self.store.get(name) != data:
                raise
        with self._lock:
            self._size += len(data) - self._sizes.get(name, 0)
            self._sizes[name] = len(data)

    def names(self, count: int | None = None) -> list[str]:
        """The first `count`, or all; in journal order within a lineage."""
        with self._lock:
            return list(islice(self._sizes, count))

    def read(self, name: str) -> bytes:
        """Raises ObjectMissing where another process on this host has shipped it."""
        return self.store.get(name)

    def remove(self, name: str) -> None:
        """Once it is durable in the repository."""
        self.store.delete(name)
        with self._lock:
            self._size -= self._sizes.pop(name, 0)
