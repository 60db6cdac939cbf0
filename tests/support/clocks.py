"""Time and randomness for tests: time passes when somebody sleeps, and a seed draws the same bytes again."""

import random
import threading
from collections.abc import Callable

from planaria.core.instant import SECOND, Instant

START = Instant(1_760_000_000 * SECOND)


class ManualClock:
    """Meets core.clock.Clock. Nobody waits: `sleep` moves the time on, for every thread that shares the clock."""

    def __init__(self, start: Instant = START) -> None:
        self._lock = threading.Lock()
        self._start = start
        self._passed = 0.0
        self.slept: list[float] = []
        """Every sleep asked for, in order, in seconds."""

    def now(self) -> Instant:
        with self._lock:
            return Instant(self._start + round(self._passed * SECOND))

    def monotonic(self) -> float:
        with self._lock:
            return self._passed

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self._passed += max(0.0, seconds)

    def advance(self, seconds: float) -> None:
        """Time passes without a sleeper."""
        with self._lock:
            self._passed += seconds

    def jump(self, seconds: float) -> None:
        """The wall clock is set, forwards or back; the monotonic one does not notice."""
        with self._lock:
            self._start = Instant(self._start + round(seconds * SECOND))


def seeded(seed: int) -> Callable[[int], bytes]:
    """Meets core.clock.Randomness: the same seed, the same bytes."""
    return random.Random(seed).randbytes
