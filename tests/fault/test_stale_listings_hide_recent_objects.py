"""A store whose listings lag: nothing wrong is shown, nothing is lost, and all is there when they have caught up."""

import secrets
from pathlib import Path

import pytest

from planaria.core.instant import SECOND
from planaria.core.windows import Span
from planaria.repository.compaction import GRACE, compact, sweep
from planaria.repository.journal_catalogue import load
from planaria.storage.contract import Store
from planaria.storage.memory import MemoryStore
from planaria.storage.scripted import Call, Fault, Kind, Scripted
from tests.support.clocks import ManualClock
from tests.support.faults import COMPONENT, START, STREAM, Place, after, content, record
from tests.support.small_bases import FILES, OLD, committed, write

LAG = 30.0


def stale(place: Place) -> Scripted:
    return Scripted(place.store, _lagging, place.clock)


def _lagging(call: Call) -> Fault | None:
    return Fault(Kind.STALE, seconds=LAG) if call.method == "list" else None


@pytest.fixture
def place(tmp_path: Path) -> Place:
    clock = ManualClock()
    return Place(MemoryStore(clock), tmp_path, clock, random=secrets.token_bytes)


def follow(place: Place, store: Store, steps: int) -> None:
    with place.archive(store) as archive:
        tail = archive.tail(STREAM)
        at = tail.position if tail else START
        journal = archive.journal(STREAM)
        journal.begin(at, place.clock.now(), {}, exact=True, reason="began")
        for step in range(steps):
            place.clock.sleep(5)
            begin = at.offset + step * 10
            journal.append(content(at.lineage, begin, begin + 10), place.clock.now())
            journal.flush()


def test_a_follower_that_begins_again_before_it_sees_its_own_end_leaves_no_wrong_byte(place: Place) -> None:
    """It goes on from an older end and sends some bytes twice: both say the same."""
    store = stale(place)
    follow(place, store, 6)
    follow(place, store, 6)
    place.clock.sleep(2 * LAG)
    data = place.read()
    assert data == content(START.lineage, START.offset, START.offset + len(data))
    assert len(data) >= 60
    catalogue = load(place.repository(store), COMPONENT, None)
    assert max(one.end for one in catalogue.objects) == START.offset + len(data)


def test_what_a_stale_listing_shows_of_a_journal_is_a_true_part_of_it(place: Place) -> None:
    began, store = place.clock.now(), stale(place)
    follow(place, store, 12)
    catalogue = load(place.repository(store), COMPONENT, None)
    assert 0 < len(catalogue.objects) < 12
    shown = max(one.last_at for one in catalogue.objects)
    assert place.reach(began).holds(shown)
    assert shown < place.clock.now()


def test_compaction_and_sweep_by_stale_listings_lose_nothing(place: Place) -> None:
    """Bundles just made are not listed yet: they are made again, at most, and each round the journal is whole."""
    clock, store = place.clock, stale(place)
    began = clock.now()
    for second in range(90):
        at = after(began, second * 2)
        record(place, Span(START.lineage, 1000 + second, 1001 + second, at, after(at, 2), True, ""))
    clock.sleep(7200)
    for _ in range(4):
        made = compact(place.repository(store), COMPONENT, None)
        assert made <= 8
        assert place.read() == content(START.lineage, 1000, 1090)
        clock.sleep(LAG / 2)
    for _ in range(3):
        clock.sleep(GRACE / SECOND + LAG)
        record(place, Span("z", 0, 0, clock.now(), clock.now(), True, ""), stream="newest")
        sweep(place.repository(store), COMPONENT, None)
        assert place.read() == content(START.lineage, 1000, 1090)
    assert len([one for one in place.catalogue().objects if one.stream == STREAM]) <= 4


def test_a_base_written_by_stale_listings_is_whole_and_so_is_the_next(place: Place) -> None:
    store = stale(place)
    write(place, store, OLD)
    write(place, store, FILES)
    assert committed(place) == [OLD, FILES]
    place.clock.sleep(2 * LAG)
    assert write(place, store, FILES).chunks_new == 0
