"""One stream's journal being written: cut into segments every second, sealed, shipped in order.

The driver's thread appends; one thread seals and ships. At most two segments wait between them: when the store and the
spool are both full, `append` blocks, and the source notices as it would with a slow replica.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from planaria.core.base import Json
from planaria.core.errors import Failed, StoreFull
from planaria.core.instant import Instant
from planaria.core.position import Position
from planaria.repository.codec import Encoder
from planaria.repository.journal_cutter import Cut, Cutter
from planaria.repository.repository import Repository
from planaria.repository.sealed import Sealer, SealingKey
from planaria.repository.segments import SegmentFacts, digest_of, place_of, seal_segment
from planaria.repository.shipping import FIRST_PAUSE, Shipping
from planaria.repository.spool import Spool
from planaria.storage.contract import Bytes

WAITING = 2
"""Cut segments that may wait to be shipped."""
HELD_UP = 1.0
"""Seconds that `append` may block before arrivals behind it count as late."""


@dataclass(frozen=True, slots=True)
class JournalLimits:
    """`flush` and `idle` in seconds: a segment is cut so long after its first byte; after so long without one, an empty
    one says that there was nothing. `segment`, `spool_budget` in bytes."""

    spool: Path
    spool_budget: int = 10 << 30
    flush: float = 1.0
    idle: float = 5.0
    segment: int = 8 << 20
    level: int = 1


class JournalWriter:
    """See `drivers.contract.JournalSink`. `close` ends its thread."""

    def __init__(
        self,
        repository: Repository,
        component: str,
        stream: str,
        key: SealingKey,
        limits: JournalLimits,
        spool: Spool,
        warn: Callable[[str], None],
    ) -> None:
        self._repository, self._component, self._stream, self._key = repository, component, stream, key
        self._clock, self._spool, self._warn = repository.clock, spool, warn
        self._shipping = Shipping(repository.store, spool, repository.clock, warn, self._landed)
        self._sealer, self._encoder = Sealer(256 << 10), Encoder(limits.level)
        self._changed = threading.Condition()
        self._cutter = Cutter(repository.clock, flush=limits.flush, idle=limits.idle, segment=limits.segment)
        self._durable: Position | None = None
        self._sealed: set[str] = set()
        """This writer's own segments on their way."""
        self._previous: str | None = None
        self._busy = self._ended = self._flushing = False
        self._refused: StoreFull | None = None
        """Why the newest attempt to ship found no room."""
        self._told = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"journal-{component}", daemon=True)
        self._thread.start()

    def begin(self, position: Position, at: Instant, source: Mapping[str, Json], *, exact: bool, reason: str) -> None:
        with self._changed:
            self._raise()
            self._cutter.begin(position, at, source, exact=exact, reason=reason)
            reached = self._in_store(position)
            if self._durable is None or (
                self._durable.lineage == reached.lineage and reached.offset < self._durable.offset
            ):
                self._durable = reached
            self._changed.notify_all()

    def _in_store(self, position: Position) -> Position:
        """`position`, unless an earlier writer's spooled segments on the way to it have yet to arrive."""
        begins = (place_of(name)[0] for name in self._spool.names())
        offsets = [one.offset for one in begins if one.lineage == position.lineage]
        return Position(position.lineage, min([position.offset, *offsets]))

    def append(self, data: Bytes, at: Instant, hint: Json = None) -> None:
        rest = memoryview(data)
        while len(rest):
            with self._changed:
                self._await_room()
                count = min(len(rest), self._cutter.room)
                self._cutter.append(rest[:count], at, hint)
                if self._cutter.ready:
                    self._changed.notify_all()
            rest, hint = rest[count:], None

    def _await_room(self) -> None:
        began = self._clock.monotonic()
        self._changed.wait_for(lambda: len(self._cutter.ready) < WAITING or self._stopped)
        self._raise()
        if self._clock.monotonic() - began > HELD_UP:
            self._cutter.held_up(self._clock.now(), "the store was away and the spool full: the source was held up")

    def caught_up(self, at: Instant) -> None:
        with self._changed:
            self._raise()
            self._cutter.caught_up(at)

    def quiet(self, at: Instant) -> None:
        with self._changed:
            self._raise()
            self._cutter.quiet(at)

    def tell(self, source: Mapping[str, Json]) -> None:
        with self._changed:
            self._raise()
            self._cutter.tell(source)

    @property
    def durable(self) -> Position:
        with self._changed:
            if self._durable is None:
                raise Failed("a journal has no position before it begins")
            return self._durable

    def flush(self) -> None:
        """Raises StoreFull when neither the store nor the spool takes what was appended; it is tried again later."""
        with self._changed:
            self._raise()
            self._cutter.cut()
            self._flushing, self._refused = True, None
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._stopped or self._refused or not (self._cutter.ready or self._busy))
            self._flushing = False
            self._raise()
            if self._refused is not None:
                raise self._refused

    def close(self) -> None:
        """Ends the thread; what was not flushed is lost, as in a crash."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join()

    @property
    def _stopped(self) -> bool:
        return self._ended or self._failure is not None

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._ended:
            raise Failed("a journal is written to after it was closed")

    def _run(self) -> None:
        try:
            while (cut := self._next()) is not None:
                self._deliver(cut)
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 - raised in the driver's thread, at its next call
            with self._changed:
                self._failure = error
                self._changed.notify_all()

    def _next(self) -> Cut | None:
        """The next segment to ship; meanwhile, when the store is back, the spool is drained."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._cutter.ready or self._ended, timeout=self._patience())
                if self._ended:
                    return None
                if not self._cutter.ready and self._cutter.due() <= 0:
                    self._cutter.cut()
                if self._cutter.ready:
                    self._busy = True
                    return self._cutter.ready.popleft()
            self._shipping.drain()

    def _patience(self) -> float:
        """Seconds until the open segment is due, or the spool."""
        due = self._cutter.due()
        return min(due, self._shipping.pause) if len(self._spool) else due

    def _deliver(self, cut: Cut) -> None:
        previous = None if cut.starts else self._previous
        facts = SegmentFacts(self._stream, cut.span, previous, cut.source, cut.hint)
        name, whole = seal_segment(
            self._repository, self._component, self._key, self._sealer, self._encoder, facts, cut.stamps, cut.data
        )
        self._previous = digest_of(whole)
        self._sealed.add(name)
        while not self._shipped(name, whole):
            if not self._told:
                self._warn("The spool has no room either: the source is held up until there is some.")
            self._told = True
            with self._changed:
                self._changed.wait_for(self._hurry, timeout=FIRST_PAUSE)
                if self._ended:
                    return

    def _hurry(self) -> bool:
        """A flush wants to know now."""
        return self._ended or (self._flushing and self._refused is None)

    def _shipped(self, name: str, whole: bytes) -> bool:
        try:
            self._shipping.ship(name, whole)
        except StoreFull as error:
            with self._changed:
                self._refused = error
                self._changed.notify_all()
            return False
        return True

    def _landed(self, name: str) -> None:
        """The store has a segment: this writer's, or one that an earlier one left in the spool."""
        _, end = place_of(name)
        with self._changed:
            now = self._durable
            goes_on = now is not None and now.lineage == end.lineage and now.offset < end.offset
            if name in self._sealed or goes_on:
                self._durable = end
            self._sealed.discard(name)
            self._told = False
            self._changed.notify_all()
