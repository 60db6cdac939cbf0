"""The runs there were: by their journals on this host, and by their evidence in the repository."""

from typing import Any

from planaria.core.errors import DamagedData
from planaria.recovery import evidence
from planaria.recovery.run_journal import RunFiles
from planaria.repository.repository import Repository

Json = dict[str, Any]


def all_runs(files: RunFiles, repository: Repository) -> tuple[list[Json], list[DamagedData]]:
    """(oldest first, as `planaria runs` shows them; what could not be read). Raises errors of the store."""
    found: dict[str, Json] = {}
    damage: list[DamagedData] = []
    for name in evidence.names(repository):  # a run that was resumed has more than one: the last one counts
        try:
            result = evidence.read(repository, name)
            found[result["run"]] = _row(result, evidence.state_of(result), name)
        except DamagedData as error:
            damage.append(error)
    for run in files.ids():
        try:
            row = _of_journal(files, run)
        except DamagedData as error:
            damage.append(error)
            continue
        if row is not None and (run not in found or row["state"] != found[run]["state"]):
            found[run] = {**row, "evidence": found[run]["evidence"] if run in found else None}
    return [found[run] for run in sorted(found)], damage


def _of_journal(files: RunFiles, run: str) -> Json | None:
    """None: it was cut off before its plan was written, and did nothing."""
    events = files.events(run)
    if not events:
        return None
    ended = next((event["result"] for event in reversed(events) if event["event"] == "ended"), None)
    plan = events[0]["plan"]
    begun: Json = {
        "run": run,
        "began_at": events[0]["at"],
        "point": plan["point"],
        "components": {step["component"]: {} for step in plan["steps"]},
        "rto_seconds": None,
    }
    return _row(ended or begun, files.state(run), None)


def _row(result: Json, state: str, kept: str | None) -> Json:
    return {
        "run": result["run"],
        "began_at": result["began_at"],
        "point": result["point"]["text"],
        "components": list(result["components"]),
        "state": state,
        "rto_seconds": result["rto_seconds"],
        "evidence": kept,
    }
