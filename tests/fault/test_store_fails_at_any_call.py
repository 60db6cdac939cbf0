"""Each store call fails once, before its effect, after it, or half-way: an error or a success that is one."""

import secrets
from pathlib import Path

import pytest

from planaria.core.errors import PlanariaError, StoreUnavailable
from planaria.repository import base_writer
from planaria.storage.contract import Store
from planaria.storage.memory import MemoryStore
from planaria.storage.scripted import Fault, Kind, Scripted, at_calls
from tests.support.clocks import ManualClock
from tests.support.faults import START, STREAM, Place, content, eventually
from tests.support.small_bases import FILES, OLD, committed, write

FAILING = (Kind.FAIL_BEFORE, Kind.FAIL_AFTER, Kind.FAIL_HALFWAY)
LATE = (Kind.LATE, Kind.TWICE)
ENOUGH = 300


def new_place(folder: Path) -> Place:
    clock = ManualClock()
    return Place(MemoryStore(clock), folder, clock, random=secrets.token_bytes)


def breaking(place: Place, number: int, kind: Kind) -> Scripted:
    return Scripted(place.store, at_calls({number: Fault(kind, calls=3)}), place.clock)


@pytest.mark.parametrize("kind", [*FAILING, *LATE])
def test_a_base_is_committed_or_its_failure_is_raised(
    tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_writer, "INDEX_EVERY", 2)
    failed = 0
    for number in range(1, ENOUGH):
        place = new_place(tmp_path)
        write(place, place.store, OLD)
        store = breaking(place, number, kind)
        try:
            write(place, store, FILES)
            ended = True
        except StoreUnavailable:
            failed, ended = failed + 1, False
        store.settle()
        found = committed(place)
        assert found == [OLD, FILES] if ended else found in ([OLD], [OLD, FILES])
        write(place, place.store, FILES)
        assert committed(place)[-1] == FILES
        if len(store.calls) < number:
            assert failed > 10 or kind is Kind.TWICE
            return
    raise AssertionError("a base of twelve files has not come to its end")


@pytest.mark.parametrize("budget", [0, 1 << 20], ids=["without a spool", "with a spool"])
@pytest.mark.parametrize("kind", [*FAILING, *LATE])
def test_a_journal_loses_nothing_that_it_acknowledged(tmp_path: Path, kind: Kind, budget: int) -> None:
    for number in range(1, ENOUGH):
        place = new_place(tmp_path)
        place.spool_budget = budget
        store = breaking(place, number, kind)
        kept = _followed(place, store)
        store.settle()
        _goes_on(place, kept)
        if len(store.calls) < number:
            assert number > 6
            return
    raise AssertionError("a session of four flushes has not come to its end")


def _followed(place: Place, store: Store) -> int:
    """How far a session of four flushes says that it came; one that could not begin came nowhere."""
    kept = START.offset
    with place.archive(store) as archive:
        try:
            assert archive.tail(STREAM) is None
            journal = archive.journal(STREAM)
        except StoreUnavailable:
            return kept
        journal.begin(START, place.clock.now(), {}, exact=True, reason="")
        for step in range(4):
            begin = START.offset + step * 20
            place.clock.sleep(60)
            journal.append(content(START.lineage, begin, begin + 20), place.clock.now())
            try:
                journal.flush()
                kept = begin + 20
            except PlanariaError:
                assert place.spool_budget == 0
            assert journal.durable.offset <= START.offset + len(place.read() if place.catalogue().objects else b"")
            kept = max(kept, journal.durable.offset)
    return kept


def _goes_on(place: Place, kept: int) -> None:
    with place.archive() as archive:
        tail = archive.tail(STREAM)
        at = tail.position if tail else START
        assert at.offset >= kept
        journal = archive.journal(STREAM)
        journal.begin(at, place.clock.now(), {}, exact=True, reason="")
        place.clock.sleep(60)
        journal.append(content(at.lineage, at.offset, at.offset + 1), place.clock.now())
        journal.flush()
        eventually(lambda: journal.durable.offset == at.offset + 1)
    assert place.read() == content(START.lineage, START.offset, at.offset + 1)


def test_a_store_that_breaks_for_good_ends_a_base_with_an_error_and_no_hanging_worker(tmp_path: Path) -> None:
    """More chunks wait for a pack than there are buffers."""
    place = new_place(tmp_path)
    many = {f"file-{number}": secrets.token_bytes(6000) for number in range(64)}
    first_pack = {number: Fault(Kind.FAIL_BEFORE) for number in range(6, 500)}
    with pytest.raises(StoreUnavailable):
        write(place, Scripted(place.store, at_calls(first_pack), place.clock), many)
    assert committed(place) == []
