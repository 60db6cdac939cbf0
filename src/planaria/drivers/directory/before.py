"""The base before this one, walked beside the tree: what it held of a path, without holding all of it in memory."""

import os
from collections.abc import Callable, Iterator

from planaria.core.base import Entry
from planaria.core.errors import DamagedData
from planaria.drivers.contract import BaseView
from planaria.drivers.directory.attributes import identity
from planaria.drivers.directory.tree import Found, order


class Before:
    """Asked in the order of the walk. An entry that was written out of that order is not found, and read again."""

    def __init__(self, base: BaseView | None, warn: Callable[[str], None]) -> None:
        self._entries: Iterator[Entry] = base.entries() if base is not None else iter(())
        self._warn = warn
        self._head: Entry | None = None
        self._step()

    def _step(self) -> None:
        try:
            self._head = next(self._entries, None)
        except DamagedData as error:
            self._head = None
            self._warn(f"{error.message}: the files it speaks of are read again")

    def unchanged(self, found: Found) -> Entry | None:
        """What the base before holds of this file, where nothing about it has changed since."""
        while self._head is not None and order(self._head.path) < found.key:
            self._step()
        head = self._head
        if head is None or head.path != found.path or not _same(head, found.status):
            return None
        return head


def _same(entry: Entry, status: os.stat_result) -> bool:
    meta = entry.meta
    if meta.get("kind") != "file" or meta.get("recent"):
        return False
    now = identity(status)
    return (
        entry.size == status.st_size
        and meta["mtime_ns"] == status.st_mtime_ns
        and all(meta[name] == value for name, value in now.items())
    )
