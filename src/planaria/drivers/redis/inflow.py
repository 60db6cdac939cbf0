"""Reading a link in a thread of its own: arrival is stamped, and the source answered, while the journal is busy."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from planaria.core.clock import Clock
from planaria.core.errors import PlanariaError
from planaria.core.instant import Instant
from planaria.drivers.contract import Bytes

MOST = 16 * 1024 * 1024
"""Bytes read and not yet taken; more than this is left to the source's own output buffer."""
GATHER = 0.005
"""Seconds in which small reads gather: at 50,000 writes a second this saves most of the work, for 5 ms of precision."""
SMALL = 64 * 1024
TICK = 0.1


class Readable(Protocol):
    """What this module needs of a `link.Link`."""

    def read(self, timeout: float) -> Bytes | None: ...

    def acknowledge(self, offset: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Arrival:
    data: bytes
    at: Instant
    late: bool
    """It had to wait for room here: it may have been sent long before `at`."""


class Inflow:
    """`with` runs the thread. `acknowledged` is what to tell the source, each second and at once when it grows."""

    def __init__(self, link: Readable, clock: Clock, acknowledged: Callable[[], int], *, most: int = MOST) -> None:
        self._link = link
        self._clock = clock
        self._acknowledged = acknowledged
        self._most = most
        self._arrived: deque[Arrival] = deque()
        self._size = 0
        self._changed = threading.Condition()
        self._closing = False
        self._ended: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="redis-inflow", daemon=True)

    def __enter__(self) -> "Inflow":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Reads nothing more; what has been read can still be taken. Idempotent."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def take(self, timeout: float) -> Arrival | None:
        """The next bytes; None: none in `timeout` seconds, or no more. Raises what ended the link, behind them."""
        with self._changed:
            if not self._arrived and self._ended is None and not self._closing:
                self._changed.wait(timeout)
            if self._arrived:
                arrival = self._arrived.popleft()
                self._size -= len(arrival.data)
                self._changed.notify_all()
                return arrival
            if self._ended is not None:
                raise self._ended
            return None

    def _run(self) -> None:
        try:
            self._read()
        except PlanariaError as error:
            self._end(error)
        except BaseException as error:
            self._end(error)
            raise

    def _end(self, error: BaseException) -> None:
        with self._changed:
            self._ended = error
            self._changed.notify_all()

    def _read(self) -> None:
        told, due, late = -1, self._clock.monotonic(), False
        while not self._closing:
            offset, now = self._acknowledged(), self._clock.monotonic()
            if offset > told or now >= due:
                told, due = offset, now + 1.0
                self._link.acknowledge(offset)
            if not self._room():
                late = True
                continue
            data = self._link.read(TICK)
            if data is None:
                late = False  # the link is empty: what comes next has not waited
                continue
            self._put(Arrival(bytes(data), self._clock.now(), late))
            if len(data) < SMALL:
                late = False
                self._clock.sleep(GATHER)

    def _room(self) -> bool:
        with self._changed:
            if self._size >= self._most:
                self._changed.wait(TICK)
            return self._size < self._most

    def _put(self, arrival: Arrival) -> None:
        with self._changed:
            self._arrived.append(arrival)
            self._size += len(arrival.data)
            self._changed.notify_all()
