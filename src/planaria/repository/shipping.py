"""Getting sealed segments into the store, in order: straight, or by way of the spool while the store is away."""

from collections.abc import Callable
from dataclasses import dataclass, field

from planaria.core.clock import Clock
from planaria.core.errors import (
    DamagedData,
    ObjectExists,
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
        if self.drain():
            try:
                put_once(self.store, name, data)
            except AWAY as error:
                self._failed(error)
            else:
                self.on_durable(name)
                return
        self.spool.add(name, data)

    def drain(self) -> bool:
        """Brings what is spooled to the store, oldest first, unless it was tried just now. True: nothing is left."""
        if self._away and self.clock.monotonic() < self._next_try:
            return False
        try:
            for name in self.spool.names():
                put_once(self.store, name, self.spool.read(name))
                self.spool.remove(name)
                self.on_durable(name)
        except AWAY as error:
            self._failed(error)
            return False
        if self._away:
            self._away, self._pause = False, FIRST_PAUSE
            self.warn("The repository's store is back; nothing is left in the spool.")
        return True

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
