"""What a restore would do to a directory, decided and refused before anything is touched."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from planaria.core.errors import SafetyRefusal, StoreFull, UsageError
from planaria.drivers.contract import Change, Recovery, Target
from planaria.drivers.directory.attributes import kind_of
from planaria.drivers.directory.patterns import Matches
from planaria.drivers.directory.selection import Selection, select
from planaria.drivers.directory.tree import Found, walk

_SINGULAR = {"directory": "directories", "file": "files", "symlink": "symbolic links", "hardlink": "hard links"}


@dataclass(frozen=True, slots=True)
class Plan:
    root: Path
    selection: Selection
    remove: tuple[Found, ...]
    """What is in the way, or no part of the base: a directory before what it holds."""
    replace: bool

    def changes(self) -> list[Change]:
        selection, count = self.selection, self.selection.counts
        named = [f"{number} {_SINGULAR.get(kind, 'special files')}" for kind, number in sorted(count.items())]
        what = ", ".join(named) or "nothing: the base is empty"
        verb = "compare, and write what differs" if self.replace else "write"
        changes = [Change(verb, f"{what} into {self.root}", selection.bytes)]
        for found in self.remove:
            changes.append(Change("remove", str(self.root / found.path), found.status.st_size))
        return changes


def plan(recovery: Recovery, target: Target, excluded: Matches, *, one_file_system: bool) -> Plan:
    """Raises SafetyRefusal, StoreFull, UsageError, UnknownName, DamagedData; changes nothing."""
    if target.directory is None:
        raise UsageError("a directory is restored into a directory", hint="--target COMPONENT=/a/directory")
    root = target.directory
    if os.path.lexists(root) and not root.is_dir():
        raise SafetyRefusal(f"{root} exists and is not a directory", hint="name a new directory")
    selection = select(recovery.base, recovery.only)
    occupied = root.is_dir() and not _is_empty(root)
    if occupied and not target.replace:
        raise SafetyRefusal(
            f"{root} is not empty", hint="name a new directory, or say --replace: what differs is overwritten"
        )
    present = list(_present(root, selection, excluded, one_file_system=one_file_system)) if occupied else []
    remove = tuple(found for found in present if _in_the_way(found, selection))
    _fits(root, selection, sum(_allocated(found) for found in present))
    return Plan(root, selection, remove, occupied)


def _is_empty(root: Path) -> bool:
    """A file system freshly made is empty, whatever mkfs put there."""
    with os.scandir(root) as scan:
        return all(one.name == "lost+found" and one.is_dir(follow_symlinks=False) for one in scan)


def _present(root: Path, selection: Selection, excluded: Matches, *, one_file_system: bool) -> Iterator[Found]:
    """What is there and concerns us: all of it, or with `--only` what bears a wanted name."""
    tree = walk(root, excluded, one_file_system=one_file_system, vanished=lambda _: None)
    gone = ""
    for found in tree:
        below_gone = bool(gone) and found.path.startswith(gone)
        if selection.whole or found.path in selection.kinds or below_gone:
            yield found
        if stat.S_ISDIR(found.status.st_mode) and selection.kinds.get(found.path) not in (None, "directory"):
            gone = found.path + "/"


def _in_the_way(found: Found, selection: Selection) -> bool:
    """Extra, of another kind, not ours to open, or with a name elsewhere; other files stay, to be compared."""
    wanted, kind = selection.kinds.get(found.path), kind_of(found.status)
    if wanted == "file" and kind == "file":
        return found.status.st_nlink > 1 or not os.access(found.where, os.R_OK | os.W_OK)
    return not (wanted == "directory" and kind == "directory")


def _allocated(found: Found) -> int:
    return found.status.st_blocks * 512 if found.status.st_nlink == 1 else 0


def _fits(root: Path, selection: Selection, freed: int) -> None:
    existing = root
    while not existing.exists():
        existing = existing.parent
    space = os.statvfs(existing)
    free = space.f_bavail * space.f_frsize + freed
    if free < selection.allocated:
        raise StoreFull(
            f"{root} has room for {free} bytes, the base needs {selection.allocated}",
            hint="free some space, or restore to another file system",
        )
