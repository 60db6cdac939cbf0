"""One stream's follower: a thread that keeps its journal going, through cut links and failovers, until told to stop.

Positions: `FULLRESYNC id N` says that the stream's next byte is number N + 1, so a position's offset N means N bytes
held, and going on is asked for with `PSYNC id N+1`. `CONTINUE newid` changes the source's name for the same history (a
promoted replica): the journal keeps its lineage and only its source facts change.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from queue import Empty, Queue

from planaria.core.errors import ComponentRefused, ComponentUnavailable, Interrupted, PlanariaError
from planaria.core.position import Position
from planaria.drivers.contract import Archive, JournalTail, Surroundings
from planaria.drivers.redis import psync
from planaria.drivers.redis.capture import announced
from planaria.drivers.redis.client import Commands
from planaria.drivers.redis.endpoint import Endpoint
from planaria.drivers.redis.inflow import Inflow
from planaria.drivers.redis.intake import Intake
from planaria.drivers.redis.link import Link, Started
from planaria.drivers.redis.pump import Pump
from planaria.drivers.redis.resp import ProtocolError
from planaria.drivers.redis.source import Source

PAUSES = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before the next attempt, by how many failed in a row; then the last one for ever."""
INFO_SECONDS = 0.5
"""Patience with the question how far the source is, which is asked while its stream waits to be read."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A link whose RDB has been read: the stream goes on behind `position`, with `db` selected."""

    link: Link
    replid: str
    position: Position
    db: int


@dataclass(frozen=True, slots=True)
class Want:
    """A follower cannot go on without a base. `link` stands behind FULLRESYNC, if the source answered so.

    `given` takes a `Ready`, or the error because of which there is no base.
    """

    stream: str
    link: Link | None
    answer: psync.FullResync | None
    reason: str | None
    """Why the journal there was cannot be continued; None when there was none."""
    given: "Queue[Ready | PlanariaError]" = field(default_factory=lambda: Queue(1))


@dataclass(frozen=True, slots=True)
class Ended:
    """A follower's thread is over: `error` None means stopped on request, all durable."""

    stream: str
    error: BaseException | None


@dataclass(slots=True)
class Follower:
    """`servers` names the server to follow and the one that knows how far the data goes, asked anew for each attempt.

    `protected` is set once a committed base makes the journal worth something: only then is anything acknowledged.
    """

    stream: str
    source: Source
    archive: Archive
    surroundings: Surroundings
    servers: Callable[[], tuple[Endpoint, Endpoint]]
    stopping: Callable[[], bool]
    events: "Queue[Want | Ended]"
    protected: threading.Event = field(default_factory=threading.Event)
    _intake: Intake | None = None
    _replid: str = ""
    _lineage: str = ""
    _begun: int = 0
    """Where the unbroken journal begins: a base before this is of no use to it."""
    _streamed: bool = False
    _failures: int = 0

    def start(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name=f"redis-{self.stream[:12]}", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            try:
                self._forever()
            except Interrupted:
                pass
            finally:
                if self._intake is not None:
                    self._intake.journal.flush()
        except PlanariaError as failure:
            error = failure  # handed over below
        except BaseException as failure:
            error = failure
            raise
        finally:
            self.events.put(Ended(self.stream, error))

    def _forever(self) -> None:
        while not self.stopping():
            try:
                self._once()
            except ComponentUnavailable as error:
                self._wait(error)
            except ComponentRefused as error:
                if not self._streamed:
                    raise
                self._wait(error)  # a password being changed, say

    def _wait(self, error: PlanariaError) -> None:
        pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
        self._failures += 1
        self.surroundings.warn(f"following {self.stream} is interrupted: {error.message}; trying again in {pause:g} s")
        until = self.surroundings.clock.monotonic() + pause
        while not self.stopping() and (left := until - self.surroundings.clock.monotonic()) > 0:
            self.surroundings.clock.sleep(min(left, 0.1))

    def _once(self) -> None:
        """Connect, go on or begin anew, and pump until the link breaks or we are stopped."""
        followed, asked = self.servers()
        tail = self.archive.tail(self.stream) if self._intake is None else None
        if self._intake is None and tail is None:
            link, why = self._with_base(Want(self.stream, None, None, None))
        else:
            link, why = self._continued(followed, tail)
        assert self._intake is not None  # noqa: S101  (both ways set it)
        self._streamed = True
        access = replace(self.source.access, connect_timeout=INFO_SECONDS, read_timeout=INFO_SECONDS)
        try:
            with Commands(asked, access) as commands:
                pump = Pump(
                    link.endpoint,
                    self._intake,
                    commands,
                    self._lineage,
                    self._replid,
                    {"replid": self._replid, "address": str(link.endpoint), "begun": self._begun},
                    self.surroundings.clock,
                    self.stopping,
                    self._recovered,
                )
                pump.begin(self.surroundings.clock.now(), why)
                with Inflow(link, self.surroundings.clock, self._acknowledged) as inflow:
                    pump.run(inflow)
        except ProtocolError as error:
            self._intake.journal.flush()
            self._intake = None  # what it had not appended is asked for again
            raise ComponentUnavailable(f"{link.endpoint} sent what is no replication stream: {error}") from error
        finally:
            link.close()

    def _acknowledged(self) -> int:
        """What the source may count as backed up; 0 keeps the link alive and satisfies no WAIT."""
        intake = self._intake
        if not self.source.acknowledge_durable or intake is None or not self.protected.is_set():
            return 0
        durable = intake.journal.durable
        return durable.offset if durable.lineage == self._lineage and durable.offset >= self._begun else 0

    def _recovered(self) -> None:
        if self._failures:
            self.surroundings.warn(f"following {self.stream} goes on")
        self._failures = 0

    def _continued(self, endpoint: Endpoint, tail: JournalTail | None) -> tuple[Link, str]:
        """Asks for what follows the journal; a new base where the source no longer has it."""
        if tail is None:
            assert self._intake is not None  # noqa: S101  (else there is a tail)
            held, start, why = self._intake.end, self._intake.received, "the link was cut"
            link, answer = self._linked(endpoint, start)
        else:
            held, why = tail.position.offset, "the follower was away"
            self._lineage = tail.position.lineage
            self._replid = str(tail.source.get("replid", self._lineage))
            self._begun = int(tail.source.get("begun", held))
            link, answer, start = self._after(endpoint, tail)
        if isinstance(answer, psync.FullResync):
            reason = _lost(self._replid, held, answer)
            self.surroundings.warn(f"{self.stream}: {reason}; a new base is taken")
            return self._with_base(Want(self.stream, link, answer, reason))
        if tail is not None:
            known = start == tail.source.get("safe")
            journal = self.archive.journal(self.stream)
            self._intake = Intake(journal, start, held, known=known, db=tail.source.get("db") if known else None)
        self._replid = answer.replid or self._replid
        return link, why

    def _after(self, endpoint: Endpoint, tail: JournalTail) -> tuple[Link, Started, int]:
        """From the last place where parsing may start, else (its backlog begins later) from exactly the end."""
        end, safe = tail.position.offset, tail.source.get("safe")
        if isinstance(safe, int) and safe <= end:
            link, answer = self._linked(endpoint, safe)
            if isinstance(answer, psync.Continue) or safe == end:
                return link, answer, safe
            link.close()
        return *self._linked(endpoint, end), end

    def _linked(self, endpoint: Endpoint, start: int) -> tuple[Link, Started]:
        with Commands(endpoint, self.source.access) as commands:
            version = announced(commands.info("server"))
        link = Link(
            endpoint,
            self.source.access,
            self.surroundings.clock,
            self.stopping,
            resume=(self._replid, start),
            version=version,
            silence=self.source.silence,
        )
        try:
            return link, link.start()
        except PlanariaError:
            link.close()
            raise

    def _with_base(self, want: Want) -> tuple[Link, str]:
        """Has a base taken over `want.link`, and a journal begin behind it."""
        self.protected.clear()
        self.events.put(want)
        while True:  # a base always gives an answer, unless the whole is being stopped before it is begun
            try:
                given = want.given.get(timeout=0.25)
                break
            except Empty:
                if self.stopping() and want.link is None:
                    raise Interrupted(f"stopped before {self.stream} had a base") from None
        if isinstance(given, PlanariaError):
            raise given
        self._lineage, self._replid = given.position.lineage, given.replid
        offset = self._begun = given.position.offset
        self._intake = Intake(self.archive.journal(self.stream), offset, offset, known=True, db=given.db)
        return given.link, want.reason or "the changes of this time were held back while the base was sent"


def _lost(replid: str, held: int, answer: psync.FullResync) -> str:
    if answer.replid == replid:
        return f"the source no longer holds the changes after offset {held} (its backlog was too small for the absence)"
    return f"the source has another history now (replication id {answer.replid[:8]}… instead of {replid[:8]}…)"
