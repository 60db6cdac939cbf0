"""Which instants can be brought back: windows, and the gaps between them with their reasons. Never bridges a gap.

An instant is reachable from a base when the journal is unbroken from the base's position to a *span* that holds the
instant, when in that span bytes were stamped as they happened (`exact`), and when no other part of the journal says
that the instant was at another place too. All functions are pure.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise

from planaria.core.instant import Instant
from planaria.core.position import Position


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a stream's journal: bytes [begin, end) of a lineage, which arrived from `first_at` to `last_at`.

    All that the source had sent by `last_at` is in this span or before it. `reason`: of an inexact span, why its bytes
    came late; of an exact one, why the time just before it is missing (empty where nothing is). `moved`: the arrivals
    of its first and its last byte, None without a byte: what lies before and behind them was quiet.
    """

    lineage: str
    begin: int
    end: int
    first_at: Instant
    last_at: Instant
    exact: bool
    reason: str = ""
    moved: tuple[Instant, Instant] | None = None


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
RIVALS = "the source had two histories at once"


def in_order(span: Span) -> tuple[str, int, Instant, int, Instant]:
    """Journal order, as a sort key."""
    return span.lineage, span.begin, span.first_at, span.end, span.last_at


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in journal order, made one where one only continues another, whatever a second follower wrote between."""
    found: list[Span] = []
    ends: dict[tuple[str, int, Instant, bool], int] = {}
    for span in sorted(spans, key=in_order):
        number = ends.get((span.lineage, span.begin, span.first_at, span.exact))
        if number is not None and _continues(found[number], span):
            del ends[_end(found[number])]
            found[number] = _joined(found[number], span)
        else:
            number = len(found)
            found.append(span)
        ends[_end(found[number])] = number
    return found


def _end(span: Span) -> tuple[str, int, Instant, bool]:
    return span.lineage, span.end, span.last_at, span.exact


def _continues(before: Span, span: Span) -> bool:
    return not span.reason or (not span.exact and span.reason == before.reason)


def _joined(before: Span, span: Span) -> Span:
    moved = before.moved or span.moved
    if before.moved and span.moved:
        moved = before.moved[0], span.moved[1]
    return replace(before, end=span.end, last_at=span.last_at, moved=moved)


def chain(start: Position, spans: Iterable[Span]) -> Iterator[Span]:
    """The spans, in order, by which a journal goes on from `start` without a hole."""
    covered = start.offset
    for span in spans:
        if span.lineage != start.lineage or span.end < start.offset:
            continue
        if span.begin > covered:
            return
        covered = max(covered, span.end)
        yield span


def end_of(start: Position, spans: Iterable[Span]) -> tuple[Position, Instant | None]:
    """How far the journal goes on from `start`, and the last instant known there (None: not a byte)."""
    offset, at = start.offset, None
    for span in chain(start, spans):
        if span.end > offset or at is None:
            offset, at = span.end, span.last_at
        elif span.end == offset:
            at = max(at, span.last_at)
    return Position(start.lineage, offset), at


def stream_windows(at: Instant, start: Position, spans: Sequence[Span]) -> list[Window]:
    """From one base, along one stream; the instant of the base itself is one too."""
    found = [Window(at, at)]
    for span in chain(start, spans):
        if span.exact and span.last_at >= at:
            found.append(Window(max(span.first_at, at), span.last_at))
    return union(found)


def ambiguous(spans: Sequence[Span]) -> list[Window]:
    """Instants (the open insides of windows) that a stream's journal holds at two places; `spans` as `merged` does."""
    return union([*twice(spans), *rivals(spans)])


def twice(spans: Sequence[Span]) -> list[Window]:
    """Instants that a clock set back let happen twice on one lineage: nobody can say which is meant."""
    return union(window for _, own in groupby(spans, key=lambda one: one.lineage) for window in _set_back(list(own)))


def _set_back(own: Sequence[Span]) -> Iterator[Window]:
    """Where a span begins earlier than one ended that lies before it in the journal. `own` by `begin`.

    Of two that meet at one place, the first one's quiet end and the second one's quiet beginning say the same.
    """
    by_end = sorted(own, key=lambda one: one.end)
    ends = [one.end for one in by_end]
    at, latest, place, settled, last = 0, Instant(0), -1, Instant(0), Instant(0)
    for span in own:
        if span.begin != place:
            place = span.begin
            while ends[at] < place:
                latest, at = max(latest, by_end[at].last_at), at + 1
            meeting = by_end[at : bisect_right(ends, place, lo=at)]
            last = max((one.last_at for one in meeting), default=Instant(0))
            settled = max((_moved(one)[1] for one in meeting if one.end > one.begin), default=Instant(0))
        since = max(span.first_at, _moved(span)[0])
        if span.first_at < max(latest, settled):
            yield Window(span.first_at, max(latest, settled))
        if span.end > span.begin and since < last:
            yield Window(since, last)


def _moved(span: Span) -> tuple[Instant, Instant]:
    return span.moved or (span.first_at, span.last_at)


def rivals(spans: Sequence[Span]) -> list[Window]:
    """Instants that two lineages hold: the source had two masters, or changed its history while the clock went back."""
    covered = [
        window
        for _, own in groupby(spans, key=lambda one: one.lineage)
        for window in union(Window(one.first_at, one.last_at) for one in own)
    ]
    found: list[Window] = []
    latest = Instant(0)
    for window in sorted(covered, key=lambda one: one.first):
        if window.first < latest:
            found.append(Window(window.first, min(window.last, latest)))
        latest = max(latest, window.last)
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
    """Of two unions."""
    found, a, b = list[Window](), 0, 0
    while a < len(left) and b < len(right):
        first, last = max(left[a].first, right[b].first), min(left[a].last, right[b].last)
        if first <= last:
            found.append(Window(first, last))
        if left[a].last < right[b].last:
            a += 1
        else:
            b += 1
    return union(found)


def without(windows: Sequence[Window], cut: Sequence[Window]) -> list[Window]:
    """`windows` less the open insides of `cut`; both unions."""
    left, at = list[Window](), 0
    for window in windows:
        while at < len(cut) and cut[at].last <= window.first:
            at += 1
        first, number = window.first, at
        while number < len(cut) and cut[number].first < window.last:
            if first <= cut[number].first:
                left.append(Window(first, cut[number].first))
            first, number = cut[number].last, number + 1
        if first <= window.last:
            left.append(Window(first, window.last))
    return left


Spans = Mapping[str, Sequence[Span]]
"""Per stream, as `merged` orders them."""


def base_windows(base: BasePoint, spans: Spans, doubts: Mapping[str, Sequence[Window]]) -> list[Window]:
    """From one base, where every stream reaches. `doubts`: of each stream, what is `ambiguous`."""
    found = [Window(base.at, base.at)] if not base.positions else None
    for stream, start in base.positions.items():
        reached = without(stream_windows(base.at, start, spans.get(stream, ())), doubts.get(stream, ()))
        found = reached if found is None else intersection(found, reached)
    return found or []


def _doubts(spans: Spans) -> dict[str, list[Window]]:
    return {stream: ambiguous(own) for stream, own in spans.items()}


def reach(bases: Sequence[BasePoint], spans: Spans) -> Reach:
    """Windows of a component, and why there is none between them."""
    doubts = _doubts(spans)
    windows = union(window for base in bases for window in base_windows(base, spans, doubts))
    holes = [(before.last, after.first) for before, after in pairwise(windows)]
    return Reach(tuple(windows), tuple(_explained(holes, list(_notes(bases, spans)))))


def _notes(bases: Sequence[BasePoint], spans: Spans) -> Iterator[Gap]:
    """Every reason known, with the time that it explains."""
    for own in spans.values():
        yield from (Gap(hole.first, hole.last, CLOCK_BACK) for hole in twice(own))
        yield from (Gap(hole.first, hole.last, RIVALS) for hole in rivals(own))
        reached: Instant | None = None
        for span in sorted(own, key=lambda one: (one.first_at, one.last_at)):
            if span.reason:
                since = span.first_at if reached is None else min(reached, span.first_at)
                yield Gap(since, span.first_at if span.exact else span.last_at, span.reason)
            reached = max(reached or span.last_at, span.last_at)
    for base in bases:
        yield from (Gap(base.at, base.at, reason) for reason in base.broke.values())


def _explained(holes: Sequence[tuple[Instant, Instant]], notes: Sequence[Gap]) -> Iterator[Gap]:
    """The reasons known for each hole, each once, in order of time."""
    coming = sorted(notes, key=lambda note: note.first, reverse=True)
    near: list[Gap] = []
    for first, last in holes:
        while coming and coming[-1].first <= last:
            near.append(coming.pop())
        near = [note for note in near if note.last >= first]
        touching = (
            note.reason
            for note in near
            if (note.first < last and note.last > first) or first <= note.first == note.last <= last
        )
        yield Gap(first, last, "; ".join(dict.fromkeys(touching)) or UNKNOWN)


def candidates(target: Instant, bases: Sequence[BasePoint], spans: Spans) -> list[BasePoint]:
    """Bases from which `target` can be reached: the newest first, for it has the least journal to replay."""
    doubts = _doubts(spans)
    able = [
        base
        for base in bases
        if base.at <= target and any(window.holds(target) for window in base_windows(base, spans, doubts))
    ]
    return sorted(able, key=lambda base: base.at, reverse=True)


def beside(target: Instant, found: Reach) -> tuple[Instant | None, Instant | None, str | None]:
    """(the nearest instant before, the nearest after, the reason of the gap it lies in) of an unreachable `target`."""
    before = max((window.last for window in found.windows if window.last < target), default=None)
    after = min((window.first for window in found.windows if window.first > target), default=None)
    reason = next((gap.reason for gap in found.gaps if gap.first < target < gap.last), None)
    return before, after, reason
