"""A store that tries again what may pass (StoreUnavailable), within bounds; all else is raised as it comes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from planaria.core.clock import Clock, Randomness
from planaria.core.errors import ObjectExists, StoreUnavailable
from planaria.storage.contract import Bytes, ObjectInfo, Store

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Patience:
    attempts: int = 8
    total: float = 120.0
    """Seconds since the first attempt after which no further one begins."""
    first: float = 0.2
    """Seconds of the first pause; each later one is twice as long, and jitter takes up to half of it off."""
    longest: float = 15.0


class Retrying:
    def __init__(self, store: Store, clock: Clock, randomness: Randomness, patience: Patience = Patience()) -> None:
        self._store = store
        self._clock = clock
        self._randomness = randomness
        self._patience = patience

    @property
    def url(self) -> str:
        return self._store.url

    def put(self, name: str, data: Bytes) -> None:
        """An earlier attempt may have arrived although it failed: then the object is there, with these very bytes."""
        ambiguous = taken = False

        def attempt() -> None:
            nonlocal ambiguous, taken
            try:
                if not taken:
                    self._store.put(name, data)
                    return
            except StoreUnavailable:
                ambiguous = True
                raise
            except ObjectExists:
                if not ambiguous:
                    raise
                taken = True
            if self._store.get(name) != memoryview(data).cast("B"):
                raise ObjectExists(f"{name} is already in {self.url}, with other content")

        self._insisted(attempt)

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        return self._insisted(lambda: self._store.get(name, start, length))

    def head(self, name: str) -> ObjectInfo:
        return self._insisted(lambda: self._store.head(name))

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        """Goes on behind the last name it gave. Every name that arrives renews the patience."""
        pauses = self._pauses()
        while True:
            try:
                for info in self._store.list(prefix, after):
                    after = info.name
                    pauses = self._pauses()
                    yield info
            except StoreUnavailable as error:
                pauses.wait_or_raise(error)
            else:
                return

    def delete(self, name: str) -> None:
        self._insisted(lambda: self._store.delete(name))

    def _insisted(self, attempt: Callable[[], Answer]) -> Answer:
        pauses = self._pauses()
        while True:
            try:
                return attempt()
            except StoreUnavailable as error:
                pauses.wait_or_raise(error)

    def _pauses(self) -> "_Pauses":
        return _Pauses(self._patience, self._clock, self._randomness, self._clock.monotonic())


@dataclass(slots=True)
class _Pauses:
    """The attempts at one thing."""

    patience: Patience
    clock: Clock
    randomness: Randomness
    began: float
    attempts: int = 0

    def wait_or_raise(self, error: StoreUnavailable) -> None:
        """After a failed attempt. Raises the error when no further attempt is due, and says how long it was tried."""
        self.attempts += 1
        backoff = min(self.patience.longest, self.patience.first * 2 ** (self.attempts - 1))
        pause = backoff * (1 - int.from_bytes(self.randomness(2), "big") / 2**17)
        spent = self.clock.monotonic() - self.began
        if self.attempts >= self.patience.attempts or spent + pause > self.patience.total:
            tried = f"{error.message}, in {self.attempts} attempts over {spent:.0f} s"
            raise StoreUnavailable(tried, hint=error.hint) from error
        self.clock.sleep(pause)
