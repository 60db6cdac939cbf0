"""From the point a user asked for to the base and the journal end that reach it, or a refusal. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from planaria.core.errors import PointUnreachable, UsageError
from planaria.core.instant import Instant, rfc3339, shown
from planaria.core.nearest import the_only
from planaria.core.points import AtBase, AtMarker, AtTime, DriverPoint, Latest, Point
from planaria.core.position import Position
from planaria.core.windows import BasePoint, Reach, beside, candidates, chain, end_of
from planaria.recovery.known import Known
from planaria.repository.bases import BaseRecord


@dataclass(frozen=True, slots=True)
class Choice:
    """`until`: an instant, a position per stream, or None for the base alone. `reached_at`: the instant it brings back.

    `instead`: older bases that reach the same point over a longer journal, the newest first.
    """

    component: str
    base: BaseRecord
    until: Instant | Mapping[str, Position] | None
    reached_at: Instant
    instead: tuple[BaseRecord, ...] = ()


def choose(point: Point, of: Known, now: Instant) -> Choice:
    """Raises PointUnreachable, UnknownName, UsageError."""
    if not of.bases:
        more = f" ({of.damage[0].message})" if of.damage else ""
        raise PointUnreachable(
            f"there is no base of {of.component} in the repository{more}", hint=f"planaria backup {of.component}"
        )
    match point:
        case Latest():
            return _latest(of)
        case AtTime(instant):
            return _at_time(instant, of, now)
        case AtBase(id):
            base = _base(id, of)
            return Choice(of.component, base, None, base.facts.at)
        case DriverPoint("offset", value):
            return _at_offset(value, of)
        case DriverPoint(kind, _):
            raise UsageError(f"{of.component} knows no points of the kind '{kind}:'", hint="a time, latest, base:ID")
        case AtMarker():
            raise UsageError("this version takes no markers", hint="choose a time: --to 'YYYY-MM-DD hh:mm:ss UTC'")


def _record(of: Known, point: BasePoint) -> BaseRecord:
    return next(base for base in of.bases if base.id == point.id)


def _latest(of: Known) -> Choice:
    """The newest base to the end of its journals; the others that reach as far stand by."""
    by_end = sorted(of.points, key=lambda one: (of.end(one), one.at), reverse=True)
    best = by_end[0]
    ends = {stream: end_of(start, of.spans.get(stream, ()))[0] for stream, start in best.positions.items()}
    until = ends if ends != dict(best.positions) else None
    instead = tuple(_record(of, one) for one in by_end[1:] if of.end(one) == of.end(best) and until is not None)
    return Choice(of.component, _record(of, best), until, of.end(best), instead)


def _at_time(instant: Instant, of: Known, now: Instant) -> Choice:
    if instant > now:
        raise PointUnreachable(f"{shown(instant)} is in the future", hint=f"it is {shown(now)} now")
    if all(not base.facts.positions for base in of.bases):
        return _newest_before(instant, of)
    able = candidates(instant, of.points, of.spans)
    if not able:
        raise _unreachable(instant, of)
    best = able[0]
    until = None if best.at == instant else instant
    return Choice(of.component, _record(of, best), until, instant, tuple(_record(of, one) for one in able[1:]))


def _newest_before(instant: Instant, of: Known) -> Choice:
    """Of a component without a journal: the newest base not after `instant`, whose age the plan shows."""
    able = sorted((base for base in of.bases if base.facts.at <= instant), key=lambda one: one.facts.at)
    if not able:
        raise _unreachable(instant, of)
    return Choice(of.component, able[-1], None, able[-1].facts.at)


def _unreachable(instant: Instant, of: Known) -> PointUnreachable:
    found = of.reach()
    before, after, reason = beside(instant, found)
    where = "lies in a gap" if reason else "is outside every window"
    why = f": {reason}" if reason else ""
    near = " or ".join(typed(end, of, found) for end in (before, after) if end is not None)
    return PointUnreachable(
        f"{of.component} cannot be brought back to {shown(instant)}: that {where}{why}",
        hint=f"the nearest that can be reached: {near}; all of them: planaria points {of.component}",
    )


def typed(end: Instant, of: Known, found: Reach) -> str:
    """A window's end as `--to` takes it: shown to the millisecond, it must not fall out of its window."""
    for choice in (Instant(end // 1000 * 1000), inward(end)):
        if found.holds(choice):
            return f"'{shown(choice)}'"
    base = next((base for base in of.bases if base.facts.at == end), None)
    return f"base:{base.id}" if base else f"'{rfc3339(end)}'"


def inward(first: Instant) -> Instant:
    """Shown times lose their microseconds: a window's beginning is rounded up, so that what is shown is in it."""
    return Instant(-(-first // 1000) * 1000)


def _base(id: str, of: Known) -> BaseRecord:
    bases = {base.id: base for base in of.bases}
    return bases[the_only(f"base of {of.component}", id, bases)]


def _at_offset(value: str, of: Known) -> Choice:
    """`offset:N`, or `offset:LINEAGE:N` where several lineages hold it; for components of one stream."""
    lineage, _, number = value.rpartition(":")
    if not number.isdecimal() or len(number) > 18:
        raise UsageError(f"'offset:{value}' is not a position", hint="offset:N or offset:LINEAGE:N")
    offset = int(number)
    for base in sorted(of.points, key=lambda one: one.at, reverse=True):
        if len(base.positions) != 1:
            continue
        ((stream, start),) = base.positions.items()
        spans = of.spans.get(stream, ())
        end, _ = end_of(start, spans)
        if start.offset <= offset <= end.offset and lineage in ("", start.lineage):
            at = min((one.last_at for one in chain(start, spans) if one.end >= offset), default=base.at)
            until = {stream: Position(start.lineage, offset)} if offset > start.offset else None
            return Choice(of.component, _record(of, base), until, at)
    raise PointUnreachable(
        f"no journal of {of.component} reaches offset {value}", hint=f"planaria points {of.component}"
    )
