"""`planaria runs`: executions of plans, on this host and as evidence in the repository."""

import typer

from planaria.cli.invocation import Invocation
from planaria.cli.output import error_json, second


def runs(context: typer.Context) -> int:
    """List runs: which were done, which can be resumed."""
    invocation: Invocation = context.obj
    from planaria.core.quantities import shown_duration
    from planaria.recovery.run_journal import RunFiles
    from planaria.recovery.runs import all_runs

    environment = invocation.environment()
    rows, damage = all_runs(RunFiles(environment.directories.state / "runs"), environment.repository)
    output = invocation.output
    if not rows:
        output.say("there is no run yet")
    else:
        output.table(
            ("RUN", "BEGAN", "TO", "COMPONENTS", "STATE", ">RTO"),
            [
                (
                    one["run"],
                    second(one["began_at"]),
                    one["point"],
                    ", ".join(one["components"]),
                    one["state"],
                    "-" if one["rto_seconds"] is None else shown_duration(one["rto_seconds"]),
                )
                for one in rows
            ],
        )
    for row in rows:
        if row["state"] == "interrupted":
            output.say(f"to go on: planaria resume {row['run']}")
    for error in damage:
        output.warn(error.message)
    output.finish("runs", {"runs": rows}, [error_json(one) for one in damage], ok=not damage)
    return 5 if damage else 0
