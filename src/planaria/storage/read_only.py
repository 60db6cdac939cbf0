"""A store that nothing can be written to: for readers, and for runs that must not change anything."""

from collections.abc import Iterator

from planaria.core.errors import StoreRefused
from planaria.storage.contract import Bytes, ObjectInfo, Store


class ReadOnly:
    def __init__(self, store: Store) -> None:
        self._store = store
        self.get, self.head = store.get, store.head

    @property
    def url(self) -> str:
        return self._store.url

    def put(self, name: str, data: Bytes) -> None:
        raise StoreRefused(f"{name} was not written: {self.url} is opened for reading only")

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        return self._store.list(prefix, after)

    def delete(self, name: str) -> None:
        raise StoreRefused(f"{name} was not deleted: {self.url} is opened for reading only")
