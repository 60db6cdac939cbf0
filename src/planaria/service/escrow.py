"""Whether somebody could still read if this host burnt down: what was proven is remembered here, and nagged about."""

import json
from pathlib import Path
from typing import Any

from planaria.core.instant import Instant, rfc3339
from planaria.service.environment import Environment


def proven(environment: Environment, at: Instant, how: str) -> None:
    """A key that is kept away from this host was tried, and opens everything. `how`: `sheet` or `identity`."""
    path = _path(environment)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(json.dumps({"at": rfc3339(at), "how": how}) + "\n")


def last_proven(environment: Environment) -> dict[str, Any] | None:
    """`{"at": …, "how": …}`, as far as this host knows."""
    try:
        return dict(json.loads(_path(environment).read_text()))
    except (FileNotFoundError, ValueError):
        return None


def reminders(environment: Environment) -> list[str]:
    """Only where an identity is: a host that only writes has nothing to lose."""
    if environment.repository.identity is None or last_proven(environment) is not None:
        return []
    return [
        "if this host burns down, who can read? planaria keys escrow SHEET prints a key for the safe; "
        "planaria keys test --sheet COPY proves what was typed in from it"
    ]


def _path(environment: Environment) -> Path:
    return environment.directories.state / f"escrow-{environment.repository.id}.json"
