"""What waits on this host for the repository's store."""

from collections.abc import Sequence
from pathlib import Path

from planaria.storage.local import LocalStore


def spooled(directory: Path, components: Sequence[str]) -> dict[str, int]:
    """Bytes per component. `directory`: the spool of one repository."""
    found = {}
    for name in components:
        folder = directory / name
        found[name] = sum(info.size for info in LocalStore(folder).list("")) if folder.is_dir() else 0
    return found
