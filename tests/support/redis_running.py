"""The Redis driver at work in a test: a real clock, a follower in a thread, waits on conditions."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from planaria.core.instant import Instant
from planaria.drivers.contract import MAIN, Driver, JournalTail, Surroundings
from planaria.drivers.redis.driver import create
from planaria.drivers.redis.options import RedisOptions
from tests.support.memory_archive import MemoryArchive
from tests.support.redis_server import Server

BOTH = (pytest.param("redis", marks=pytest.mark.redis), "valkey")
"""Parametrize with these: Debian's Redis 7.0 and the wheel's Valkey 9.1."""


class RealClock:
    """core.clock.Clock."""

    def __init__(self) -> None:
        self._never = threading.Event()

    def now(self) -> Instant:
        return Instant(time.time_ns() // 1000)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        self._never.wait(seconds)


def poll(condition: Callable[[], Any], what: str | Callable[[], str], seconds: float = 20.0) -> Any:
    """Waits until the condition holds, and returns its value."""
    pause = threading.Event()
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain: {what if isinstance(what, str) else what()}"
        pause.wait(0.01)
    return value


@dataclass
class Run:
    """A driver, and what it said. `follow` runs it in a thread until the `with` ends."""

    options: Mapping[str, Any]
    environ: Mapping[str, str] = field(default_factory=dict)
    archive: MemoryArchive = field(default_factory=MemoryArchive)
    warnings: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None

    @property
    def driver(self) -> Driver:
        clock = RealClock()
        around = Surroundings(clock, lambda what, done, total: None, self.warnings.append, self.stop.is_set)
        return create(RedisOptions(driver="redis", **self.options), around, self.environ)

    @contextlib.contextmanager
    def following(self, *, fails: bool = False) -> Iterator["Run"]:
        """With `fails`, the error that ended it is left in `error` instead of being raised."""
        self.error = None
        thread = threading.Thread(target=self._follow, args=(self.driver,))
        thread.start()
        try:
            yield self
        finally:
            self.stop.set()
            thread.join(30)
            assert not thread.is_alive(), "the follower did not stop"
            self.stop.clear()
        if self.error is not None and not fails:
            raise self.error

    def _follow(self, driver: Driver) -> None:
        try:
            driver.follow(self.archive)
        except Exception as error:  # noqa: BLE001 - raised in the test's thread
            self.error = error

    def tail(self, stream: str = MAIN) -> JournalTail:
        found = self.archive.tail(stream)
        assert found is not None
        return found

    def await_base(self, count: int = 1) -> None:
        poll(lambda: self.error or len(self.archive.bases) >= count, lambda: f"{count} bases: {self.warnings}")

    def exact(self, stream: str = MAIN) -> bool:
        journal = self.archive.journals.get(stream)
        return journal is not None and not journal.inexact and bool(journal.segments)

    def await_exact(self, stream: str = MAIN) -> None:
        self.await_base()
        poll(lambda: self.error or self.exact(stream), lambda: f"exact stamps: {self.warnings}")

    def await_offset(self, offset: int, stream: str = MAIN) -> None:
        poll(
            lambda: self.error or self.tail(stream).position.offset >= offset,
            lambda: f"offset {offset}: {self.warnings}",
        )

    def catch_up(self, server: Server, stream: str = MAIN) -> int:
        """Waits until everything the server has sent by now is in the journal; returns that offset."""
        offset = offset_of(server)
        self.await_offset(offset, stream)
        return offset


def offset_of(server: Server) -> int:
    with server.client() as client:
        return int(client.info("replication")["master_repl_offset"])


def to_server(server: Server, **options: Any) -> Run:
    return Run({"url": server.url, **options})
