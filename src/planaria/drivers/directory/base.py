"""Taking a base of a tree: unchanged files kept, the others read, a few at a time, and read again if they changed."""

import errno
import os
import stat
import threading
from collections import deque
from dataclasses import dataclass, field

from planaria.core.base import BaseFacts, CommittedBase, Entry, Json
from planaria.core.errors import DamagedData, Interrupted
from planaria.core.instant import Instant
from planaria.drivers.contract import BaseSink, Pending, Surroundings
from planaria.drivers.directory.attributes import meta_of
from planaria.drivers.directory.before import Before
from planaria.drivers.directory.options import DirectoryOptions
from planaria.drivers.directory.patterns import matcher
from planaria.drivers.directory.source import Source
from planaria.drivers.directory.tree import Found, top, unreadable, walk

WINDOW = 64
"""Files being read at once: bounds descriptors and memory."""
TRIES = 3
TICK_NS = 20_000_000
"""A second write in the same tick of the kernel's clock (4 or 10 ms) shows in no time: a file this new has to age."""
RECENT_NS = 2_000_000_000
"""Within the coarsest clock of a file system (2 s) equal times prove nothing: a file this new is read again later."""
NAMED = 1000
"""So many paths are named in the facts of a base, the others counted."""


@dataclass(frozen=True, slots=True)
class _Reading:
    found: Found
    source: Source
    pending: Pending
    tries: int


@dataclass(slots=True)
class _Notes:
    """What did not go plainly."""

    paths: set[str] = field(default_factory=set)
    count: int = 0

    def add(self, path: str) -> None:
        if path in self.paths:
            return
        self.count += 1
        if len(self.paths) < NAMED:
            self.paths.add(path)

    def json(self) -> Json:
        return {"count": self.count, "paths": sorted(self.paths)}


class Taking:
    """One base of one tree, by one thread; workers of the sink read. `run` once."""

    def __init__(self, options: DirectoryOptions, surroundings: Surroundings, sink: BaseSink) -> None:
        self._options, self._surroundings, self._sink = options, surroundings, sink
        self._before = Before(None if options.reread else sink.previous, surroundings.warn)
        self._readings: deque[_Reading] = deque()
        self._names: dict[tuple[int, int], str] = {}
        self._links: list[Found] = []
        self._changing, self._vanished, self._sockets = _Notes(), _Notes(), _Notes()
        self._counts = {"files": 0, "directories": 0, "links": 0, "others": 0, "bytes": 0}
        self._done, self._lock = 0, threading.Lock()

    def run(self) -> CommittedBase:
        """Raises Interrupted, ComponentRefused, ComponentUnavailable; the caller abandons the sink."""
        at, root = self._surroundings.clock.now(), top(self._options.path)
        excluded = matcher(self._options.exclude)
        tree = walk(
            self._options.path,
            excluded,
            one_file_system=self._options.one_file_system,
            vanished=self._vanished.add,
        )
        try:
            for found in tree:
                self._passed(0)
                self._take(found)
            self._settle(leaving=0)
            self._take_links()
        finally:
            for reading in self._readings:
                reading.source.close()
        return self._sink.commit(self._facts(at, root))

    def _passed(self, count: int) -> None:
        """From any thread."""
        if self._surroundings.stopping():
            raise Interrupted("stopped before the base was complete", hint="nothing of it was kept; start it again")
        with self._lock:
            self._done += count
        self._surroundings.progress("reading", self._done, None)

    def _take(self, found: Found) -> None:
        mode = found.status.st_mode
        if stat.S_ISSOCK(mode):
            self._sockets.add(found.path)
        elif not stat.S_ISREG(mode):
            self._take_other(found)
        elif found.status.st_nlink > 1 and self._names.setdefault(_inode(found), found.path) != found.path:
            self._links.append(found)
        else:
            self._take_file(found)

    def _take_other(self, found: Found) -> None:
        try:
            meta = meta_of(found.status, found.where)
        except FileNotFoundError:
            self._vanished.add(found.path)
            return
        except OSError as error:
            raise unreadable(found.where, error) from None
        self._plain(Entry(found.path, 0, meta))
        self._counts[{"directory": "directories", "symlink": "links"}.get(meta["kind"], "others")] += 1

    def _plain(self, entry: Entry) -> None:
        self._sink.add(entry).wait()

    def _take_links(self) -> None:
        """Further names of files that were read; where the first name is gone, the next takes its place."""
        for found in self._links:
            first = self._names.setdefault(_inode(found), found.path)
            if first == found.path:
                self._take_file(found)
                self._settle(leaving=0)
            else:
                self._plain(Entry(found.path, 0, {"kind": "hardlink", "link": first}))
                self._counts["links"] += 1

    def _take_file(self, found: Found) -> None:
        entry = self._before.unchanged(found)
        if entry is None or not self._keep(entry):
            self._read(found, tries=1)
            self._settle(leaving=WINDOW)

    def _keep(self, entry: Entry) -> bool:
        try:
            self._sink.keep(entry)
        except DamagedData as error:
            self._surroundings.warn(f"{error.message}: {entry.path} is read again")
            return False
        self._count(entry)
        self._passed(entry.size)
        return True

    def _count(self, entry: Entry) -> None:
        self._counts["files"] += 1
        self._counts["bytes"] += entry.size

    def _read(self, found: Found, tries: int) -> None:
        source = self._open(found)
        if source is None:
            return
        try:
            entry = self._entry(found, source)
            pending = self._sink.add(entry, source)
        except BaseException:
            source.close()
            raise
        self._readings.append(_Reading(found, source, pending, tries))

    def _open(self, found: Found) -> Source | None:
        """None, and noted, when there is no such file any more."""
        try:
            source = Source(found.where, self._passed)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.ENOTDIR):
                raise unreadable(found.where, error) from None
            self._gone(found)
            return None
        if not stat.S_ISREG(source.status.st_mode):
            source.close()
            self._gone(found)
            return None
        if 0 <= self._age_ns(source) < TICK_NS:
            self._surroundings.clock.sleep(TICK_NS / 1e9)
            source.refresh()
        return source

    def _gone(self, found: Found) -> None:
        self._vanished.add(found.path)
        if self._names.get(_inode(found)) == found.path:
            del self._names[_inode(found)]

    def _age_ns(self, source: Source) -> int:
        return self._surroundings.clock.now() * 1000 - source.status.st_ctime_ns

    def _entry(self, found: Found, source: Source) -> Entry:
        try:
            meta = meta_of(source.status, source.descriptor)
        except OSError as error:
            raise unreadable(found.where, error) from None
        if self._age_ns(source) < RECENT_NS:
            meta["recent"] = True
        return Entry(found.path, source.status.st_size, meta)

    def _settle(self, *, leaving: int) -> None:
        while len(self._readings) > leaving:
            reading = self._readings.popleft()
            try:
                again = not self._was_read(reading)
            finally:
                reading.source.close()
            if again:
                self._again(reading)

    def _was_read(self, reading: _Reading) -> bool:
        """False, and dropped, when it changed under us."""
        try:
            size = reading.pending.wait()
        except OSError as error:
            if error.errno is not None:  # the disk's own complaint, not a file that became shorter
                raise unreadable(reading.found.where, error) from None
        else:
            if reading.source.stood_still():
                self._counts["files"] += 1
                self._counts["bytes"] += size
                return True
        reading.pending.drop()
        return False

    def _again(self, reading: _Reading) -> None:
        if reading.tries < TRIES:
            self._read(reading.found, reading.tries + 1)
        else:
            self._read_changing(reading.found)

    def _read_changing(self, found: Found) -> None:
        """In one go, whatever happens to it, and named: this file holds parts of different moments."""
        source = self._open(found)
        if source is None:
            return
        try:
            entry = self._sink.stream(self._entry(found, source), source.pieces())
            changed = not source.stood_still()
        finally:
            source.close()
        self._count(entry)
        if changed:
            self._changing.add(found.path)
            self._surroundings.warn(
                f"{found.path} changed each of the {TRIES + 1} times it was read: kept as last read"
            )

    def _facts(self, at: Instant, root: os.stat_result) -> BaseFacts:
        source = {
            "kind": "directory",
            "path": str(self._options.path),
            "host": os.uname().nodename,
            "root": meta_of(root, str(self._options.path)),
            "exclude": list(self._options.exclude),
            "changing": self._changing.json(),
            "vanished": self._vanished.json(),
            "sockets": self._sockets.json(),
        }
        before = self._sink.previous
        if before is not None and before.facts.expectations.get("files") and not self._counts["files"]:
            self._surroundings.warn(f"{self._options.path} held files and is empty now: is its volume mounted?")
        return BaseFacts(positions={}, at=at, source=source, expectations=dict(self._counts))


def _inode(found: Found) -> tuple[int, int]:
    return found.status.st_dev, found.status.st_ino
