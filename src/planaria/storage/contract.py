"""The contract of an object store. Six methods; errors come from `core.errors`.

Names are `/`-separated, made of `[A-Za-z0-9._-]` segments that do not start with a dot, of at most 255 bytes each and
512 together. No name is the folder of another (`a` and `a/b`): a directory could not hold both.
Objects are written once, whole, at most 64 MiB, and durable when `put` returns.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from planaria.core.instant import Instant

Bytes = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    name: str
    size: int
    """Bytes."""
    modified_at: Instant
    """By the store's clock, never ours."""


class Store(Protocol):
    """Safe for use by many threads. Every method may raise StoreUnavailable (may pass) or StoreRefused (will not)."""

    @property
    def url(self) -> str:
        """Where it is, without secrets, for people."""
        ...

    def put(self, name: str, data: Bytes) -> None:
        """Create one object; durable on return. Raises ObjectExists where the store can tell, StoreFull.

        Safety never rests on ObjectExists: some stores overwrite.
        The store does not keep a reference to `data` after it returns.
        """
        ...

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """The bytes [start, start+length), or to the end. A range past the end is short. Raises ObjectMissing."""
        ...

    def head(self, name: str) -> ObjectInfo:
        """Raises ObjectMissing."""
        ...

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        """Objects whose name starts with `prefix` and sorts after `after`, in name order."""
        ...

    def delete(self, name: str) -> None:
        """Removes the object; a missing one is no error."""
        ...
