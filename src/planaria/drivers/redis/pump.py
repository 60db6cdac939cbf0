"""An open link, pumped into its journal, and the proof that arrival times are true.

Once a second the source is asked how far its stream goes. What it answers has been sent by the moment of asking or
later; so once we hold that much, everything sent by that moment has arrived. If that takes less than `PROMPT` the
stamps are exact; if it takes more than `LATE` they no longer are, and the journal says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from planaria.core.clock import Clock
from planaria.core.errors import ComponentUnavailable
from planaria.core.instant import SECOND, Instant
from planaria.core.position import Position
from planaria.drivers.contract import Json
from planaria.drivers.redis.client import Info
from planaria.drivers.redis.endpoint import Endpoint
from planaria.drivers.redis.inflow import TICK, Arrival
from planaria.drivers.redis.intake import Intake

PROMPT = SECOND // 4
LATE = SECOND
STALLED = 15.0
"""Seconds that the source may be ahead of a link that brings nothing, before the link counts as dead."""
HELD_SECONDS = 0.5
HELD_UP = "the journal could not be written as fast as the source wrote"
START = Instant(0)


class AsksInfo(Protocol):
    """What this module needs of a `client.Commands`."""

    def info(self, section: str) -> Info: ...


class Arrivals(Protocol):
    """What this module needs of an `inflow.Inflow`."""

    def take(self, timeout: float) -> Arrival | None: ...

    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Question:
    """`written`: how far the stream went at `at` (or a little later); `asked`: the same moment, monotonic."""

    at: Instant
    written: int
    asked: float


@dataclass(slots=True)
class Pump:
    """Moves one link's stream until it breaks. `facts`: what the journal keeps of the source, without the place."""

    endpoint: Endpoint
    intake: Intake
    commands: AsksInfo
    lineage: str
    replid: str
    facts: dict[str, Json]
    clock: Clock
    stopping: Callable[[], bool]
    exactly: Callable[[], None] = lambda: None
    """Called when stamps have become exact: the link works."""
    _exact: bool = False
    _question: _Question | None = None
    _stamped: Instant = START
    _held_until: Instant = START
    """What was read before this waited for the journal: it counts as having arrived then."""
    _moved: float = 0.0
    _told: object = None

    def run(self, inflow: Arrivals) -> None:
        """Returns when stopping, all that was read appended.

        Raises ComponentUnavailable when the link breaks, resp.ProtocolError when it brings no stream of commands.
        """
        due = self._moved = self.clock.monotonic()
        while not self.stopping():
            arrival = inflow.take(TICK)
            if arrival is not None:
                self._take(arrival)
            else:
                self._idle()
            now = self.clock.monotonic()
            if now >= due:
                due = now + (1.0 if self._exact else TICK)
                self._tell()
                self._ask()
        inflow.stop()
        while (arrival := inflow.take(0)) is not None:
            self._take(arrival)
        self._tell()

    def begin(self, at: Instant, reason: str) -> None:
        """What is appended from `at` on arrives later than it happened, for `reason`."""
        self._exact = False
        self._question = None
        facts = {**self.facts, **(self.intake.place or {})}
        position = Position(self.lineage, self.intake.end)
        self.intake.journal.begin(position, at, facts, exact=False, reason=reason)

    def _take(self, arrival: Arrival) -> None:
        at = max(arrival.at, self._held_until)
        if arrival.late and self._exact:
            self.begin(at, HELD_UP)
        began = self.clock.monotonic()
        self.intake.take(arrival.data, at)
        self._stamped = at
        self._moved = self.clock.monotonic()
        if self._moved - began > HELD_SECONDS:
            self._held_until = self._stamped = self.clock.now()
            self.begin(self._held_until, HELD_UP)
        question = self._question
        if question is None:
            return
        if self.intake.received >= question.written:
            self._reached(question, at)
        elif at - question.at > LATE:
            self._fell_behind(at)

    def _idle(self) -> None:
        """Nothing has arrived: is there anything to wait for?"""
        self._held_until = START
        question = self._question
        if question is None:
            return
        if self.clock.now() - question.at > LATE:
            self._fell_behind(max(self._stamped, question.at))
        if self.clock.monotonic() - max(self._moved, question.asked) > STALLED:
            ahead = question.written - self.intake.received
            raise ComponentUnavailable(f"{self.endpoint} is {ahead} bytes ahead, but its link brings nothing")

    def _fell_behind(self, at: Instant) -> None:
        question = self._question
        if self._exact:
            self.begin(at, "the link does not keep up with the source")
        self._question = question

    def _ask(self) -> None:
        """Asks how far the source is, unless an answer is still being waited for."""
        if self._question is not None:
            return
        at = self.clock.now()
        written = self._written()
        if written is None:
            return
        question = _Question(at, written, self.clock.monotonic())
        if self.intake.received >= written:
            self._reached(question, at)
        else:
            self._question = question

    def _reached(self, question: _Question, at: Instant) -> None:
        """All that was sent by `question.at` has arrived by `at`, and is appended."""
        self._question = None
        if not self._exact:
            if at - question.at > PROMPT:
                return
            self._exact = True
            self.intake.journal.caught_up(at)
            self.exactly()
        elif question.at > self._stamped:
            self.intake.journal.quiet(question.at)
            self._stamped = question.at

    def _written(self) -> int | None:
        """How far the source's stream goes; None: it does not answer now, or not for the history that we follow."""
        try:
            info = self.commands.info("replication")
        except ComponentUnavailable:
            return None  # the link itself shows whether the source is gone
        if info.get("master_replid") != self.replid:
            return None
        if info.get("role") == "slave" and info.get("master_link_status") != "up":
            return None  # a replica that is cut off does not know how far its master is
        return int(info.get("master_repl_offset", "0"))

    def _tell(self) -> None:
        """Keeps in the journal where a later follower may start walking."""
        place = self.intake.place
        if place is None or place == self._told:
            return
        self._told = place
        self.intake.journal.tell({**self.facts, **place})
