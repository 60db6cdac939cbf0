"""`planaria doctor`: everything a backup or a restore will need, checked; each finding with what fixes it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from planaria.cli.arguments import Components
from planaria.cli.invocation import Invocation

if TYPE_CHECKING:
    from planaria.service.examination import Examined


def doctor(
    context: typer.Context,
    components: Components = None,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Hold the store to its contract too: writes below probe/, and cleans up."),
    ] = False,
) -> int:
    """Check everything a backup or a restore will need."""
    invocation: Invocation = context.obj
    from planaria.service.examination import examine

    examined: list[Examined] = []
    settings = invocation.settings()
    for one in examine(settings, invocation.host(), tuple(components or ()), deep=deep):
        examined.append(one)
        finding = one.finding
        mark = "ok " if finding.ok else "NOT"
        invocation.output.say(f"{mark} {one.about}: {finding.check}: {finding.detail}")
        if not finding.ok and finding.fix:
            invocation.output.say(f"      fix: {finding.fix}")
    wrong = [one for one in examined if not one.finding.ok]
    invocation.output.say()
    invocation.output.say(f"{len(examined)} checks, {len(wrong) or 'none'} failed")
    unused = settings.unused()
    if unused:
        invocation.output.say(f"Not acted on by this version: {', '.join(unused)}")
    result: dict[str, Any] = {
        "findings": [
            {
                "about": one.about,
                "check": one.finding.check,
                "ok": one.finding.ok,
                "detail": one.finding.detail,
                "fix": one.finding.fix,
            }
            for one in examined
        ],
        "unused": unused,
    }
    invocation.output.finish("doctor", result, ok=not wrong)
    return 1 if wrong or not examined else 0
