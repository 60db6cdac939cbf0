"""Compaction: what is merged, what is swept, and that neither changes what the journal says."""

from pathlib import Path

import pytest

from planaria.core.errors import DamagedData, ObjectMissing
from planaria.core.instant import SECOND, Instant
from planaria.core.position import Position
from planaria.core.windows import Span
from planaria.repository import compaction
from planaria.repository.bundles import open_bundle
from planaria.repository.compaction import GRACE, compact, sweep
from planaria.storage.hooked import Hooked, Method, When
from planaria.storage.memory import MemoryStore
from tests.support.clocks import START, ManualClock
from tests.support.faults import COMPONENT, Place, content, record

MINUTE, HOUR = 60, 3600
MIDNIGHT = Instant(START - START % (86400 * SECOND))
"""The simulated day begins here."""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    clock = ManualClock(MIDNIGHT)
    return Place(MemoryStore(clock), tmp_path, clock)


def span(begin: int, end: int, first: float, last: float, *, lineage: str = "a", reason: str = "") -> Span:
    at, until = (Instant(MIDNIGHT + round(one * SECOND)) for one in (first, last))
    return Span(lineage, begin, end, at, until, not reason, reason)


def clock_of(place: Place) -> ManualClock:
    assert isinstance(place.clock, ManualClock)
    return place.clock


def go_to(place: Place, seconds: float) -> None:
    clock_of(place).advance((MIDNIGHT - place.clock.now()) / SECOND + seconds)


def follow(place: Place, first: int, last: int, *, stream: str = "main") -> None:
    """A segment of ten bytes each second from `first` to `last`."""
    for second in range(first, last):
        go_to(place, second + 1)
        record(place, span(second * 10, second * 10 + 10, second, second + 1), stream=stream)


def compacted(place: Place) -> int:
    return compact(place.repository(), COMPONENT, None)


def swept(place: Place, seconds: float) -> int:
    """Sweeps when the store's clock, by its newest object, stands there."""
    go_to(place, seconds)
    record(place, span(0, 0, seconds, seconds, lineage="newest"), stream="newest")
    return sweep(place.repository(), COMPONENT, None)


def levels(place: Place) -> list[str]:
    return [one.level for one in place.catalogue().of("main")]


def read(place: Place, end: int) -> bool:
    return place.read(start=Position("a", 0)) == content("a", 0, end)


def test_closed_minutes_become_bundles_and_the_open_one_does_not(place: Place) -> None:
    follow(place, 0, 150)
    go_to(place, 150)
    assert compacted(place) == 2
    assert levels(place) == ["minute", "minute", *[""] * 31]
    assert read(place, 1500)
    assert compacted(place) == 0, "nothing is left to do"


def test_hours_are_made_of_minutes_and_days_of_hours(place: Place) -> None:
    for minute in range(0, 180, 2):
        follow(place, minute * MINUTE, minute * MINUTE + 3)
        if minute == 60:
            compacted(place)
    go_to(place, 3 * HOUR + 60)
    compacted(place)
    assert set(levels(place)) == {"hour"}
    go_to(place, 25 * HOUR)
    compacted(place)
    assert levels(place) == ["day"]


def test_a_bundle_holds_its_segments_verbatim_and_whoever_writes_can_make_it(place: Place) -> None:
    follow(place, 0, 70)
    place.identity = None  # type: ignore[assignment]
    before = {one.name: place.store.get(one.name) for one in place.catalogue().objects}
    go_to(place, 200)
    assert compacted(place) == 2
    first = place.catalogue().objects[0]
    held = {
        it.name: bytes(it.data)
        for it in open_bundle(place.repository(), COMPONENT, first.name, place.store.get(first.name))
    }
    assert len(held) == 59 or len(held) == 60
    assert held.items() <= before.items()


def test_windows_gaps_and_times_are_the_same_after_compaction(place: Place) -> None:
    follow(place, 0, 65)
    record(place, span(650, 700, 66, 90, reason="the link was cut"))
    record(place, span(700, 710, 90, 100))
    base, start = Instant(MIDNIGHT), Position("a", 0)
    before, probes = place.reach(base, start), [0.5, 10.25, 64.9, 95.5, 100]
    held = [place.read(Instant(MIDNIGHT + round(at * SECOND)), start) for at in probes]
    go_to(place, 26 * HOUR)
    compacted(place)
    assert place.reach(base, start) == before
    assert [place.read(Instant(MIDNIGHT + round(at * SECOND)), start) for at in probes] == held
    assert [gap.reason for gap in before.gaps] == ["the link was cut"]


def test_nothing_is_swept_within_the_grace(place: Place) -> None:
    follow(place, 0, 130)
    go_to(place, 200)
    compacted(place)
    assert swept(place, 200 + GRACE / SECOND - 1) == 0
    assert swept(place, 200 + GRACE / SECOND) >= 118
    assert read(place, 1300)
    assert not place.catalogue().superseded


def test_nothing_is_swept_that_a_damaged_bundle_should_hold(place: Place) -> None:
    follow(place, 0, 70)
    go_to(place, 140)
    compacted(place)
    bundle = place.catalogue().objects[0]
    data = bytearray(place.store.get(bundle.name))
    data[-100] ^= 1
    place.store.delete(bundle.name)
    place.store.put(bundle.name, bytes(data))
    names = {info.name for info in place.store.list(f"{COMPONENT}/journal/a")}
    swept(place, 200 + 2 * HOUR)
    assert {info.name for info in place.store.list(f"{COMPONENT}/journal/a")} >= names - _held_by_others(
        place, bundle.name
    )


def _held_by_others(place: Place, damaged: str) -> set[str]:
    bundles = [info.name for info in place.store.list(f"{COMPONENT}/bundles/") if info.name != damaged]
    return {
        it.name for name in bundles for it in open_bundle(place.repository(), COMPONENT, name, place.store.get(name))
    }


def test_a_damaged_segment_stays_outside_and_is_named(place: Place) -> None:
    follow(place, 0, 59)
    victim = place.catalogue().objects[30].name
    data = bytearray(place.store.get(victim))
    data[-1] ^= 1
    place.store.delete(victim)
    place.store.put(victim, bytes(data))
    go_to(place, 200)
    with pytest.raises(DamagedData) as raised:
        compacted(place)
    assert raised.value.object_name == victim
    assert sorted(levels(place)) == ["", "minute"], "the others were merged all the same"


def test_streams_with_lineages_of_one_name_do_not_stand_in_for_each_other(place: Place) -> None:
    for stream in ("one", "two"):
        for second in range(50):
            record(place, span(second * 10, second * 10 + 10, second, second + 1), stream=stream)
    first = place.catalogue().of("one")
    go_to(place, 100)
    compaction.compact(place.repository(), COMPONENT, None)
    assert swept(place, 2 * HOUR) == 100
    for stream in ("one", "two"):
        assert place.read(start=Position("a", 0), stream=stream) == content("a", 0, 500)
    assert len(first) == 50


def test_what_comes_late_out_of_a_spool_is_bundled_and_swept_in_the_end(place: Place) -> None:
    """Another follower's copy of a minute whose bundle is there already, and says the same."""
    follow(place, 0, 59)
    go_to(place, 100)
    compacted(place)
    late = record(place, span(205, 215, 20.5, 21.5))
    assert late in {one.name for one in place.catalogue().superseded}
    for hours in range(2, 8):
        swept(place, hours * HOUR)
    assert late not in {info.name for info in place.store.list(f"{COMPONENT}/journal/")}
    (bundle,) = place.catalogue().of("main")
    assert bundle.count == 60
    assert read(place, 590)


def test_two_hosts_that_compact_at_once_leave_one_bundle(place: Place) -> None:
    follow(place, 0, 59)
    go_to(place, 100)
    other: list[int] = []

    def meanwhile(method: Method, name: str, when: When) -> None:
        if method == "put" and when == "before" and "/bundles/" in name and not other:
            other.append(0)
            other[0] = compacted(place)

    compact(place.repository(Hooked(place.store, meanwhile)), COMPONENT, None)
    assert other == [1]
    assert levels(place) == ["minute"]
    swept(place, 3 * HOUR)
    assert len(list(place.store.list(f"{COMPONENT}/bundles/minute/a"))) == 1
    assert read(place, 590)


def test_a_reader_finds_the_bundle_when_its_segments_are_swept_under_it(place: Place) -> None:
    follow(place, 0, 130)
    go_to(place, 200)
    compacted(place)
    raced: list[str] = []

    def meanwhile(method: Method, name: str, when: When) -> None:
        """After the reader's listing; the bundles it saw are of minutes, and become an hour before it reads them."""
        if method == "get" and when == "before" and "/bundles/" in name and not raced:
            raced.append(name)
            go_to(place, 2 * HOUR)
            compacted(place)
            swept(place, 4 * HOUR)

    reader = place.reader()
    reader.repository = place.repository(Hooked(place.store, meanwhile))
    data = b"".join(piece.data for piece in reader.pieces(Position("a", 0), None))
    assert raced
    assert raced[0] not in {info.name for info in place.store.list(COMPONENT)}
    assert data == content("a", 0, 1300)


def test_a_long_restore_outlives_any_number_of_sweeps(place: Place) -> None:
    """Every object is gone when it is first asked for, and there when the journal has been listed again."""
    follow(place, 0, 10)
    asked: set[str] = set()

    def gone_once(method: Method, name: str, when: When) -> None:
        if method == "get" and when == "before" and "/journal/" in name and name not in asked:
            asked.add(name)
            raise ObjectMissing(f"{name} is not in the store")

    reader = place.reader()
    reader.repository = place.repository(Hooked(place.store, gone_once))
    assert b"".join(piece.data for piece in reader.pieces(Position("a", 0), None)) == content("a", 0, 100)
    assert len(asked) == 10


def test_an_object_that_is_gone_for_good_is_named(place: Place) -> None:
    follow(place, 0, 10)
    listed = place.catalogue().of("main")
    reader = place.reader()
    reader.objects = lambda: listed
    place.store.delete(listed[5].name)
    with pytest.raises(DamagedData) as raised:
        list(reader.pieces(Position("a", 0), None))
    assert raised.value.object_name == listed[5].name


def test_a_bundle_cut_short_is_not_believed_and_its_segments_stand(place: Place) -> None:
    follow(place, 0, 59)
    go_to(place, 100)
    compacted(place)
    (bundle,) = place.catalogue().of("main")
    half = place.store.get(bundle.name)[: bundle.size // 2]
    place.store.delete(bundle.name)
    place.store.put(bundle.name, half)
    assert [error.object_name for error in place.catalogue().damage] == [bundle.name]
    assert levels(place) == [""] * 59
    assert read(place, 590)


def test_a_journal_of_many_broken_stretches_still_fits_into_headers(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "SPANS", 10)
    for number in range(40):
        record(place, span(number * 10, number * 10 + 10, number, number + 0.5, reason=f"cut {number}"))
    go_to(place, 100)
    assert compacted(place) == 4
    assert read(place, 400)
    assert max(len(one.spans) for one in place.catalogue().objects) == 10
