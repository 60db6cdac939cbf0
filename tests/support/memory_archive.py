"""The repository as a driver sees it, in memory: an Archive to write into, and views to recover from."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from planaria.core.base import BaseFacts, CommittedBase, Entry, Json
from planaria.core.errors import DamagedData, PlanariaError, PointUnreachable
from planaria.core.instant import Instant
from planaria.core.position import Position
from planaria.drivers.contract import Bytes, JournalPiece, JournalTail, Pending, Reads

SEGMENT = 64 * 1024
START = Instant(0)


@dataclass
class MemoryBase:
    """A base, being written or committed; meets both BaseSink and BaseView."""

    archive: "MemoryArchive"
    id: str
    previous: "MemoryBase | None"
    files: dict[str, tuple[Entry, bytes]] = field(default_factory=dict)
    committed: BaseFacts | None = None

    @property
    def facts(self) -> BaseFacts:
        assert self.committed is not None
        return self.committed

    def add(self, entry: Entry, reads: Reads | None = None) -> Pending:
        buffer = bytearray(entry.size)
        count = reads(memoryview(buffer), 0) if reads and entry.size else 0
        self.files[entry.path] = (entry, bytes(buffer[:count]))
        return _Done(self, entry.path, count)

    def stream(self, entry: Entry, pieces: Iterable[Bytes]) -> Entry:
        content = b"".join(bytes(piece) for piece in pieces)
        kept = replace(entry, size=len(content))
        self.files[entry.path] = (kept, content)
        return kept

    def keep(self, entry: Entry) -> None:
        assert self.previous is not None
        self.files[entry.path] = (entry, self.previous.files[entry.path][1])

    def commit(self, facts: BaseFacts) -> CommittedBase:
        assert self.committed is None
        assert self.archive.commits.wait(30), "the commit was held for too long"
        if self.archive.failing_commits:
            raise self.archive.failing_commits.pop(0)
        self.committed = facts
        self.archive.bases.append(self)
        size = sum(len(content) for _, content in self.files.values())
        return CommittedBase(self.id, size, size, len(self.files), len(self.files))

    def abandon(self) -> None:
        if self.committed is None:
            self.files.clear()

    def entries(self) -> Iterator[Entry]:
        for entry, _ in self.files.values():
            yield entry

    def read(self, path: str) -> Iterator[bytes]:
        if path not in self.files:
            raise DamagedData(f"{path} is not in this base", object_name=path)
        content = self.files[path][1]
        for start in range(0, len(content), SEGMENT):
            yield content[start : start + SEGMENT]

    def scatter(self, entries: Iterable[Entry], write: Callable[[Entry, int, memoryview], None]) -> None:
        for entry in entries:
            content = memoryview(self.files[entry.path][1])
            for start in range(0, len(content), SEGMENT):
                write(entry, start, content[start : start + SEGMENT])


@dataclass(frozen=True)
class _Done:
    base: MemoryBase
    path: str
    count: int

    def wait(self) -> int:
        return self.count

    def drop(self) -> None:
        del self.base.files[self.path]


@dataclass
class _Segment:
    lineage: str
    start: int
    source: Mapping[str, Json]
    data: bytearray = field(default_factory=bytearray)
    stamps: list[tuple[Instant, int]] = field(default_factory=list)
    hint: Json = None

    @property
    def end(self) -> int:
        return self.start + len(self.data)


@dataclass
class MemoryJournal:
    """One stream's journal; meets both JournalSink and JournalView. `told` lists what happened, for tests."""

    segment: int = SEGMENT
    segments: list[_Segment] = field(default_factory=list)
    source: Mapping[str, Json] = field(default_factory=dict)
    at: Instant = START
    told: list[tuple[str, object]] = field(default_factory=list)
    inexact: bool = False
    durable_lag: int = 0
    """Bytes that are appended and, as far as `durable` says, not yet in the repository."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    accepting: threading.Event = field(default_factory=threading.Event)
    """Cleared by `hold`: `append` blocks until it is set again."""
    held_since: float | None = None

    def __post_init__(self) -> None:
        self.accepting.set()

    def hold(self) -> threading.Event:
        """The store is away and the spool full: `append` blocks until the event that is returned is set."""
        self.accepting.clear()
        return self.accepting

    @property
    def held_for(self) -> float:
        """Seconds for which `append` has been blocking."""
        since = self.held_since
        return time.monotonic() - since if since is not None else 0.0

    @property
    def position(self) -> Position:
        with self.lock:
            last = self.segments[-1]
            return Position(last.lineage, last.end)

    def begin(self, position: Position, at: Instant, source: Mapping[str, Json], *, exact: bool, reason: str) -> None:
        with self.lock:
            self.told.append(("begin", (position, exact, reason)))
            self.source, self.at, self.inexact = dict(source), at, not exact
            self.segments.append(_Segment(position.lineage, position.offset, self.source))

    def append(self, data: Bytes, at: Instant, hint: Json = None) -> None:
        if not self.accepting.is_set():
            self.held_since = time.monotonic()
            assert self.accepting.wait(60), "the journal was held for too long"
            self.held_since = None
        with self.lock:
            last = self.segments[-1]
            if len(last.data) >= self.segment:
                last = _Segment(last.lineage, last.end, self.source)
                self.segments.append(last)
            last.data += data
            last.stamps.append((at, last.end))
            if last.hint is None:
                last.hint = hint
            self.at = at

    def caught_up(self, at: Instant) -> None:
        with self.lock:
            self.told.append(("caught_up", at))
            self.inexact = False

    def quiet(self, at: Instant) -> None:
        with self.lock:
            self.told.append(("quiet", at))
            last = self.segments[-1]
            last.stamps.append((at, last.end))
            self.at = at

    def tell(self, source: Mapping[str, Json]) -> None:
        with self.lock:
            self.told.append(("tell", dict(source)))
            self.source = dict(source)

    @property
    def durable(self) -> Position:
        with self.lock:
            last = self.segments[-1]
            return Position(last.lineage, max(last.end - self.durable_lag, last.start))

    def flush(self) -> None:
        with self.lock:
            self.told.append(("flush", None))

    def tail(self) -> JournalTail | None:
        with self.lock:
            if not self.segments:
                return None
            last = self.segments[-1]
            return JournalTail(Position(last.lineage, last.end), self.at, dict(self.source))

    def cut(self, offset: int) -> None:
        """Forget everything from `offset` on: a crash before it was durable."""
        with self.lock:
            kept = [one for one in self.segments if one.start <= offset]
            del kept[-1].data[offset - kept[-1].start :]
            kept[-1].stamps = [stamp for stamp in kept[-1].stamps if stamp[1] <= offset]
            self.segments = kept
            told = (source for what, source in reversed(self.told) if what == "tell" and isinstance(source, dict))
            self.source = next((source for source in told if source.get("safe", 0) <= offset), {})

    def pieces(self, start: Position, until: Instant | Position | None) -> Iterator[JournalPiece]:
        with self.lock:
            mine = [one for one in self.segments if one.lineage == start.lineage and one.end >= start.offset]
        place = start.offset
        for one in mine:
            if one.start > place or not one.data:
                if one.start > place:
                    raise PointUnreachable(f"the journal has a gap at {place}")
                continue
            place = max(place, one.end)
            yield JournalPiece(one.start, bytes(one.data), tuple(one.stamps), one.hint, dict(one.source))
            if isinstance(until, Position) and one.end >= until.offset:
                return
            if isinstance(until, int) and one.stamps and one.stamps[-1][0] > until:
                return
        if isinstance(until, Position) and place < until.offset:
            raise PointUnreachable(f"the journal ends at {place}")


@dataclass
class MemoryArchive:
    """A component's place in a repository that lives in memory."""

    bases: list[MemoryBase] = field(default_factory=list)
    journals: dict[str, MemoryJournal] = field(default_factory=dict)
    begun: int = 0
    commits: threading.Event = field(default_factory=threading.Event)
    """Set: commits go through."""
    failing_commits: list[PlanariaError] = field(default_factory=list)
    """What the next commits raise, in order."""

    def __post_init__(self) -> None:
        self.commits.set()

    def hold_commits(self) -> threading.Event:
        """No commit goes through until the event that is returned is set."""
        self.commits.clear()
        return self.commits

    def begin_base(self) -> MemoryBase:
        self.begun += 1
        return MemoryBase(self, f"base-{self.begun}", self.bases[-1] if self.bases else None)

    def journal(self, stream: str) -> MemoryJournal:
        return self.journals.setdefault(stream, MemoryJournal())

    def tail(self, stream: str) -> JournalTail | None:
        journal = self.journals.get(stream)
        return journal.tail() if journal else None
