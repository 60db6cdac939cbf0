"""`planaria points`: what can be recovered: windows, gaps with reasons."""

from typing import Annotated, Any

import typer

from planaria.cli.arguments import OneComponent
from planaria.cli.invocation import Invocation
from planaria.core.errors import PointUnreachable
from planaria.core.instant import Instant, rfc3339, shown


def points(
    context: typer.Context,
    component: OneComponent = None,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="Can this instant be recovered?")] = None,
) -> int:
    """Show which instants can be recovered, and the gaps between them with their reasons."""
    invocation: Invocation = context.obj
    from planaria.recovery.known import Known, known
    from planaria.service.read_model import points as points_model

    environment = invocation.environment()
    names = environment.selected((component,) if component else ())
    all_known: list[Known] = [known(environment.repository, name, environment.limits.cache) for name in names]
    found = points_model(all_known, invocation.clock.now())
    refusals: list[PointUnreachable] = []
    if at is not None:
        refusals = _at(at, all_known, invocation, found)
    _shown(all_known, invocation)
    errors = [{"code": one.code, "message": one.message, "hint": one.hint} for one in refusals]
    invocation.output.finish("points", found, errors, ok=not errors)
    return PointUnreachable.status if refusals else 0


def _at(text: str, all_known: list[Any], invocation: Invocation, found: dict[str, Any]) -> list[PointUnreachable]:
    """Answers for one instant; adds `at` and, per component, `reachable` to `found`."""
    from planaria.core.points import AtTime
    from planaria.core.times import parse_time
    from planaria.recovery.choose import choose

    now = invocation.clock.now()
    instant = parse_time(text, now)
    found["at"] = rfc3339(instant)
    refusals: list[PointUnreachable] = []
    for one in all_known:
        reachable = True
        try:
            choice = choose(AtTime(instant), one, now)
        except PointUnreachable as error:
            reachable = False
            refusals.append(error)
            invocation.output.say(f"{one.component}: {error.message}" + (f" ({error.hint})" if error.hint else ""))
        else:
            invocation.output.say(f"{one.component}: {shown(instant)} can be recovered, from base {choice.base.id}")
        found["components"][one.component]["reachable"] = reachable
    invocation.output.say()
    return refusals


def _shown(all_known: list[Any], invocation: Invocation) -> None:
    rows = []
    for one in all_known:
        reach = one.reach()
        gaps = {gap.first: gap for gap in reach.gaps}
        if not reach.windows:
            rows.append((one.component, "-", "-", "there is no base: nothing can be recovered"))
        for window in reach.windows:
            base = next((base.id for base in one.bases if base.facts.at == window.first == window.last), None)
            kind = f"one instant: base:{base}" if base else "any instant"
            first = window.first if base else _inward(window.first)
            rows.append((one.component, shown(first), shown(window.last), kind))
            gap = gaps.get(window.last)
            if gap is not None:
                rows.append((one.component, shown(gap.first), shown(gap.last), f"GAP: {gap.reason}"))
    invocation.output.table(("COMPONENT", "FROM", "TO", "WHAT"), rows)
    for one in all_known:
        for error in one.damage:
            invocation.output.warn(error.message)


def _inward(first: int) -> Instant:
    """Shown times lose their microseconds: a window's beginning is rounded up, so that what is shown is in it."""
    return Instant(-(-first // 1000) * 1000)
