"""One stream's journal being written: cut into segments every second, sealed, shipped in order.

The driver's thread appends; one thread seals and ships. At most two segments wait between them: when the store and the
spool are both full, `append` blocks, and the source notices as it would with a slow replica.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from planaria.core.base import Json
from planaria.core.errors import Failed, StoreFull
from planaria.core.instant import SECOND, Instant
from planaria.core.position import Position
from planaria.core.windows import Span
from planaria.repository.codec import Encoder
from planaria.repository.repository import Repository
from planaria.repository.sealed import Sealer, SealingKey
from planaria.repository.segments import SegmentFacts, digest_of, seal_segment
from planaria.repository.shipping import FIRST_PAUSE, Shipping
from planaria.repository.spool import Spool
from planaria.storage.contract import Bytes

WAITING = 2
"""Cut segments that may wait to be shipped."""
SKEW = 2 * SECOND
"""A clock that runs ahead of the monotonic one by more, since the last segment, has jumped."""
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


@dataclass(slots=True)
class _Open:
    """The segment being filled."""

    span: Span
    data: bytearray
    stamps: list[tuple[Instant, int]]
    hint: Json
    since: float


@dataclass(frozen=True, slots=True)
class _Cut:
    span: Span
    data: bytearray
    stamps: list[tuple[Instant, int]]
    hint: Json
    source: Mapping[str, Json]
    starts: bool
    """First of what `begin` began: no segment of this writer comes before it."""


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
        self._limits, self._clock = limits, repository.clock
        self._shipping = Shipping(repository.store, spool, repository.clock, warn, self._landed)
        self._sealer, self._encoder = Sealer(256 << 10), Encoder(limits.level)
        self._changed = threading.Condition()
        self._open: _Open | None = None
        self._cut: list[_Cut] = []
        self._source: Mapping[str, Json] = {}
        self._starts = False
        self._anchor = (Instant(0), 0.0)
        self._ends: dict[str, Position] = {}
        self._durable: Position | None = None
        self._previous: str | None = None
        self._busy = self._ended = self._flushing = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"journal-{component}", daemon=True)
        self._thread.start()

    def begin(self, position: Position, at: Instant, source: Mapping[str, Json], *, exact: bool, reason: str) -> None:
        with self._changed:
            self._raise()
            self._cut_open()
            self._source = dict(source)
            self._starts = True
            span = Span(position.lineage, position.offset, position.offset, at, at, exact, reason)
            self._start(span)
            self._durable = self._durable or position

    def append(self, data: Bytes, at: Instant, hint: Json = None) -> None:
        began = self._clock.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: len(self._cut) < WAITING or self._failure is not None)
            self._raise()
            if self._clock.monotonic() - began > HELD_UP:
                self._stretch(self._clock.now(), "the store was away and the spool full: the source was held up")
                at = max(at, self._current().span.first_at)
            now = self._checked(at)
            if not now.data:
                now.hint, now.since = hint, self._clock.monotonic()
            elif now.hint is None:
                now.hint = hint
            now.data += data
            end = now.span.end + len(data)
            now.span = replace(now.span, end=end, last_at=at)
            now.stamps.append((at, end))
            if len(now.data) >= self._limits.segment:
                self._cut_open()

    def caught_up(self, at: Instant) -> None:
        with self._changed:
            self._raise()
            now = self._current()
            if not now.span.exact:
                reason = now.span.reason
                self._stretch(max(at, now.span.last_at), reason, exact=True)

    def quiet(self, at: Instant) -> None:
        with self._changed:
            self._raise()
            now = self._checked(at)
            now.span = replace(now.span, last_at=max(at, now.span.last_at))

    def tell(self, source: Mapping[str, Json]) -> None:
        with self._changed:
            self._source = dict(source)

    @property
    def durable(self) -> Position:
        with self._changed:
            if self._durable is None:
                raise Failed("a journal has no position before it begins")
            return self._durable

    def flush(self) -> None:
        """Raises StoreFull when neither the store nor the spool takes what was appended."""
        with self._changed:
            if self._open is not None:
                self._cut_open()
            self._flushing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: (not self._cut and not self._busy) or self._failure is not None)
            self._flushing = False
            self._raise()

    def close(self) -> None:
        """Ends the thread; what was not flushed is lost, as in a crash."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join()

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _current(self) -> _Open:
        if self._open is None:
            raise Failed("a journal is written to before it begins")
        return self._open

    def _start(self, span: Span) -> None:
        mono = self._clock.monotonic()
        self._open = _Open(span, bytearray(), [], None, mono)
        self._anchor = (self._clock.now(), mono)

    def _checked(self, at: Instant) -> _Open:
        """The open segment, in a new stretch when the clock has jumped since the last stamp."""
        now = self._current()
        last, mono = self._anchor
        expected = last + int((self._clock.monotonic() - mono) * SECOND)
        if at < now.span.last_at:
            self._stretch(at, f"the clock went back by {(now.span.last_at - at) / SECOND:.1f} s")
        elif at > expected + SKEW:
            self._stretch(at, f"the clock jumped ahead by {(at - expected) / SECOND:.1f} s")
        return self._current()

    def _stretch(self, at: Instant, reason: str, *, exact: bool | None = None) -> None:
        """From `at` on a new stretch; the time since the one before is not covered, for `reason`."""
        before = self._current().span
        self._cut_open()
        whether = before.exact if exact is None else exact
        self._start(Span(before.lineage, before.end, before.end, at, at, whether, reason))

    def _cut_open(self) -> None:
        """Hands the open segment over, if it says anything, and opens the next where it ends."""
        now = self._open
        if now is None or not (now.data or now.span.last_at > now.span.first_at or self._starts):
            return
        self._cut.append(_Cut(now.span, now.data, now.stamps, now.hint, self._source, self._starts))
        self._starts = False
        span = now.span
        reason = "" if span.exact else span.reason
        self._start(replace(span, begin=span.end, first_at=span.last_at, reason=reason))
        self._changed.notify_all()

    def _due(self) -> bool:
        now = self._open
        if now is None or self._cut:
            return False
        waited = self._clock.monotonic() - now.since
        if now.data:
            return waited >= self._limits.flush
        return now.span.last_at - now.span.first_at >= self._limits.idle * SECOND

    def _run(self) -> None:
        try:
            while (cut := self._next()) is not None:
                self._deliver(cut)
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 - raised in the driver's thread, at its next call
            with self._changed:
                self._failure, self._busy = error, False
                self._changed.notify_all()

    def _next(self) -> _Cut | None:
        """The next segment to ship; meanwhile, when the store is back, the spool is drained."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._cut) or self._ended, timeout=self._patience())
                if not self._cut and self._due():
                    self._cut_open()
                if self._cut and not (self._ended and not self._flushing):
                    self._busy = True
                    return self._cut.pop(0)
                if self._ended:
                    return None
            if len(self._shipping.spool):
                self._shipping.drain()

    def _patience(self) -> float:
        """Seconds until the open segment is due; never so long that the spool waits."""
        now = self._open
        if now is None or not now.data:
            return min(self._limits.idle, self._limits.flush)
        return max(0.001, self._limits.flush - (self._clock.monotonic() - now.since))

    def _deliver(self, cut: _Cut) -> None:
        if cut.starts:
            self._previous = None
        facts = SegmentFacts(self._stream, cut.span, self._previous, cut.source, cut.hint)
        name, whole = seal_segment(
            self._repository, self._component, self._key, self._sealer, self._encoder, facts, cut.stamps, cut.data
        )
        self._previous = digest_of(whole)
        self._ends[name] = Position(cut.span.lineage, cut.span.end)
        while True:
            try:
                self._shipping.ship(name, whole)
                return
            except StoreFull:
                with self._changed:
                    if self._flushing or self._ended:
                        raise
                    self._changed.wait_for(lambda: self._flushing or self._ended, timeout=FIRST_PAUSE)

    def _landed(self, name: str) -> None:
        with self._changed:
            position = self._ends.pop(name, None)
            if position is not None:
                self._durable = position
            self._changed.notify_all()
