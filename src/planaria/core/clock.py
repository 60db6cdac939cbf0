"""The clock and the randomness that logic is given."""

from typing import Protocol

from planaria.core.instant import Instant


class Clock(Protocol):
    def now(self) -> Instant:
        """The wall clock, which may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow, for durations and pacing."""
        ...

    def sleep(self, seconds: float) -> None: ...


class Randomness(Protocol):
    def __call__(self, count: int, /) -> bytes:
        """`count` unpredictable bytes (`secrets.token_bytes` outside tests)."""
        ...
