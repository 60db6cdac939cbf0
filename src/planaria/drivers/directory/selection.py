"""What of a base is to be restored, and where each entry goes. Nothing a base says is believed before it is looked at.

A base is read as if someone had forged it: paths that lead out of the tree, names used twice, and files below what is
not a directory are refused.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from planaria.core.base import Entry
from planaria.core.errors import DamagedData, UnknownName, UsageError
from planaria.drivers.contract import BaseView
from planaria.drivers.directory.attributes import KINDS
from planaria.drivers.directory.names import on_disk
from planaria.drivers.directory.patterns import Matches, matcher

PREFIX = "path:"


@dataclass(frozen=True, slots=True)
class Selection:
    """`entries` may be walked many times; only names are held in memory."""

    base: BaseView
    kinds: dict[str, str]
    """Of every path that will exist."""
    stands_for: dict[str, str] = field(default_factory=dict)
    """File whose content is wanted only under a further name -> that name."""
    whole: bool = True
    counts: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    allocated: int = 0
    """Bytes on disk: fewer than `bytes` where there are holes."""

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """(path in the target, entry): a directory before what it holds."""
        for entry in self.base.entries():
            path = self.stands_for.get(entry.path, entry.path)
            if path in self.kinds:
                if entry.meta.get("kind") == "hardlink":
                    yield from self._another_name(entry)
                else:
                    yield path, entry

    def _another_name(self, entry: Entry) -> Iterator[tuple[str, Entry]]:
        link = str(entry.meta["link"])
        first = self.stands_for.get(link, link)
        if first != entry.path:
            yield entry.path, Entry(entry.path, 0, {"kind": "hardlink", "link": first})


def select(base: BaseView, only: Sequence[str]) -> Selection:
    """Raises UsageError, UnknownName when nothing matches, DamagedData for a base that is not what we write."""
    wanted = _wanted(only)
    kinds: dict[str, str] = {}
    if wanted is None:
        return _counted(Selection(base, kinds), (_admitted(base, entry, kinds) for entry in base.entries()))
    chosen: dict[str, str] = {}
    stands_for: dict[str, str] = {}
    for entry in base.entries():
        _admitted(base, entry, kinds)
        if wanted(entry.path):
            _with_parents(entry.path, kinds, chosen)
            link = str(entry.meta.get("link"))
            is_first = kinds[entry.path] == "hardlink" and link not in chosen and link not in stands_for
            if is_first:
                stands_for[link], chosen[entry.path] = entry.path, "file"
    if not chosen:
        raise UnknownName(f"base {base.id} holds nothing that matches {', '.join(only)}")
    selection = Selection(base, chosen, stands_for, whole=False)
    return _counted(selection, (entry for _, entry in selection.entries()))


def _wanted(only: Sequence[str]) -> Matches | None:
    for one in only:
        if not one.startswith(PREFIX):
            raise UsageError(f"{one!r} does not choose files", hint=f"--only {PREFIX}GLOB, e.g. {PREFIX}etc/*.conf")
    try:
        return matcher([one.removeprefix(PREFIX) for one in only]) if only else None
    except ValueError as error:
        raise UsageError(str(error)) from None


def _admitted(base: BaseView, entry: Entry, kinds: dict[str, str]) -> Entry:
    """One more entry of the base, if it may be one."""
    kind, parts = entry.meta.get("kind"), entry.path.split("/")
    parent = entry.path.rpartition("/")[0]
    try:
        safe = "\0" not in on_disk(entry.path) and not {"", ".", ".."}.intersection(parts)
    except ValueError:
        safe = False
    if not safe or (parent and kinds.get(parent) != "directory") or entry.path in kinds or kind not in KINDS:
        raise DamagedData(f"base {base.id} holds the unsafe path {entry.path!r}", object_name=base.id)
    if kind == "hardlink" and kinds.get(str(entry.meta.get("link"))) != "file":
        raise DamagedData(f"base {base.id} holds the link {entry.path!r} to no file of it", object_name=base.id)
    kinds[entry.path] = str(kind)
    return entry


def _with_parents(path: str, kinds: dict[str, str], chosen: dict[str, str]) -> None:
    while path and path not in chosen:
        chosen[path] = kinds[path]
        path = path.rpartition("/")[0]


def _counted(selection: Selection, entries: Iterable[Entry]) -> Selection:
    counts: Counter[str] = Counter()
    size = allocated = 0
    for entry in entries:
        counts[str(entry.meta["kind"])] += 1
        size += entry.size
        allocated += min(entry.size, int(entry.meta.get("allocated", entry.size)))
    return replace(selection, counts=dict(counts), bytes=size, allocated=allocated)
