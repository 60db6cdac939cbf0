"""What a driver is, and what it may ask of the repository.

A driver never sees keys, packs or object names: it is handed an `Archive` to write into, and a `BaseView` with
`JournalView`s to restore from. A component is one or more *streams* (a Redis Cluster has one per shard; most have one,
named `main`), each with its own journal. All methods raise errors of `core.errors`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from planaria.core.base import BaseFacts, CommittedBase, Entry, Json
from planaria.core.clock import Clock
from planaria.core.instant import Instant
from planaria.core.journal import JournalPiece, JournalTail
from planaria.core.position import Position

Bytes = bytes | bytearray | memoryview

__all__ = [
    "BaseFacts",
    "CommittedBase",
    "Entry",
    "JournalPiece",
    "JournalTail",
    "Json",
]  # a driver needs this module only

MAIN = "main"
"""The stream of a component that has only one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `probe` looked at. A finding that is not ok names the command or setting that fixes it."""

    check: str
    ok: bool
    detail: str
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a kind of component can do, as data: shown by `doctor` and in the reference."""

    kind: str
    title: str
    journal: bool
    targets: tuple[str, ...]
    """Any of `directory`, `live`."""
    partial: tuple[str, ...]
    """What `--only` may name, e.g. `db:N`, `key:PATTERN`; empty: all or nothing."""


class Reads(Protocol):
    def __call__(self, buffer: memoryview, offset: int, /) -> int:
        """Fill `buffer` from `offset` of the file; the count of bytes read, short only at the end. Any thread."""
        ...


class Pending(Protocol):
    """A file on its way through the pipeline."""

    def wait(self) -> int:
        """Blocks until every chunk is encoded; the number of bytes read. Raises what reading raised."""
        ...

    def drop(self) -> None:
        """Leave this file out of the base after all (it changed under us, say)."""
        ...


class BaseSink(Protocol):
    """One base being written. Nothing of it exists for readers until `commit` returns."""

    @property
    def previous(self) -> "BaseView | None":
        """The newest committed base of this component, whose entries may be kept without reading them again."""
        ...

    def add(self, entry: Entry, reads: Reads | None = None) -> Pending:
        """A file of `entry.size` bytes that worker threads read in aligned pieces; None: it has no content."""
        ...

    def stream(self, entry: Entry, pieces: Iterable[Bytes]) -> Entry:
        """A file that can only be read in order, its size known at the end; returns the entry as kept."""
        ...

    def keep(self, entry: Entry) -> None:
        """Take the content of `entry.path` from `previous` (its size must agree), with the new `entry`'s meta."""
        ...

    def commit(self, facts: BaseFacts) -> CommittedBase: ...

    def abandon(self) -> None:
        """End without a base; idempotent, and harmless after `commit`."""
        ...


class JournalSink(Protocol):
    """The journal of one stream being written, by one thread."""

    def begin(self, position: Position, at: Instant, source: Mapping[str, Json], *, exact: bool, reason: str) -> None:
        """Start or go on at `position` (the offset of the next byte).

        `exact=False`: what comes until `caught_up` arrives later than it happened (after a cut link, or while a base
        was sent), for `reason`; seconds in that stretch cannot be chosen by time, and are shown as a gap.
        """
        ...

    def append(self, data: Bytes, at: Instant, hint: Json = None) -> None:
        """The next bytes, stamped with their arrival. Blocks when the spool is full or memory is at its budget.

        `hint` describes a place in the journal where a reader may start parsing; a segment keeps its first one.
        `data` is copied before this returns. Raises what made flushing fail for good.
        """
        ...

    def caught_up(self, at: Instant) -> None:
        """From here on, stamps are exact again."""
        ...

    def quiet(self, at: Instant) -> None:
        """All that the source had sent by `at` has been appended: what lets an idle second be reached."""
        ...

    def tell(self, source: Mapping[str, Json]) -> None:
        """The source's facts changed (a new replication id) without a break."""
        ...

    @property
    def durable(self) -> Position:
        """All before this is in the repository (not merely in the spool): what may be acknowledged to the source."""
        ...

    def flush(self) -> None:
        """Returns when all that was appended is durable in the repository, or in the spool; raises if neither."""
        ...


class Archive(Protocol):
    """A component's place in the repository, open for writing."""

    def begin_base(self) -> BaseSink: ...

    def journal(self, stream: str) -> JournalSink: ...

    def tail(self, stream: str) -> JournalTail | None: ...


class BaseView(Protocol):
    """One committed base, open for reading."""

    @property
    def id(self) -> str: ...

    @property
    def facts(self) -> BaseFacts: ...

    def entries(self) -> Iterator[Entry]:
        """In the order they were written."""
        ...

    def read(self, path: str) -> Iterator[bytes]:
        """A file's content in order, read ahead. Raises DamagedData."""
        ...

    def scatter(self, entries: Iterable[Entry], write: Callable[[Entry, int, memoryview], None]) -> None:
        """Every byte of `entries`, in any order, from worker threads: `write(entry, offset, piece)`."""
        ...


class JournalView(Protocol):
    """One stream's journal, open for reading."""

    def pieces(self, start: Position, until: Instant | Position | None) -> Iterator[JournalPiece]:
        """Everything from `start` on, unbroken, up to and including the piece that holds `until` (None: to the end).

        The first piece may begin before `start`, the last end behind `until`. Raises PointUnreachable at a gap.
        """
        ...


@dataclass(frozen=True, slots=True)
class Recovery:
    """What to bring back: a base, the journals after it, and how far."""

    base: BaseView
    journals: Mapping[str, JournalView]
    until: Instant | Mapping[str, Position] | None
    """An instant; or a position per stream; or None for the base alone (no journal is read)."""
    only: tuple[str, ...] = ()
    latest: bool = False
    """With `until=None`: to the end of every journal instead."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to: `directory` for data files, or `url` of a live service; neither: the configured service itself."""

    directory: Path | None = None
    url: str | None = None
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a restore would do: a line of the dry run."""

    what: str
    detail: str
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Restored:
    positions: Mapping[str, Position]
    """Exactly where each stream was cut."""
    reached_at: Instant
    """The instant whose state was brought back."""
    bytes: int
    fingerprint: str | None
    checks: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every driver is given besides its options."""

    clock: Clock
    progress: Callable[[str, int, int | None], None]
    """(what, done, total or None) in bytes; called often, cheap."""
    warn: Callable[[str], None]
    """One sentence that the operator should see now."""
    stopping: Callable[[], bool]
    """True once the operator asked to end: return soon, with everything read made durable."""


class Driver(Protocol):
    """One kind of component, configured. Eight functions; windows are computed from bases and journals alike."""

    @property
    def capabilities(self) -> Capabilities: ...

    def probe(self) -> list[Finding]:
        """Reachable, version, rights, prerequisites: everything a backup or a restore will need."""
        ...

    def position(self) -> Mapping[str, Position]:
        """Where the source stands now, per stream; empty without a journal."""
        ...

    def base(self, archive: Archive) -> CommittedBase:
        """A full image, committed. Raises Interrupted when stopping."""
        ...

    def follow(self, archive: Archive) -> None:
        """Journal until `stopping`; a base first where nothing can be continued. All read is durable on return."""
        ...

    def plan(self, recovery: Recovery, target: Target) -> list[Change]:
        """What `restore` would do; refuses here (SafetyRefusal, ComponentRefused …) before anything is touched."""
        ...

    def restore(self, recovery: Recovery, target: Target) -> Restored: ...

    def fingerprint(self, target: Target | None) -> str:
        """A logical digest that two equal services share; None: of the configured service itself."""
        ...
