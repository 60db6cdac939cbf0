"""`planaria runs`: executions of plans, on this host and as evidence in the repository."""

from typing import Any

import typer

from planaria.cli.invocation import Invocation
from planaria.cli.output import second
from planaria.core.quantities import shown_duration


def runs(context: typer.Context) -> int:
    """List runs: those of this host, which can be resumed, and the evidence of others."""
    invocation: Invocation = context.obj
    from planaria.recovery import evidence
    from planaria.recovery.run_journal import RunFiles

    environment = invocation.environment()
    files = RunFiles(environment.directories.state / "runs")
    found: dict[str, dict[str, Any]] = {}
    for name in evidence.names(environment.repository):
        one = evidence.read(environment.repository, name)
        failed = any(part["state"] != "done" for part in one["components"].values())
        found[one["run"]] = _row(one, "failed" if failed else "done", name)
    for run in files.ids():
        events = files.events(run)
        ended = next((event["result"] for event in reversed(events) if event["event"] == "ended"), None)
        if run not in found and events:
            plan = events[0]["plan"]
            fallback = {
                "run": run,
                "began_at": events[0]["at"],
                "point": {"at": plan["point"]},
                "components": {step["component"]: {} for step in plan["steps"]},
                "rto_seconds": None,
            }
            found[run] = _row(ended or fallback, files.state(run), None)
    rows = [found[run] for run in sorted(found)]
    invocation.output.table(
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
    invocation.output.finish("runs", {"runs": rows})
    return 0


def _row(result: dict[str, Any], state: str, kept: str | None) -> dict[str, Any]:
    return {
        "run": result["run"],
        "began_at": result["began_at"],
        "point": result["point"]["at"],
        "components": list(result["components"]),
        "state": state,
        "rto_seconds": result["rto_seconds"],
        "evidence": kept,
    }
