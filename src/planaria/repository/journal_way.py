"""Which objects of a journal to read, in order, to come from one place to another. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from planaria.core.errors import PointUnreachable
from planaria.core.instant import Instant, shown
from planaria.core.position import Position
from planaria.core.windows import Span, in_order
from planaria.repository.journal_catalogue import JournalObject

Until = Instant | Position | None
Placed = tuple[Span, JournalObject]


@dataclass(frozen=True, slots=True)
class Way:
    """`objects` in order, without a hole. To an instant, `goal` is the span of the last one that holds it."""

    objects: list[JournalObject]
    goal: Span | None


def way(start: Position, until: Until, objects: Iterable[JournalObject], component: str) -> Way:
    """From `start` to `until` (None: to the end). Raises PointUnreachable."""
    own = [(span, one) for one in objects if one.lineage == start.lineage for span in one.spans]
    own.sort(key=lambda placed: in_order(placed[0]))
    reached, reachable = _reachable(start, own)
    if until is None:
        return Way(_path(start.offset, reached, reachable), None)
    if isinstance(until, Position):
        if until.lineage != start.lineage or until.offset > reached:
            raise _refusal(Position(start.lineage, reached), str(until), component, own)
        return Way(_path(start.offset, until.offset, reachable), None)
    goals = [placed for placed in reachable if placed[0].exact and placed[0].first_at <= until <= placed[0].last_at]
    if not goals:
        raise _refusal(Position(start.lineage, reached), shown(until), component, own)
    goal, last = max(goals, key=lambda placed: (placed[0].begin, placed[0].end))
    path = _path(start.offset, goal.begin, reachable)
    return Way(path if path and path[-1] is last else [*path, last], goal)


def _reachable(start: Position, own: list[Placed]) -> tuple[int, list[Placed]]:
    """(how far the journal goes on from `start` without a hole, by which spans)."""
    reached, found = start.offset, list[Placed]()
    for span, one in own:
        if span.begin > reached:
            break
        if span.end >= start.offset:
            reached = max(reached, span.end)
            found.append((span, one))
    return reached, found


def _path(covered: int, target: int, reachable: list[Placed]) -> list[JournalObject]:
    """The fewest objects that hold every byte from `covered` to `target`."""
    found: list[JournalObject] = []
    at, best, end = 0, None, covered
    while covered < target:
        while at < len(reachable) and reachable[at][0].begin <= covered:
            if reachable[at][0].end > end:
                end, best = reachable[at][0].end, reachable[at][1]
            at += 1
        covered = end
        if best is not None and (not found or found[-1] is not best):
            found.append(best)
    return found


def _refusal(end: Position, wanted: str, component: str, own: list[Placed]) -> PointUnreachable:
    more = any(span.begin > end.offset for span, _ in own)
    return PointUnreachable(
        f"the journal of {component} does not lead to {wanted}: it {'has a hole' if more else 'ends'} at {end}",
        hint="planaria points shows what can be reached",
    )
