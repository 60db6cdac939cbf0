"""Getting sealed segments into the store, in order: straight, or by way of the spool while the store is away."""

from collections.abc import Callable
from dataclasses import dataclass, field

from planaria.core.clock import Clock
from planaria.core.errors import (
    DamagedData,
    ObjectExists,
    ObjectMissing,
    PlanariaError,
    StoreFull,
    StoreRefused,
    StoreUnavailable,
)
from planaria.repository.spool import Spool
from planaria.storage.contract import Store

AWAY = (StoreUnavailable, StoreRefused, StoreFull)
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds between attempts to reach a store that is away."""
AT_ONCE = 8
"""Spooled segments brought to the store before a new one is looked at again: draining must not hold up the source."""


@dataclass(slots=True)
class Shipping:
    """Used by one thread. A segment is in the store, in the spool, or its `ship` raised."""

    store: Store
    spool: Spool
    clock: Clock
    warn: Callable[[str], None]
    on_durable: Callable[[str], None]
    """Told each object's name once the store has it, in order."""
    _next_try: float = 0.0
    _pause: float = field(default=FIRST_PAUSE)
    _away: bool = False

    def ship(self, name: str, data: bytes) -> None:
        """Raises StoreFull when neither store nor spool takes it; may be called again with the same object then."""
        if self.drain() and self._put(name, data):
            self._said_back()
            self.on_durable(name)
        else:
            self.spool.add(name, data)

    def drain(self) -> bool:
        """Brings some of what is spooled to the store, oldest first, unless it was tried just now.

        True: nothing is left, and the store may be tried.
        """
        if self.pause:
            return False
        for name in self.spool.names(AT_ONCE):
            if not self._put(name, self._spooled(name)):
                return False
            self.spool.remove(name)
            if not len(self.spool):
                self._said_back()
            self.on_durable(name)  # last: who asks meanwhile finds it in the spool still, or is told
        return not len(self.spool)

    @property
    def pause(self) -> float:
        """Seconds until the store may be tried."""
        return max(0.0, self._next_try - self.clock.monotonic())

    def _spooled(self, name: str) -> bytes | None:
        try:
            return self.spool.read(name)
        except ObjectMissing:
            return None

    def _put(self, name: str, data: bytes | None) -> bool:
        """False: the store is away. `data` None: another process on this host says it has put it."""
        try:
            if data is not None:
                put_once(self.store, name, data)
            else:
                self.store.head(name)
        except AWAY as error:
            self._failed(error)
            return False
        except ObjectMissing:
            raise DamagedData(f"{name} is gone from the spool, and not in the store", object_name=name) from None
        self._next_try, self._pause = 0.0, FIRST_PAUSE
        return True

    def _said_back(self) -> None:
        if self._away:
            self._away = False
            self.warn("The repository's store is back; nothing is left in the spool.")

    def _failed(self, error: PlanariaError) -> None:
        if not self._away:
            self.warn(
                f"The repository's store is away ({error.message}): journals are spooled on this host, "
                "and nothing new counts as protected."
            )
        self._away = True
        self._next_try = self.clock.monotonic() + self._pause
        self._pause = min(LONGEST_PAUSE, 2 * self._pause)


def put_once(store: Store, name: str, data: bytes) -> None:
    """Put an object that only we name. Raises DamagedData when its name is taken by other bytes.

    An earlier try may have arrived although it was reported as failed.
    """
    try:
        store.put(name, data)
    except ObjectExists:
        if store.get(name) != data:
            raise DamagedData(f"{name} exists with other content", object_name=name) from None
