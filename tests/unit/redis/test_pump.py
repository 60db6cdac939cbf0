"""When stamps are exact, when an idle second counts, and when they no longer may."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from planaria.core.errors import ComponentUnavailable
from planaria.core.instant import SECOND, Instant
from planaria.drivers.contract import Bytes, Json
from planaria.drivers.redis.endpoint import Endpoint
from planaria.drivers.redis.inflow import Arrival, Inflow
from planaria.drivers.redis.intake import Intake
from planaria.drivers.redis.pump import Pump
from planaria.drivers.redis.resp import encode_command
from tests.support.clocks import START, ManualClock
from tests.support.memory_archive import MemoryJournal

SET = encode_command(b"SET", b"key", b"value")
REPLID = "a" * 40


@dataclass
class Script:
    """A source and what arrives of it, moved by steps: each `take` plays the next; behind the last the pump stops."""

    steps: list[Callable[["Script"], bytes | None]]
    clock: ManualClock = field(default_factory=ManualClock)
    written: int = 0
    answers: bool = True
    replid: str = REPLID
    late: bool = False
    acknowledged: list[int] = field(default_factory=list)

    def take(self, timeout: float) -> Arrival | None:
        data = self.steps.pop(0)(self) if self.steps else None
        if data is None:
            self.clock.advance(timeout)
            return None
        return Arrival(data, self.clock.now(), self.late)

    def stop(self) -> None:
        assert not self.steps

    def info(self, section: str) -> Mapping[str, str]:
        if not self.answers:
            raise ComponentUnavailable("the source does not answer")
        return {"role": "master", "master_replid": self.replid, "master_repl_offset": str(self.written)}


def sends(data: bytes, *, written: int | None = None) -> Callable[[Script], bytes]:
    """The source has written `data` (or stands further on, at `written`), and it arrives."""

    def step(script: Script) -> bytes:
        script.written = max(script.written + len(data), written or 0)
        return data

    return step


def idle(seconds: float = 0.1, *, written: int | None = None) -> Callable[[Script], None]:
    def step(script: Script) -> None:
        script.written = max(script.written, written or 0)
        script.clock.advance(seconds)

    return step


def late(script: Script) -> None:
    script.late = True


def in_time(script: Script) -> None:
    script.late = False


def played(*steps: Callable[[Script], bytes | None], journal: MemoryJournal | None = None, **of: Any) -> MemoryJournal:
    script = Script(list(steps), **of)
    journal = journal or MemoryJournal()
    pump = Pump(
        Endpoint("source", 1),
        Intake(journal, 0, 0, known=True, db=0),
        script,
        "lineage",
        REPLID,
        {"replid": REPLID},
        script.clock,
        lambda: not script.steps,
    )
    pump.begin(script.clock.now(), "the link was cut")
    pump.run(script)
    return journal


def told(journal: MemoryJournal, *names: str) -> list[str]:
    return [name for name, _ in journal.told if name in names]


def test_a_source_that_has_written_no_more_than_arrived_makes_stamps_exact() -> None:
    journal = played(sends(SET), *[idle()] * 5)
    assert told(journal, "begin", "caught_up") == ["begin", "caught_up"]
    assert bytes(journal.segments[-1].data) == SET


def test_a_source_that_is_further_never_makes_them_exact() -> None:
    journal = played(sends(SET, written=1000), *[idle()] * 10)
    assert told(journal, "caught_up", "quiet") == []


def test_a_source_that_does_not_answer_never_makes_them_exact() -> None:
    journal = played(sends(SET), *[idle()] * 10, answers=False)
    assert told(journal, "caught_up", "quiet") == []


def test_a_source_of_another_history_never_makes_them_exact() -> None:
    journal = played(sends(SET), *[idle()] * 10, replid="b" * 40)
    assert told(journal, "caught_up", "quiet") == []


def test_idle_seconds_count_up_to_the_moment_of_asking() -> None:
    journal = played(sends(SET), *[idle(0.5)] * 12)
    quiet = [at for name, at in journal.told if name == "quiet"]
    assert len(quiet) >= 3
    assert journal.tail() is not None
    assert journal.at > START + 3 * SECOND


def test_a_link_that_brings_nothing_while_the_source_goes_on_ends_exactness() -> None:
    journal = played(sends(SET), *[idle()] * 5, *[idle(0.5, written=5000)] * 8)
    assert told(journal, "begin", "caught_up") == ["begin", "caught_up", "begin"]
    last = [value for name, value in journal.told if name == "begin"][-1]
    assert last[1:] == (False, "the link does not keep up with the source")  # type: ignore[index]


def test_a_link_that_brings_nothing_for_long_is_given_up() -> None:
    with pytest.raises(ComponentUnavailable, match="4967 bytes ahead, but its link brings nothing"):
        played(sends(SET), *[idle()] * 5, *[idle(0.5, written=5000)] * 60)


def test_what_had_to_wait_for_room_is_no_longer_exact() -> None:
    journal = played(sends(SET), *[idle()] * 3, late, sends(SET), in_time, sends(SET), *[idle()] * 3)
    assert told(journal, "begin", "caught_up") == ["begin", "caught_up", "begin", "caught_up"]
    assert bytes(b"".join(one.data for one in journal.segments)) == SET * 3


def test_an_append_that_took_long_ends_exactness_and_stamps_what_waited_with_its_end() -> None:
    clock = ManualClock()
    journal = Slow(clock)
    played(sends(SET), *[idle()] * 3, sends(SET), back(3.0), sends(SET), *[idle()] * 3, journal=journal, clock=clock)
    assert told(journal, "begin", "caught_up") == ["begin", "caught_up", "begin", "caught_up"]
    arrived: dict[int, int] = {}
    for at, offset in (stamp for one in journal.segments for stamp in one.stamps):
        arrived.setdefault(offset, at)
    second, third = arrived[2 * len(SET)], arrived[3 * len(SET)]
    assert third >= second + 4 * SECOND, "it counts as having arrived when the journal could take it again"


def test_a_lag_between_prompt_and_late_keeps_exactness_but_does_not_begin_it() -> None:
    slow = [idle(0.6, written=len(SET) * 2), sends(SET)]
    journal = played(sends(SET), *[idle()] * 3, *slow, idle(), idle())
    assert told(journal, "begin", "caught_up") == ["begin", "caught_up"]


def test_a_link_that_always_lags_never_makes_stamps_exact() -> None:
    lagging = [one for n in range(1, 20) for one in (idle(0.6, written=len(SET) * (n + 1)), sends(SET))]
    assert told(played(*lagging), "caught_up") == []


class Slow(MemoryJournal):
    """Its second append takes four seconds."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self.clock = clock
        self.appends = 0

    def append(self, data: Bytes, at: Instant, hint: Json = None) -> None:
        super().append(data, at, hint)
        self.appends += 1
        if self.appends == 2:
            self.clock.advance(4.0)


def back(seconds: float) -> Callable[[Script], bytes]:
    """What arrived that much earlier, while the append was blocking, and is taken now."""

    def step(script: Script) -> bytes:
        script.clock.jump(-seconds)
        script.steps.insert(0, lambda script: script.clock.jump(seconds))
        script.written += len(SET)
        return SET

    return step


@dataclass
class Wire:
    """A link for an Inflow: a byte string or None for each read, then idle."""

    clock: ManualClock
    reads: list[bytes | ComponentUnavailable | None]
    acknowledged: list[int] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def read(self, timeout: float) -> bytes | None:
        if not self.reads:
            self.over.set()
            return None
        data = self.reads.pop(0)
        if isinstance(data, ComponentUnavailable):
            raise data
        if data is None:
            self.clock.advance(0.25)
        return data

    def acknowledge(self, offset: int) -> None:
        self.acknowledged.append(offset)


def test_the_source_is_answered_each_second() -> None:
    wire = Wire(ManualClock(), [None] * 40)
    with Inflow(wire, wire.clock, lambda: 7):
        assert wire.over.wait(10)
    assert 9 <= len(wire.acknowledged) <= 12
    assert set(wire.acknowledged) == {7}


def test_what_was_read_before_the_link_broke_can_still_be_taken() -> None:
    wire = Wire(ManualClock(), [b"one", b"two", ComponentUnavailable("cut")])
    with Inflow(wire, wire.clock, lambda: 0) as inflow:
        found = [inflow.take(5), inflow.take(5)]
        with pytest.raises(ComponentUnavailable, match="cut"):
            inflow.take(5)
    assert [one.data for one in found if one] == [b"one", b"two"]


def test_a_full_buffer_stops_reading_answers_all_the_same_and_marks_what_waited() -> None:
    wire = Wire(ManualClock(), [b"x" * 100, b"y" * 100])
    answered = threading.Event()

    def acknowledged() -> int:
        wire.clock.advance(1.0)
        if len(wire.acknowledged) > 3:
            answered.set()
        return 0

    with Inflow(wire, wire.clock, acknowledged, most=50) as inflow:
        assert answered.wait(10), "acknowledgements stopped with the reading"
        assert len(wire.reads) == 1, "it read more than it has room for"
        first, second = inflow.take(5), inflow.take(5)
    assert first is not None
    assert second is not None
    assert (first.late, second.late) == (False, True)
