"""Evidence: what a run did and measured, sealed in the repository under `runs/`."""

import json
from typing import Any

from planaria.core.errors import DamagedData
from planaria.repository.records import get_record, put_record
from planaria.repository.repository import Repository
from planaria.repository.sealed import Kind, canonical

Json = dict[str, Any]


def keep(repository: Repository, result: Json) -> str:
    """The name of the object. Raises errors of the store."""
    name = f"runs/{result['run']}"
    put_record(repository, "", Kind.RUN, name, {"run": result["run"]}, (canonical(result),))
    return name


def names(repository: Repository) -> list[str]:
    """Oldest first."""
    return [info.name for info in repository.store.list("runs/")]


def read(repository: Repository, name: str) -> Json:
    """Raises DamagedData, ObjectMissing."""
    record = get_record(repository, "", Kind.RUN, name)
    try:
        found = json.loads(record.parts[0])
        if found["run"] != name.removeprefix("runs/"):
            raise ValueError
    except (ValueError, KeyError, TypeError, IndexError):
        raise DamagedData(f"{name} is unreadable", object_name=name) from None
    return dict(found)
