"""A store that calls a hook around every call: for crashes, for counting, for what a test or a drill wants to see."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Literal

from planaria.storage.contract import Bytes, ObjectInfo, Store

Method = Literal["put", "get", "head", "list", "delete"]
When = Literal["before", "after"]
Hook = Callable[[Method, str, When], None]
"""`(method, name or prefix, when)`. Raising `before` prevents the call; raising `after` hides its success."""


class Hooked:
    def __init__(self, store: Store, hook: Hook) -> None:
        self._store = store
        self._hook = hook

    @property
    def url(self) -> str:
        return self._store.url

    def put(self, name: str, data: Bytes) -> None:
        self._hook("put", name, "before")
        self._store.put(name, data)
        self._hook("put", name, "after")

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        self._hook("get", name, "before")
        data = self._store.get(name, start, length)
        self._hook("get", name, "after")
        return data

    def head(self, name: str) -> ObjectInfo:
        self._hook("head", name, "before")
        info = self._store.head(name)
        self._hook("head", name, "after")
        return info

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        self._hook("list", prefix, "before")
        yield from self._store.list(prefix, after)
        self._hook("list", prefix, "after")

    def delete(self, name: str) -> None:
        self._hook("delete", name, "before")
        self._store.delete(name)
        self._hook("delete", name, "after")


def at_call(number: int, when: When, act: Callable[[], None]) -> Hook:
    """Acts once: before or after call `number`, counted from 1 over all methods and threads."""
    lock = threading.Lock()
    seen = 0

    def hook(_method: Method, _name: str, now: When) -> None:
        nonlocal seen
        if now != when:
            return
        with lock:
            seen += 1
            due = seen == number
        if due:
            act()

    return hook


def die() -> None:
    """As a machine that loses its power, but for what the disk already has: nothing of ours runs any more."""
    os.kill(os.getpid(), signal.SIGKILL)
