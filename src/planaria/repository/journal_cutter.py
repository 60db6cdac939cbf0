"""One stream's journal cut into segments: by size, by time, and wherever its stamps break. No IO, no threads.

Stamps only grow within a *stretch*. A clock that jumps, or a source that was held up, ends the stretch: the next one
says why the time between is missing.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from planaria.core.base import Json
from planaria.core.clock import Clock
from planaria.core.errors import Failed
from planaria.core.instant import SECOND, Instant
from planaria.core.position import Position
from planaria.core.windows import Span
from planaria.storage.contract import Bytes

SKEW = 2 * SECOND
"""A wall clock that departs by more from the monotonic one, between two stamps, has jumped."""
STAMPS = 1 << 16
"""Stamps in a segment: what tiny appends may take of memory."""


@dataclass(slots=True)
class _Open:
    """The segment being filled; `since`: the monotonic time of its first byte."""

    span: Span
    since: float
    data: bytearray = field(default_factory=bytearray)
    stamps: list[tuple[Instant, int]] = field(default_factory=list)
    hint: Json = None


@dataclass(frozen=True, slots=True)
class Cut:
    """A segment's content, ready to be sealed."""

    span: Span
    data: bytearray
    stamps: list[tuple[Instant, int]]
    hint: Json
    source: Mapping[str, Json]
    starts: bool
    """First of what `begin` began: no segment of this writer comes before it."""


class Cutter:
    """Used under its writer's lock. `flush`, `idle` in seconds and `segment` in bytes are those of `JournalLimits`."""

    def __init__(self, clock: Clock, *, flush: float, idle: float, segment: int) -> None:
        self._clock, self._flush, self._idle, self._segment = clock, flush, idle, segment
        self.ready: deque[Cut] = deque()
        self._open: _Open | None = None
        self._source: Mapping[str, Json] = {}
        self._starts = False
        self._looked = (Instant(0), 0.0)
        """Wall and monotonic clock when they last agreed."""
        self._held = (Instant(0), Instant(0))
        """Arrivals of this time were held up, and count as late as its end."""

    def begin(self, position: Position, at: Instant, source: Mapping[str, Json], *, exact: bool, reason: str) -> None:
        self.cut()
        self._source, self._starts = dict(source), True
        self._held = (Instant(0), Instant(0))
        self._looked = (self._clock.now(), self._clock.monotonic())
        self._fill(Span(position.lineage, position.offset, position.offset, at, at, exact, reason))

    @property
    def room(self) -> int:
        """Bytes that still fit into the open segment; at least 1."""
        return max(1, self._segment - len(self._current().data))

    def append(self, data: Bytes, at: Instant, hint: Json) -> None:
        """At most `room` bytes."""
        at = self._checked(at)
        now = self._current()
        if not now.data:
            now.since = self._clock.monotonic()
        if now.hint is None:
            now.hint = hint
        now.data += data
        end = now.span.end + len(data)
        moved = (now.span.moved[0] if now.span.moved else at, at)
        now.span = replace(now.span, end=end, last_at=at, moved=moved)
        if now.stamps and now.stamps[-1][0] == at:
            now.stamps[-1] = (at, end)
        else:
            now.stamps.append((at, end))
        if len(now.data) >= self._segment or len(now.stamps) >= STAMPS:
            self.cut()

    def caught_up(self, at: Instant) -> None:
        now = self._current().span
        if not now.exact:
            self._stretch(max(at, now.last_at), now.reason, exact=True)

    def quiet(self, at: Instant) -> None:
        at = self._checked(at)
        now = self._current()
        now.span = replace(now.span, last_at=at)

    def tell(self, source: Mapping[str, Json]) -> None:
        self._source = dict(source)

    def held_up(self, until: Instant, reason: str) -> None:
        """What is appended next could not be taken earlier: until `until` nobody knows when it arrived."""
        last = self._current().span.last_at
        if until > last:
            self._stretch(until, reason)
            self._held = (last, until)

    def cut(self, *, empty: bool = False) -> None:
        """Hands the open segment over, if it says anything (or `empty`), and opens the next where it ends."""
        now = self._open
        if now is None or not (now.data or now.span.last_at > now.span.first_at or self._starts or empty):
            return
        self.ready.append(Cut(now.span, now.data, now.stamps, now.hint, self._source, self._starts))
        self._starts = False
        span = now.span
        reason = "" if span.exact else span.reason
        self._fill(Span(span.lineage, span.end, span.end, span.last_at, span.last_at, span.exact, reason))

    def due(self) -> float:
        """Seconds until the open segment should be cut; 0: now."""
        now = self._open
        if now is None:
            return self._flush
        if now.data:
            return max(0.0, now.since + self._flush - self._clock.monotonic())
        said = now.span.last_at - now.span.first_at >= self._idle * SECOND
        return 0.0 if said else min(self._idle, self._flush)

    def _current(self) -> _Open:
        if self._open is None:
            raise Failed("a journal is written to before it begins")
        return self._open

    def _fill(self, span: Span) -> None:
        self._open = _Open(span, self._clock.monotonic())

    def _stretch(self, at: Instant, reason: str, *, exact: bool | None = None) -> None:
        """From `at` on a new stretch; the time since the one before is not covered, for `reason`."""
        self.cut()
        before = self._current().span
        whether = before.exact if exact is None else exact
        self._fill(Span(before.lineage, before.end, before.end, at, at, whether, reason))

    def _checked(self, at: Instant) -> Instant:
        """The stamp to use, the clock's jumps since the last one having ended the stretch.

        `at` may be older than the moment it is told, so it is held against what the clock would show had it not jumped.
        """
        if self._held[0] <= at < self._held[1]:
            at = self._held[1]
        last, wall, ticks = self._current().span.last_at, self._clock.now(), self._clock.monotonic()
        expected = Instant(self._looked[0] + int((ticks - self._looked[1]) * SECOND))
        if at < last:
            self._stretch(at, f"the clock went back by {(last - at) / SECOND:.1f} s")
        elif at > expected + SKEW:
            self._stretch(at, f"the clock jumped ahead by {(at - expected) / SECOND:.1f} s")
        elif at <= wall < expected - SKEW:
            self._unseen(at, expected)
        elif abs(wall - expected) > SKEW:
            return at  # it jumped, and this was stamped before: the next stamp will show it
        self._looked = (wall, ticks)
        return at

    def _unseen(self, at: Instant, expected: Instant) -> None:
        """The clock went back behind nothing that was stamped: what it showed meanwhile is marked, it comes twice."""
        reason = f"the clock went back by {(expected - at) / SECOND:.1f} s"
        exact = self._current().span.exact
        self._stretch(expected, reason, exact=False)
        self.cut(empty=True)
        self._stretch(at, reason, exact=exact)
