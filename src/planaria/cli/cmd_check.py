"""`planaria check`: proves the repository: structure always, data with --read."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from planaria.cli.arguments import Components
from planaria.cli.invocation import Invocation
from planaria.cli.output import Output
from planaria.core.errors import UsageError

if TYPE_CHECKING:
    from planaria.repository.check_report import Report


def check(
    context: typer.Context,
    components: Components = None,
    read: Annotated[bool, typer.Option("--read", help="Fetch, decrypt and hash the data too.")] = False,
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="TIME", help="Stop reading after so long; go on there next time.")
    ] = None,
) -> int:
    """Prove that what is stored is there and is unchanged."""
    invocation: Invocation = context.obj
    from planaria.repository.check_state import load_state
    from planaria.repository.checking import run_check

    seconds = _seconds(budget)
    with invocation.progress() as progress:  # Ctrl-C ends it where it is: what was read by then is remembered
        environment = invocation.environment(progress)
        chosen = environment.selected(tuple(components or ()))
        state = load_state(environment.directories.state / f"check-{environment.repository.id}.json")
        report = run_check(
            environment.repository,
            components=chosen if components else None,
            read=read,
            budget_seconds=seconds,
            state=state,
            progress=progress,
        )
    _shown(report, invocation.output, read=read)
    invocation.output.finish("check", _json(report), ok=not report.findings)
    return 1 if report.findings else 0


def _shown(report: "Report", output: Output, *, read: bool) -> None:
    from planaria.core.instant import shown
    from planaria.core.quantities import shown_duration, shown_size

    if report.findings:
        output.table(
            ("OBJECT", "COMPONENT", "KIND", "WHAT"),
            [(one.object, one.component or "-", one.kind, one.detail) for one in report.findings],
        )
    proven = f"{shown_size(report.bytes_read)} read" if read else "names, seals and references; --read proves the data"
    left = f", {report.unread} objects left for next time" if report.unread else ""
    found = f"{len(report.findings)} findings" if report.findings else "nothing wrong"
    output.say(f"{report.objects} objects in {shown_duration(report.seconds)}, {proven}{left}: {found}")
    if report.oldest_unread is not None:
        output.say(f"longest unread: since {shown(report.oldest_unread)}")
    if report.condemned:
        output.say(f"{report.condemned} damaged packs are marked: the next base stores what they held again")


def _json(report: "Report") -> dict[str, Any]:
    from planaria.core.instant import rfc3339

    oldest = report.oldest_unread
    return {
        "findings": [
            {"object": one.object, "component": one.component or None, "kind": one.kind, "detail": one.detail}
            for one in report.findings
        ],
        "objects": report.objects,
        "counts": report.counts,
        "bytes_read": report.bytes_read,
        "unread": report.unread,
        "oldest_unread": None if oldest is None else rfc3339(oldest),
        "condemned": report.condemned,
        "seconds": round(report.seconds, 3),
    }


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    from planaria.core.quantities import duration

    try:
        return duration(text)
    except ValueError as error:
        raise UsageError(f"--budget: {error}") from None
