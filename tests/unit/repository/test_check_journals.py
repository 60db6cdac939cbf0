"""Journals under check: chains of segments, bundles and what their headers say, journals that lead on from bases."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from planaria.core.instant import SECOND, Instant
from planaria.core.position import Position
from planaria.core.windows import Span
from planaria.repository.bundles import seal_bundle, summary
from planaria.repository.check_report import Report
from planaria.repository.check_state import CheckState
from planaria.repository.checking import run_check
from planaria.repository.codec import Encoder
from planaria.repository.compaction import compact, sweep
from planaria.repository.recipients import identity_of, new_identity
from planaria.repository.repository import Repository, create
from planaria.repository.sealed import Sealer, SealingKey
from planaria.repository.segments import SegmentFacts, believed, digest_of, facts_of, seal_segment
from planaria.storage.memory import MemoryStore
from tests.support.clocks import ManualClock, seeded
from tests.support.small_repository import LINEAGE, MAIN, REDIS, Builder, check

EMPTY = Position(LINEAGE, 0)


class Journals:
    """A repository whose segments are written one by one, as wanted."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(self.clock)
        text, recipient = new_identity(seeded(1))
        self.repository: Repository = create(self.store, self.clock, seeded(2), [recipient], identity_of(text))
        self.key: SealingKey = self.repository.new_data_key(REDIS)
        self.names: list[str] = []
        self.previous: str | None = None

    def segment(self, begin: int, end: int, *, first: bool = False, lineage: str = LINEAGE, stream: str = MAIN) -> str:
        """Continues the one before it, unless it is its writer's `first`."""
        self.clock.advance(10)
        at = self.clock.now()
        span = Span(lineage, begin, end, at, Instant(at + SECOND), True, "", (at, at) if end > begin else None)
        facts = SegmentFacts(stream, span, None if first else self.previous, {}, None)
        stamps = [(at, end)] if end > begin else []
        data = bytes(end - begin)
        name, whole = seal_segment(self.repository, REDIS, self.key, Sealer(4096), Encoder(), facts, stamps, data)
        self.store.put(name, whole)
        self.previous = digest_of(whole)
        self.names.append(name)
        return name

    def base(self, position: Position, broke: str = "") -> str:
        builder = Builder(self.repository, self.clock, Path("/nonexistent"))
        builder.base(REDIS, {"dump.rdb": b"state"}, {MAIN: position}, {MAIN: broke} if broke else {})
        return next(iter(builder.expected.bases))

    def found(self, *, read: bool = False, state: CheckState | None = None) -> set[tuple[str, str]]:
        return {(one.object, one.kind) for one in self.report(read=read, state=state).findings}

    def report(self, *, read: bool = False, state: CheckState | None = None) -> Report:
        return check(self.repository, read=read, state=state)


@pytest.fixture
def journals() -> Journals:
    return Journals()


def test_an_unbroken_chain_from_a_base_is_no_finding(journals: Journals) -> None:
    journals.base(EMPTY)
    journals.segment(0, 100, first=True)
    journals.segment(100, 100)
    journals.segment(100, 250)
    assert journals.found(read=True) == set()


def test_a_segment_without_its_predecessor_is_named(journals: Journals) -> None:
    journals.base(EMPTY)
    for begin in range(0, 500, 100):
        journals.segment(begin, begin + 100, first=begin == 0)
    journals.store.delete(journals.names[2])
    assert (journals.names[3], "missing") in journals.found()


def test_a_missing_segment_without_a_byte_is_noticed_too(journals: Journals) -> None:
    journals.base(EMPTY)
    journals.segment(0, 100, first=True)
    idle = journals.segment(100, 100)
    after = journals.segment(100, 200)
    journals.store.delete(idle)
    assert journals.found() == {(after, "missing")}


def test_a_segment_that_does_not_begin_where_its_predecessor_ended_is_named(journals: Journals) -> None:
    journals.segment(0, 100, first=True)
    wrong = journals.segment(90, 200)
    assert journals.found() == {(wrong, "damaged")}


def test_the_successors_of_a_damaged_segment_are_not_blamed(journals: Journals) -> None:
    journals.base(EMPTY)
    for begin in range(0, 300, 100):
        journals.segment(begin, begin + 100, first=begin == 0)
    broken = journals.names[1]
    for at in (5, 300, -1):
        data = journals.store.get(broken)
        journals.store.delete(broken)
        journals.store.put(broken, data[:at] + b"?" + data[at:][1:])
        assert journals.found() == {(broken, "damaged")}
        journals.store.delete(broken)
        journals.store.put(broken, data)


def test_two_writers_of_one_journal_have_each_their_chain(journals: Journals) -> None:
    journals.base(EMPTY)
    journals.segment(0, 100, first=True)
    theirs = journals.previous
    journals.segment(0, 70, first=True)
    journals.segment(70, 150)
    journals.previous = theirs
    journals.segment(100, 200)
    assert journals.found(read=True) == set()


def test_a_hole_behind_a_base_is_a_finding_of_that_base(journals: Journals) -> None:
    base = journals.base(EMPTY)
    journals.segment(0, 100, first=True)
    journals.segment(150, 200, first=True)
    assert journals.found() == {(base, "missing")}
    (finding,) = journals.report().findings
    assert f"from {LINEAGE}:100 to 150" in finding.detail


def test_a_hole_that_a_later_base_explains_is_none(journals: Journals) -> None:
    journals.base(EMPTY)
    journals.segment(0, 100, first=True)
    journals.base(Position(LINEAGE, 150), "the source no longer had what came after")
    journals.segment(150, 200, first=True)
    assert journals.found() == set()


def test_a_later_base_that_does_not_say_so_explains_nothing(journals: Journals) -> None:
    base = journals.base(EMPTY)
    journals.segment(0, 100, first=True)
    journals.base(Position(LINEAGE, 150))
    journals.segment(150, 200, first=True)
    assert journals.found() == {(base, "missing")}


def test_a_base_behind_the_hole_explains_nothing_of_it(journals: Journals) -> None:
    base = journals.base(EMPTY)
    journals.segment(0, 100, first=True)
    journals.segment(150, 200, first=True)
    journals.base(Position(LINEAGE, 180), "another history")
    assert journals.found() == {(base, "missing")}


def test_bases_before_the_first_journal_need_none(journals: Journals) -> None:
    journals.base(EMPTY)
    journals.base(Position(LINEAGE, 120))
    journals.segment(120, 200, first=True)
    assert journals.found() == set()


def test_a_base_of_another_lineage_needs_nothing_of_this_one(journals: Journals) -> None:
    journals.base(Position("other", 5))
    journals.segment(120, 200, first=True)
    assert journals.found() == set()


def bundled(journals: Journals, change: Callable[[Span], Span] = lambda span: span, count: int = 3) -> str:
    """All segments in a bundle whose header says what `change` makes of it; they themselves are swept."""
    members = [(name, journals.store.get(name)) for name in journals.names]
    facts = [facts_of(believed(journals.repository, REDIS, name, data)) for name, data in members]
    whole = summary(MAIN, facts)
    spans = tuple(change(span) for span in whole.spans)
    told = replace(whole, spans=spans, count=count)
    name, data = seal_bundle(journals.repository, REDIS, "minute", told, members)
    journals.store.put(name, data)
    for one in journals.names:
        journals.store.delete(one)
    return name


def test_compaction_changes_nothing_that_a_check_says(journals: Journals) -> None:
    journals.base(EMPTY)
    for begin in range(0, 300, 100):
        journals.segment(begin, begin + 100, first=begin == 0)
    state = CheckState()
    assert journals.found(read=True, state=state) == set()
    journals.clock.advance(7200)
    assert compact(journals.repository, REDIS, None)
    assert journals.found(read=True, state=state) == set()
    journals.clock.advance(7200)
    journals.segment(300, 400)
    assert sweep(journals.repository, REDIS, None) == 3
    assert journals.found(read=True, state=state) == set()
    assert not [name for name in journals.names[:3] if name in state.journals]


def test_a_bundle_that_says_what_it_does_not_hold_is_named() -> None:
    changes: list[Callable[[Span], Span]] = [
        lambda span: span,
        lambda span: replace(span, end=span.end + 1),
        lambda span: replace(span, first_at=Instant(span.first_at - 1)),
        lambda span: replace(span, exact=False),
        lambda span: replace(span, reason="because"),
    ]
    for number, change in enumerate(changes):
        for count in (3, 4):
            journals = Journals()
            for begin in range(0, 300, 100):
                journals.segment(begin, begin + 100, first=begin == 0)
            name = bundled(journals, change, count)
            sound = number == 0 and count == 3
            assert journals.found() == (set() if sound else {(name, "damaged")})


def test_the_last_segment_is_missed_by_whoever_saw_it(journals: Journals) -> None:
    journals.base(EMPTY)
    journals.segment(0, 100, first=True)
    last = journals.segment(100, 200)
    state = CheckState()
    assert journals.found(state=state) == set()
    journals.store.delete(last)
    assert journals.found() == set()
    for _ in range(2):
        assert journals.found(state=state) == {(last, "missing")}


def test_a_segment_that_was_exchanged_since_it_was_seen_is_read_again(journals: Journals) -> None:
    name = journals.segment(0, 100, first=True)
    state = CheckState()
    assert journals.found(state=state) == set()
    data = journals.store.get(name)
    journals.clock.advance(1)
    journals.store.delete(name)
    journals.store.put(name, data[:-1] + b"?")
    assert journals.found(state=state) == {(name, "damaged")}


def test_with_its_budget_spent_a_check_blames_no_chain(journals: Journals) -> None:
    journals.base(EMPTY)
    for begin in range(0, 300, 100):
        journals.segment(begin, begin + 100, first=begin == 0)
    report = run_check(journals.repository, budget_seconds=0, state=CheckState(), progress=lambda *_: None)
    assert (report.findings, report.unread) == ([], 3)


def test_stamps_outside_a_segment_are_damage_to_whoever_can_read_them(journals: Journals) -> None:
    at = journals.clock.now()
    span = Span(LINEAGE, 0, 10, at, Instant(at + SECOND), True, "", (at, at))
    facts = SegmentFacts(MAIN, span, None, {}, None)
    name, whole = seal_segment(
        journals.repository, REDIS, journals.key, Sealer(4096), Encoder(), facts, [(at, 11)], bytes(10)
    )
    journals.store.put(name, whole)
    assert journals.found() == set()
    assert journals.found(read=True) == {(name, "damaged")}
