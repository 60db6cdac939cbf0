"""A small repository to break: opened over any store, a component's journal written into it and read back."""

import os
import threading
import traceback
import warnings
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path

from planaria.core.clock import Clock, Randomness
from planaria.core.instant import SECOND, Instant
from planaria.core.position import Position
from planaria.core.windows import BasePoint, Reach, Span, reach
from planaria.repository.archive import ComponentArchive
from planaria.repository.codec import Encoder
from planaria.repository.journal_catalogue import Catalogue, load
from planaria.repository.journal_reader import JournalReader
from planaria.repository.journal_way import Until
from planaria.repository.journal_writer import JournalLimits
from planaria.repository.limits import Limits
from planaria.repository.recipients import Identity, Recipient, identity_of, new_identity
from planaria.repository.repository import Repository, create
from planaria.repository.sealed import Sealer, SealingKey
from planaria.repository.segments import SegmentFacts, seal_segment
from planaria.storage.contract import Store
from tests.support.clocks import ManualClock, seeded

COMPONENT = "redis"
STREAM = "main"
START = Position("abc", 1000)


@dataclass
class Place:
    """A repository in `store`, reopened over wrappers of it; a spool below `folder`. `told`: every warning."""

    store: Store
    folder: Path
    clock: Clock = field(default_factory=ManualClock)
    random: Randomness = field(default_factory=lambda: seeded(7))
    told: list[str] = field(default_factory=list)
    spool_budget: int = 1 << 30
    segment: int = 1 << 16
    flush: float = 3600.0
    idle: float = 5.0

    def __post_init__(self) -> None:
        text, recipient = new_identity(self.random)
        self.identity: Identity = identity_of(text)
        self.recipients: list[Recipient] = [recipient]
        self._first = create(self.store, self.clock, self.random, self.recipients, self.identity)

    def repository(self, store: Store | None = None) -> Repository:
        """Over `store`, which wraps the place's own."""
        first = self._first
        return Repository(store or self.store, self.clock, self.random, first.keys, first.recipients, self.identity)

    def at(self, store: Store, *, folder: Path | None = None) -> "Place":
        """The same repository, copied to `store`."""
        other = copy(self)
        other.store, other.folder, other.told = store, folder or self.folder, []
        return other

    def archive(self, store: Store | None = None, *, spool: str = "spool") -> ComponentArchive:
        limits = JournalLimits(
            self.folder / spool, self.spool_budget, flush=self.flush, idle=self.idle, segment=self.segment
        )
        warn: Callable[[str], None] = self.told.append
        return ComponentArchive(self.repository(store), COMPONENT, "redis", Limits(), limits, warn)

    def catalogue(self) -> Catalogue:
        return load(self.repository(), COMPONENT, None)

    def reader(self, stream: str = STREAM) -> JournalReader:
        return JournalReader(self.repository(), COMPONENT, lambda: self.catalogue().of(stream))

    def read(self, until: Until = None, start: Position = START, stream: str = STREAM) -> bytes:
        """What a restore would apply: the journal's bytes from `start`, cut behind the last stamp not after `until`."""
        out = bytearray()
        for piece in self.reader(stream).pieces(start, until):
            allowed = piece.offset + len(piece.data)
            if isinstance(until, Position):
                allowed = min(allowed, until.offset)
            elif until is not None:
                allowed = max((offset for at, offset in piece.stamps if at <= until), default=piece.offset)
            fresh = start.offset + len(out)
            out += piece.data[max(0, fresh - piece.offset) : max(0, allowed - piece.offset)]
            if allowed < piece.offset + len(piece.data):
                break
        return bytes(out)

    def reach(self, at: Instant, start: Position = START) -> Reach:
        """From one base at `start`, whose instant is `at`."""
        return reach([BasePoint("base", at, {STREAM: start})], self.catalogue().streams())


def begun(archive: ComponentArchive, position: Position = START, *, exact: bool = True, reason: str = "") -> None:
    now = archive.repository.clock.now()
    archive.journal(STREAM).begin(position, now, {"replid": position.lineage}, exact=exact, reason=reason)


def after(instant: Instant, seconds: float) -> Instant:
    return Instant(instant + round(seconds * SECOND))


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Waits for another thread, and no longer than it takes."""
    pause = threading.Event()
    for _ in range(round(seconds / 0.005)):
        if condition():
            return
        pause.wait(0.005)
    raise AssertionError("it did not come to pass")


def in_child(work: Callable[[], object]) -> int:
    """Runs `work` in a forked process: 0 when it came to its end, -9 when it was killed, 1 when it raised.

    A fork and no new interpreter: a loop over every store call has to be quick. The child has no other threads.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads of pytest-xdist, which rest
        child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:  # noqa: BLE001 - the parent sees the status, and pytest shows this
            traceback.print_exc()
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    return -os.WTERMSIG(ended) if os.WIFSIGNALED(ended) else os.WEXITSTATUS(ended)


def content(lineage: str, begin: int, end: int) -> bytes:
    """What the source sent at these offsets, whoever follows it."""
    return bytes((sum(lineage.encode()) + offset * 7 + offset // 256) % 256 for offset in range(begin, end))


def record(place: Place, span: Span, *, stream: str = STREAM, key: SealingKey | None = None) -> str:
    """One segment put straight: its bytes stamped evenly from `span.first_at` on, the last at `span.last_at`."""
    repository, count = place.repository(), span.end - span.begin
    step = (span.last_at - span.first_at) // max(1, count)
    stamps = [(Instant(span.last_at - step * (count - 1 - number)), span.begin + number + 1) for number in range(count)]
    if stamps:
        span = replace(span, moved=(stamps[0][0], stamps[-1][0]))
    facts = SegmentFacts(stream, span, None, {"at": span.end}, None)
    data = content(span.lineage, span.begin, span.end)
    secret = key or repository.new_data_key(COMPONENT)
    sealed = seal_segment(repository, COMPONENT, secret, Sealer(1 << 12), Encoder(), facts, stamps, data)
    repository.store.put(*sealed)
    return sealed[0]
