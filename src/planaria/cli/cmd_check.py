"""`planaria check`: proves the repository: structure always, data with --read."""

from typing import Annotated

import typer

from planaria.cli.arguments import Components
from planaria.cli.invocation import Invocation
from planaria.core.errors import UsageError


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
    from planaria.core.quantities import shown_size
    from planaria.repository.check_state import load_state
    from planaria.repository.checking import run_check

    seconds = _seconds(budget)
    with invocation.stopped_by_signals(), invocation.progress() as progress:
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
        state.save()
    output = invocation.output
    output.table(
        ("OBJECT", "COMPONENT", "KIND", "WHAT"),
        [(one.object, one.component, one.kind, one.detail) for one in report.findings],
    )
    left = f", {report.unread} objects left for next time" if report.unread else ""
    found = f"{len(report.findings)} findings" if report.findings else "nothing wrong"
    output.say(f"{report.objects} objects, {shown_size(report.bytes_read)} read{left}: {found}")
    result = {
        "findings": [
            {"object": one.object, "component": one.component, "kind": one.kind, "detail": one.detail}
            for one in report.findings
        ],
        "objects": report.objects,
        "bytes_read": report.bytes_read,
        "unread": report.unread,
    }
    output.finish("check", result, ok=not report.findings)
    return 1 if report.findings else 0


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    from planaria.core.quantities import duration

    try:
        return duration(text)
    except ValueError as error:
        raise UsageError(f"--budget: {error}") from None
