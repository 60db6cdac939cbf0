"""Progress of long work on standard error: bars on a terminal, a line now and then otherwise, nothing with --quiet."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from planaria.core.clock import Clock

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LINE_EVERY = 5.0
"""Seconds between two lines about the same thing."""


@dataclass(slots=True)
class Lines:
    """For logs: what, how much, how fast, how long still."""

    clock: Clock
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _began: dict[str, float] = field(default_factory=dict)
    _said: dict[str, float] = field(default_factory=dict)

    def __call__(self, what: str, done: int, total: int | None) -> None:
        with self._lock:
            now = self.clock.monotonic()
            began = self._began.setdefault(what, now)
            if now - self._said.setdefault(what, now) < LINE_EVERY:
                return
            self._said[what] = now
        print(f"planaria: {what}: {amount(done, total, now - began)}", file=sys.stderr, flush=True)


def amount(done: int, total: int | None, seconds: float) -> str:
    """`1.4 GiB of 2.0 GiB, 210 MiB/s, 3 s left`."""
    from planaria.core.quantities import shown_duration, shown_rate, shown_size

    rate = done / seconds if seconds > 0 else 0
    parts = [shown_size(done) + (f" of {shown_size(total)}" if total else ""), shown_rate(int(rate))]
    if total and rate:
        parts.append(f"{shown_duration(max(0, total - done) / rate)} left")
    return ", ".join(parts)


@dataclass(slots=True)
class Bars:
    """For a terminal. Nothing is drawn before there is something to show, so that questions can be asked before."""

    _bars: "Progress | None" = None
    _tasks: "dict[str, TaskID]" = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, what: str, done: int, total: int | None) -> None:
        with self._lock:
            if self._bars is None:
                self._bars = _columns()
                self._bars.start()
            task = self._tasks.get(what)
            if task is None:
                task = self._tasks[what] = self._bars.add_task(what, total=total)
        self._bars.update(task, completed=done, total=total)

    def end(self) -> None:
        if self._bars is not None:
            self._bars.stop()


def _columns() -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    # Standard output is not ours to catch: rich would move it to standard error too.
    return Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)


def nothing(what: str, done: int, total: int | None) -> None:
    """With --quiet."""


@contextmanager
def bars() -> Iterator[Bars]:
    shown = Bars()
    try:
        yield shown
    finally:
        shown.end()
