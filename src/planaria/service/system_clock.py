"""The clock and the randomness of this machine: what everything is given outside tests."""

import os
import time

from planaria.core.instant import Instant


class SystemClock:
    def now(self) -> Instant:
        return Instant(time.time_ns() // 1000)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: TID251 - this is the clock that others take


def system_randomness(count: int, /) -> bytes:
    return os.urandom(count)
