"""Which instants can be brought back: windows, and the gaps between them with their reasons. Never bridges a gap.

An instant is reachable from a base when the journal is unbroken from the base's position to a *span* that holds the
instant, and in that span bytes were stamped as they happened (`exact`). All functions are pure.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from planaria.core.instant import Instant
from planaria.core.position import Position


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a stream's journal: bytes [begin, end) of a lineage, which arrived from `first_at` to `last_at`.

    All that the source had sent by `last_at` is in this span or before it. `reason`: of an inexact span, why its bytes
    came late; of an exact one, why the time just before it is missing (empty where nothing is).
    """

    lineage: str
    begin: int
    end: int
    first_at: Instant
    last_at: Instant
    exact: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    first: Instant
    last: Instant

    def holds(self, instant: Instant) -> bool:
        return self.first <= instant <= self.last


@dataclass(frozen=True, slots=True)
class Gap:
    first: Instant
    last: Instant
    reason: str


@dataclass(frozen=True, slots=True)
class BasePoint:
    """A base as a place to start from. `broke`: per stream, why the journal before it ended."""

    id: str
    at: Instant
    positions: Mapping[str, Position]
    broke: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reach:
    """What can be recovered of one component."""

    windows: tuple[Window, ...]
    gaps: tuple[Gap, ...]

    def holds(self, instant: Instant) -> bool:
        return any(window.holds(instant) for window in self.windows)


UNKNOWN = "no journal was kept"
CLOCK_BACK = "the clock went back: these instants happened twice"


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in journal order, neighbours made one where the second only continues the first."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.lineage, one.begin, one.first_at, one.end)):
        before = found[-1] if found else None
        if before is not None and _continues(before, span):
            found[-1] = replace(before, end=span.end, last_at=span.last_at)
        else:
            found.append(span)
    return found


def _continues(before: Span, span: Span) -> bool:
    same = (before.lineage, before.end, before.last_at, before.exact) == (
        span.lineage,
        span.begin,
        span.first_at,
        span.exact,
    )
    return same and (not span.reason or (not span.exact and span.reason == before.reason))


def chain(start: Position, spans: Iterable[Span]) -> Iterator[Span]:
    """The spans, in order, by which a journal goes on from `start` without a hole."""
    covered = start.offset
    for span in spans:
        if span.lineage != start.lineage or span.end < covered:
            continue
        if span.begin > covered:
            return
        covered = max(covered, span.end)
        yield span


def end_of(start: Position, spans: Iterable[Span]) -> tuple[Position, Instant | None]:
    """How far the journal goes on from `start`, and the last instant known there (None: not a byte)."""
    offset, at = start.offset, None
    for span in chain(start, spans):
        offset, at = max(offset, span.end), span.last_at
    return Position(start.lineage, offset), at


def stream_windows(at: Instant, start: Position, spans: Sequence[Span]) -> list[Window]:
    """From one base, along one stream; the instant of the base itself is one too."""
    found = [Window(at, at)]
    covered = start.offset
    for span in chain(start, spans):
        if not span.exact:
            covered = span.end
            continue
        first = max(span.first_at, at)
        if span.begin < covered:  # a second follower's copy: what the first one's stamps say already, stands
            first = max(first, found[-1].last)
        covered = max(covered, span.end)
        if first <= span.last_at:
            found.append(Window(first, span.last_at))
    return union(found)


def twice(spans: Sequence[Span]) -> list[Window]:
    """Instants that a clock set back let happen twice on one lineage: nobody can say which is meant."""
    found: list[Window] = []
    latest: dict[str, Span] = {}
    for span in spans:
        before = latest.get(span.lineage)
        if before is not None and span.begin >= before.end and span.first_at < before.last_at:
            found.append(Window(span.first_at, before.last_at))
        if before is None or span.last_at >= before.last_at or span.begin >= before.end:
            latest[span.lineage] = span
    return found


def union(windows: Iterable[Window]) -> list[Window]:
    found: list[Window] = []
    for window in sorted(windows, key=lambda one: (one.first, one.last)):
        if found and window.first <= found[-1].last:
            found[-1] = Window(found[-1].first, max(found[-1].last, window.last))
        else:
            found.append(window)
    return found


def intersection(left: Sequence[Window], right: Sequence[Window]) -> list[Window]:
    both = (Window(max(a.first, b.first), min(a.last, b.last)) for a in left for b in right)
    return union(window for window in both if window.first <= window.last)


def without(windows: Sequence[Window], cut: Sequence[Window]) -> list[Window]:
    """`windows` less the open insides of `cut`."""
    left = list(windows)
    for hole in cut:
        pieces: list[Window] = []
        for window in left:
            if hole.last <= window.first or hole.first >= window.last:
                pieces.append(window)
                continue
            if window.first <= hole.first:
                pieces.append(Window(window.first, hole.first))
            if hole.last <= window.last:
                pieces.append(Window(hole.last, window.last))
        left = pieces
    return union(left)


def base_windows(base: BasePoint, spans: Mapping[str, Sequence[Span]]) -> list[Window]:
    """From one base, where every stream reaches. `spans` per stream, as `merged` orders them."""
    found = [Window(base.at, base.at)] if not base.positions else None
    for stream, start in base.positions.items():
        own = spans.get(stream, ())
        reached = without(stream_windows(base.at, start, own), twice(own))
        found = reached if found is None else intersection(found, reached)
    return found or []


def reach(bases: Sequence[BasePoint], spans: Mapping[str, Sequence[Span]]) -> Reach:
    """Windows of a component, and why there is none between them."""
    windows = union(window for base in bases for window in base_windows(base, spans))
    notes = list(_notes(bases, spans))
    gaps = [Gap(before.last, after.first, _why(before.last, after.first, notes)) for before, after in pairwise(windows)]
    return Reach(tuple(windows), tuple(gaps))


def _notes(bases: Sequence[BasePoint], spans: Mapping[str, Sequence[Span]]) -> Iterator[Gap]:
    for own in spans.values():
        for hole in twice(own):
            yield Gap(hole.first, hole.last, CLOCK_BACK)
        before: Span | None = None
        for span in own:
            if span.exact and span.reason:
                since = before.last_at if before is not None and before.exact else span.first_at
                yield Gap(since, span.first_at, span.reason)
            elif not span.exact:
                yield Gap(before.last_at if before is not None else span.first_at, span.last_at, span.reason)
            before = span
    for base in bases:
        for reason in base.broke.values():
            yield Gap(base.at, base.at, reason)


def _why(first: Instant, last: Instant, notes: Sequence[Gap]) -> str:
    """The reasons known for this time, each once, in order of time."""
    touching = (
        note for note in notes if (note.last > first and note.first < last) or first <= note.first == note.last <= last
    )
    touching_in_order = sorted(touching, key=lambda note: note.first)
    return "; ".join(dict.fromkeys(note.reason for note in touching_in_order)) or UNKNOWN


def candidates(target: Instant, bases: Sequence[BasePoint], spans: Mapping[str, Sequence[Span]]) -> list[BasePoint]:
    """Bases from which `target` can be reached: the newest first, for it has the least journal to replay."""
    able = [
        base
        for base in bases
        if base.at <= target and any(window.holds(target) for window in base_windows(base, spans))
    ]
    return sorted(able, key=lambda base: base.at, reverse=True)


def beside(target: Instant, found: Reach) -> tuple[Instant | None, Instant | None, str | None]:
    """(the nearest instant before, the nearest after, the reason of the gap it lies in) of an unreachable `target`."""
    before = max((window.last for window in found.windows if window.last < target), default=None)
    after = min((window.first for window in found.windows if window.first > target), default=None)
    reason = next((gap.reason for gap in found.gaps if gap.first < target < gap.last), None)
    return before, after, reason
