"""`planaria points`: what can be recovered: windows, gaps with reasons."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planaria.cli.arguments import OneComponent
from planaria.cli.invocation import Invocation
from planaria.cli.output import error_json
from planaria.core.errors import PointUnreachable

if TYPE_CHECKING:
    from planaria.recovery.known import Known


def points(
    context: typer.Context,
    component: OneComponent = None,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="Can this instant be recovered?")] = None,
) -> int:
    """Show which instants can be recovered, and every gap."""
    invocation: Invocation = context.obj
    from planaria.recovery.known import known
    from planaria.service.read_model import points as points_model

    environment = invocation.environment()
    names = environment.selected((component,) if component else ())
    all_known = [known(environment.repository, name, environment.limits.cache) for name in names]
    found = points_model(all_known, invocation.clock.now())
    refusals = _at(at, all_known, invocation, found) if at is not None else []
    _shown(all_known, found, invocation)
    damage = [error_json(error, component=one.component) for one in all_known for error in one.damage]
    for error in damage:
        invocation.output.warn(f"{error['component']}: {error['message']}")
    errors = [error_json(error, component=name) for name, error in refusals] + damage
    invocation.output.finish("points", found, errors, ok=not errors)
    if refusals:
        return PointUnreachable.status
    return 5 if damage else 0


def _at(
    text: str, all_known: "list[Known]", invocation: Invocation, found: dict[str, Any]
) -> list[tuple[str, PointUnreachable]]:
    """Answers for one instant; adds `at` and, per component, `reachable` to `found`."""
    from planaria.core.instant import rfc3339, shown
    from planaria.core.points import AtTime
    from planaria.core.times import parse_time
    from planaria.recovery.choose import choose

    now = invocation.clock.now()
    instant = parse_time(text, now)
    found["at"] = rfc3339(instant)
    refusals: list[tuple[str, PointUnreachable]] = []
    for one in all_known:
        try:
            choice = choose(AtTime(instant), one, now)
        except PointUnreachable as error:
            refusals.append((one.component, error))
            invocation.output.say(f"{error.message}" + (f" ({error.hint})" if error.hint else ""))
            found["components"][one.component] |= {"reachable": False, "reached_at": None}
            continue
        reached = choice.reached_at
        as_of = "" if reached == instant else f" as it was at {shown(reached)}"
        invocation.output.say(f"{one.component}: {shown(instant)} can be recovered{as_of}, from base {choice.base.id}")
        found["components"][one.component] |= {"reachable": True, "reached_at": rfc3339(reached)}
    invocation.output.say()
    return refusals


def _shown(all_known: "list[Known]", found: dict[str, Any], invocation: Invocation) -> None:
    rows = [row for one in all_known for row in _rows(one)]
    if len(all_known) > 1:
        together = found["environment"]["windows"]
        rows += [("(together)", _milli(one["from"]), _milli(one["to"]), _of(one)) for one in together]
        rows += [("(together)", "-", "-", "no instant that all of them reach")] if not together else []
    invocation.output.table(("COMPONENT", "FROM", "TO", "WHAT"), rows)


def _rows(known: "Known") -> Iterator[tuple[str, str, str, str]]:
    from planaria.core.instant import shown
    from planaria.recovery.choose import inward

    name, reach = known.component, known.reach()
    gaps = {gap.first: gap for gap in reach.gaps}
    if not reach.windows:
        yield name, "-", "-", "there is no base: nothing can be recovered"
    for window in reach.windows:
        base = next((base.id for base in known.bases if base.facts.at == window.first == window.last), None)
        kind = f"one instant: base:{base}" if base else "any instant"
        yield name, shown(window.first if base else inward(window.first)), shown(window.last), kind
        gap = gaps.get(window.last)
        if gap is not None:
            yield name, shown(gap.first), shown(gap.last), f"GAP: {gap.reason}"


def _of(window: dict[str, str]) -> str:
    return "one instant" if window["from"] == window["to"] else "any instant"


def _milli(time: str) -> str:
    """RFC 3339 as people read it: `2026-10-15 02:51:30.250Z`."""
    return time[:23].replace("T", " ") + "Z"
