"""`planaria resume`: goes on with an interrupted run."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from planaria.cli.arguments import Targets
from planaria.cli.cmd_recover import finish, keep, runner_of, show_plan, targets_of
from planaria.cli.invocation import Invocation
from planaria.core.errors import SafetyRefusal

if TYPE_CHECKING:
    from planaria.service.environment import Environment


def resume(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="Of `planaria runs`, or an unambiguous beginning of it.")],
    target: Targets = None,
) -> int:
    """Go on with a run that was interrupted or has failed."""
    invocation: Invocation = context.obj
    from planaria.recovery.again import plan_again
    from planaria.recovery.run_journal import RunFiles

    with invocation.progress() as progress:
        environment = invocation.environment(progress)
        files = RunFiles(environment.directories.state / "runs")
        found = files.find(run)
        events = files.events(found)
        if not events:
            raise SafetyRefusal(f"run {found} ended before it had a plan: it touched nothing", hint="planaria recover")
        if files.state(found) == "done":
            return _evidence_kept(events[-1]["result"], environment, invocation)
        components = tuple(step["component"] for step in events[0]["plan"]["steps"])
        runner, _ = runner_of(environment, components)
        again = plan_again(events, targets_of(target), runner.drivers, runner.source)
        show_plan(again, invocation)
        with invocation.stopped_by_signals():
            result = runner.resume(found, again)
        keep(result, environment, invocation)
    return finish("resume", result, invocation)


def _evidence_kept(result: dict[str, Any], environment: "Environment", invocation: Invocation) -> int:
    """A run that was cut off between its end and its evidence leaves it now. Raises SafetyRefusal otherwise."""
    from planaria.recovery import evidence

    if evidence.name_of(result) in evidence.names(environment.repository):
        raise SafetyRefusal(
            f"run {result['run']} is done: there is nothing to go on with", hint=f"planaria show {result['run']}"
        )
    keep(result, environment, invocation)
    return finish("resume", result, invocation)
