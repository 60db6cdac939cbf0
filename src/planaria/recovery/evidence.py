"""Evidence: what a run did and measured, sealed in the repository under `runs/`. A resumed run leaves one each time."""

import json
from typing import Any

from planaria.core.errors import DamagedData
from planaria.repository.records import get_record, put_record
from planaria.repository.repository import Repository
from planaria.repository.sealed import Kind, canonical

Json = dict[str, Any]


def name_of(result: Json) -> str:
    """`runs/<run>`, and `runs/<run>-<attempt>` for what came of it later."""
    attempt = int(result["attempt"])
    return f"runs/{result['run']}" + (f"-{attempt}" if attempt > 1 else "")


def run_of(name: str) -> str:
    """The run's id, from the name of its evidence: `<time>-<random>`, without the attempt."""
    return "-".join(name.removeprefix("runs/").split("-")[:2])


def state_of(result: Json) -> str:
    """`done` or `failed`."""
    return "done" if all(one["state"] == "done" for one in result["components"].values()) else "failed"


def keep(repository: Repository, result: Json) -> str:
    """The name of the object, which `result` bears too. Raises errors of the store."""
    name = name_of(result)
    put_record(repository, "", Kind.RUN, name, {"run": result["run"]}, (canonical({**result, "evidence": name}),))
    return name


def names(repository: Repository) -> list[str]:
    """Oldest first."""
    return [info.name for info in repository.store.list("runs/")]


def read(repository: Repository, name: str) -> Json:
    """Raises DamagedData, ObjectMissing."""
    record = get_record(repository, "", Kind.RUN, name)
    try:
        found = json.loads(record.parts[0])
        if name_of(found) != name:
            raise ValueError
    except (ValueError, KeyError, TypeError, IndexError):
        raise DamagedData(f"{name} is unreadable", object_name=name) from None
    return dict(found)
