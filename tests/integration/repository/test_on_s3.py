"""A component's whole life in a real S3: bases, journals, compaction, check; and with connections cut in the middle."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from planaria.core.base import BaseFacts, Entry
from planaria.core.clock import Clock
from planaria.core.errors import StoreUnavailable
from planaria.core.instant import SECOND, Instant
from planaria.core.position import Position
from planaria.core.windows import Span
from planaria.drivers.contract import MAIN
from planaria.repository import compaction
from planaria.repository.base_reader import open_base
from planaria.repository.base_writer import BaseWriter
from planaria.repository.bases import newest_base
from planaria.repository.check_report import Report
from planaria.repository.check_state import load_state
from planaria.repository.checking import run_check
from planaria.repository.limits import Limits
from planaria.storage.contract import Store
from planaria.storage.hooked import Hook, Hooked, Method, When
from planaria.storage.metered import Metered
from planaria.storage.open import open_store
from planaria.storage.retrying import Patience, Retrying
from tests.support.clocks import ManualClock, seeded
from tests.support.faults import COMPONENT, STREAM, Place, after, begun, content, record
from tests.support.proxy import Proxy, proxy
from tests.support.radosgw import Radosgw, bucket, radosgw

__all__ = ["bucket", "radosgw"]
pytestmark = pytest.mark.radosgw

Opens = Callable[[int], Store]
SMALL = Limits(pack_size=1 << 20)
NOISE = random.Random(5).randbytes(12 << 20)


@pytest.fixture
def opens(radosgw: Radosgw, bucket: Callable[[], str]) -> Opens:
    """The same prefix of the same bucket, through a port: the server's own, or that of a proxy to it."""
    url, clock = f"s3://{bucket()}/deep/prefix", ManualClock()

    def through(port: int) -> Store:
        options = replace(radosgw.options, endpoint=f"http://127.0.0.1:{port}")
        return open_store(url, options, clock)

    return through


def patient(store: Store, clock: Clock) -> Store:
    return Retrying(store, clock, seeded(3), Patience(attempts=20))


@pytest.fixture
def place(radosgw: Radosgw, opens: Opens, tmp_path: Path) -> Place:
    return Place(patient(opens(radosgw.port), ManualClock()), tmp_path)


def taken(place: Place, store: Store, files: dict[str, bytes]) -> BaseWriter:
    """A base of these files, committed."""
    place.clock.sleep(1)
    writer = BaseWriter(place.repository(store), COMPONENT, "redis", SMALL)
    for path, data in files.items():
        writer.stream(Entry(path, 0, {}), [data])
    writer.commit(BaseFacts({MAIN: Position("abc", 1000)}, place.clock.now(), {}, {}, {}))
    return writer


def held(place: Place, store: Store) -> dict[str, bytes]:
    """Every file of the newest base."""
    repository = place.repository(store)
    newest = newest_base(repository, COMPONENT)
    assert newest is not None
    view = open_base(repository, newest, SMALL)
    return {entry.path: b"".join(view.read(entry.path)) for entry in view.entries()}


def checked(place: Place, store: Store) -> Report:
    state = load_state(place.folder / "check.json")
    return run_check(place.repository(store), read=True, state=state, progress=lambda what, done, total: None)


def minutes(place: Place, many: int) -> Iterator[Span]:
    """A segment a second, eight bytes each."""
    began = Instant(place.clock.now() // (60 * SECOND) * 60 * SECOND)
    for number in range(60 * many - 1):
        first, last = after(began, number + 0.5), after(began, number + 1.5)
        yield Span("abc", 1000 + 8 * number, 1008 + 8 * number, first, last, True, "" if number else "the first")


def test_bases_share_what_they_hold_and_come_back_to_the_byte(place: Place) -> None:
    first = {"dump": NOISE, "empty": b"", "small": b"s"}
    second = first | {"dump": NOISE[: 3 << 20] + b"changed" + NOISE[3 << 20 :][7:]}
    taken(place, place.store, first)
    before = sum(info.size for info in place.store.list(""))
    taken(place, place.store, second)
    assert held(place, place.store) == second
    assert sum(info.size for info in place.store.list("")) - before < 2 << 20
    report = checked(place, place.store)
    assert (report.findings, report.unread) == ([], 0)
    assert report.bytes_read > len(NOISE)


def test_a_journal_is_the_same_after_its_minutes_are_bundled_and_swept(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(place, place.store, {"dump": b"d"})
    key = place.repository().new_data_key(COMPONENT)
    spans = list(minutes(place, 2))
    for span in spans:
        record(place, span, key=key)
    whole, reached = place.read(), place.reach(spans[0].first_at)
    assert whole == content("abc", 1000, spans[-1].end)
    monkeypatch.setattr(compaction, "GRACE", 0)
    place.clock.sleep(200)
    assert compaction.compact(place.repository(), COMPONENT, None) == 2
    assert compaction.sweep(place.repository(), COMPONENT, None) == len(spans)
    assert list(place.store.list(f"{COMPONENT}/journal/")) == []
    assert (place.read(), place.reach(spans[0].first_at)) == (whole, reached)
    assert checked(place, place.store).findings == []


def test_whatever_connections_are_cut_everything_arrives_and_nothing_is_wrong(
    place: Place, opens: Opens, radosgw: Radosgw
) -> None:
    """Cut in answers to puts (they arrived, and nobody knows), in lists, in the middle of packs."""
    with proxy(radosgw.port) as between:
        metered = Metered(Hooked(opens(between.port), cutting(between)), place.clock)
        store = patient(metered, place.clock)
        taken(place, store, {"dump": NOISE, "small": b"s"})
        with place.archive(store) as archive:
            begun(archive, reason="the first")
            journal = archive.journal(STREAM)
            for begin in range(1000, 21_000, 1000):
                journal.append(content("abc", begin, begin + 1000), place.clock.now())
                journal.flush()
            assert journal.durable == Position("abc", 21_000)
        assert held(place, store) == {"dump": NOISE, "small": b"s"}
        errors = metered.use().errors
    assert min(errors["put"], errors["get"], errors["list"]) > 0, errors
    assert place.read() == content("abc", 1000, 21_000)
    assert place.told == []
    assert checked(place, place.store).findings == []


def cutting(between: Proxy) -> Hook:
    """Every seventh call finds its connection cut, and the next one cut after fewer bytes than any answer has."""
    calls = count()

    def hook(method: Method, name: str, when: When) -> None:
        if when == "before" and next(calls) % 7 == 0:
            between.cut_after.append(90)
            between.cut()

    return hook


def test_a_store_that_stays_away_fails_the_base_and_leaves_the_one_before(
    place: Place, opens: Opens, radosgw: Radosgw
) -> None:
    taken(place, place.store, {"dump": b"before"})
    with proxy(radosgw.port) as between:
        store = patient(opens(between.port), place.clock)
        writer = BaseWriter(place.repository(store), COMPONENT, "redis", SMALL)
        between.refusing = True
        between.cut()
        writer.stream(Entry("dump", 0, {}), [NOISE[:100]])
        with pytest.raises(StoreUnavailable, match="in 16 attempts over 112 s"):
            writer.commit(BaseFacts({}, place.clock.now(), {}, {}, {}))
        writer.abandon()
    assert held(place, place.store) == {"dump": b"before"}
    assert checked(place, place.store).findings == []
