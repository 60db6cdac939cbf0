"""A tree of files, walked in a fixed order: a directory before what it holds, names sorted, links never followed."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from planaria.core.errors import ComponentRefused, ComponentUnavailable
from planaria.drivers.directory.names import in_base
from planaria.drivers.directory.patterns import Matches


@dataclass(frozen=True, slots=True)
class Found:
    path: str
    """In the base: relative, with `/`."""
    where: str
    """On disk."""
    status: os.stat_result

    @property
    def key(self) -> list[str]:
        return order(self.path)


def order(path: str) -> list[str]:
    """Sorting by this is the order of the walk."""
    return path.split("/")


def top(root: Path) -> os.stat_result:
    """The tree's own status. Raises ComponentUnavailable, ComponentRefused."""
    try:
        status = root.stat()
    except FileNotFoundError:
        raise ComponentUnavailable(f"there is no directory {root}", hint="is its volume mounted?") from None
    except OSError as error:
        raise unreadable(str(root), error) from None
    if not stat.S_ISDIR(status.st_mode):
        raise ComponentRefused(f"{root} is not a directory", hint="the component's `path` names a directory")
    return status


def unreadable(where: str, error: OSError) -> ComponentRefused:
    return ComponentRefused(
        f"{in_base(where)} cannot be read: {error.strerror or error}",
        hint="run as a user who may read it, or list it under `exclude`",
    )


def walk(root: Path, excluded: Matches, *, one_file_system: bool, vanished: Callable[[str], None]) -> Iterator[Found]:
    """All below `root`. What disappears on the way is told to `vanished`. Raises ComponentRefused, naming the file."""
    device = top(root).st_dev
    levels = [_children(str(root), "", vanished)]
    while levels:
        found = next(levels[-1], None)
        if found is None:
            levels.pop()
        elif not excluded(found.path):
            yield found
            elsewhere = one_file_system and found.status.st_dev != device
            if stat.S_ISDIR(found.status.st_mode) and not elsewhere:
                levels.append(_children(found.where, found.path + "/", vanished))


def _children(directory: str, prefix: str, vanished: Callable[[str], None]) -> Iterator[Found]:
    try:
        with os.scandir(directory) as scan:
            inside = sorted((in_base(entry.name), entry) for entry in scan)
    except FileNotFoundError:
        vanished(prefix.rstrip("/"))
        return
    except OSError as error:
        raise unreadable(directory, error) from None
    for name, entry in inside:
        try:
            yield Found(prefix + name, entry.path, entry.stat(follow_symlinks=False))
        except FileNotFoundError:
            vanished(prefix + name)
        except OSError as error:
            raise unreadable(entry.path, error) from None
