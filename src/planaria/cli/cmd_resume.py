"""`planaria resume`: goes on with an interrupted run."""

from typing import Annotated

import typer

from planaria.cli.arguments import Targets
from planaria.cli.cmd_recover import finish, runner_of, show_plan, targets_of
from planaria.cli.invocation import Invocation
from planaria.core.errors import SafetyRefusal


def resume(
    context: typer.Context,
    run: Annotated[str, typer.Argument(help="Of `planaria runs`, or an unambiguous beginning of it.")],
    target: Targets = None,
) -> int:
    """Go on with an interrupted or failed run, at the step that was open."""
    invocation: Invocation = context.obj
    from planaria.recovery.again import plan_again
    from planaria.recovery.run_journal import RunFiles

    with invocation.stopped_by_signals(), invocation.progress() as progress:
        environment = invocation.environment(progress)
        files = RunFiles(environment.directories.state / "runs")
        found = files.find(run)
        state = files.state(found)
        if state == "done":
            raise SafetyRefusal(f"run {found} is done: there is nothing to go on with", hint=f"planaria show {found}")
        written = files.events(found)[0]["plan"]
        runner, drivers = runner_of(environment, tuple(step["component"] for step in written["steps"]))
        made = plan_again(written, targets_of(target), runner.source)
        show_plan(made, invocation)
        del drivers
        result = runner.resume(found, made)
    return finish("resume", result, environment, invocation)
