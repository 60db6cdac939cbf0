"""SIGKILL at every store call and every file of the spool: what was acknowledged is there, and the journal goes on."""

import os
import secrets
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from planaria.core.errors import StoreUnavailable
from planaria.core.windows import Span
from planaria.repository.compaction import GRACE, compact, sweep
from planaria.storage.contract import Store
from planaria.storage.hooked import Hooked, Method, When, at_call, die
from planaria.storage.local import LocalStore
from tests.support.clocks import ManualClock
from tests.support.faults import COMPONENT, START, STREAM, Place, after, content, eventually, in_child, record

ENOUGH = 300
WHENS: tuple[When, ...] = ("before", "after")
Session = Callable[[Place, Store, int], None]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "repository").mkdir()
    return Place(LocalStore(tmp_path / "repository"), tmp_path, random=secrets.token_bytes)


class Outage:
    """A hook: from the second to the fourth put of a segment the store is away."""

    def __init__(self) -> None:
        self.puts = 0

    def __call__(self, method: Method, name: str, when: When) -> None:
        if method == "put" and when == "before" and "/journal/" in name:
            self.puts += 1
            if 2 <= self.puts <= 4:
                raise StoreUnavailable("the network is down")


def follow(place: Place, store: Store, told: int, *, steps: int = 5) -> None:
    """A session that tells how far it was flushed, and how far durable."""
    clock = place.clock
    with place.archive(store) as archive:
        tail = archive.tail(STREAM)
        at = tail.position if tail else START
        journal = archive.journal(STREAM)
        journal.begin(at, clock.now(), {}, exact=True, reason="began")
        offset = at.offset
        for _ in range(steps):
            clock.sleep(40)
            journal.append(content(at.lineage, offset, offset + 30), clock.now())
            offset += 30
            journal.flush()
            os.write(told, f"{offset} {journal.durable.offset}\n".encode())


def follow_through_an_outage(place: Place, store: Store, told: int) -> None:
    follow(place, Hooked(store, Outage()), told)


def acknowledged(session: Callable[[int], None]) -> tuple[int, int, int]:
    """(how the child ended, the furthest flushed, the furthest durable)."""
    reading, writing = os.pipe()
    ended = in_child(partial(session, writing))
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        lines = [line.split() for line in told.read().decode().splitlines()]
    flushed, durable = lines[-1] if lines else (START.offset, START.offset)
    return ended, int(flushed), int(durable)


def fresh(place: Place, name: str) -> Place:
    """A copy of the repository with a spool of its own."""
    root = place.folder / name
    shutil.copytree(place.folder / "repository", root / "repository")
    return place.at(LocalStore(root / "repository"), folder=root)


def afterwards(place: Place, flushed: int, durable: int) -> None:
    stored = place.read() if place.catalogue().objects else b""
    assert stored == content(START.lineage, START.offset, START.offset + len(stored))
    assert START.offset + len(stored) >= durable
    with place.archive() as archive:
        tail = archive.tail(STREAM)
        assert (tail.position.offset if tail else START.offset) >= flushed
    reading, writing = os.pipe()
    follow(place, place.store, writing, steps=2)
    os.close(writing)
    os.close(reading)
    with place.archive() as archive:
        tail = archive.tail(STREAM)
        assert tail is not None
        journal = archive.journal(STREAM)
        journal.begin(tail.position, place.clock.now(), {}, exact=True, reason="")
        eventually(lambda: journal.durable == tail.position)
    assert place.read() == content(START.lineage, START.offset, tail.position.offset)
    assert not [
        path for path in (place.folder / "spool").rglob("*") if path.is_file() and not path.name.startswith(".")
    ]


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("session", [follow, follow_through_an_outage])
def test_at_any_store_call_what_was_acknowledged_stays(place: Place, session: Session, when: When) -> None:
    for number in range(1, ENOUGH):
        copy = fresh(place, f"{number}")
        store = Hooked(copy.store, at_call(number, when, die))
        ended, flushed, durable = acknowledged(partial(session, copy, store))
        assert ended in (0, -9)
        afterwards(copy, flushed, durable)
        if ended == 0:
            assert number > 8
            return
    raise AssertionError("a session of five flushes has not come to its end")


def test_at_any_file_of_the_spool_what_was_acknowledged_stays(place: Place) -> None:
    for number in range(1, ENOUGH):
        copy = fresh(place, f"{number}")
        ended, flushed, durable = acknowledged(partial(_dying_in_the_spool, copy, number))
        assert ended in (0, -9)
        afterwards(copy, flushed, durable)
        if ended == 0:
            assert number > 10
            return
    raise AssertionError("a session of five flushes has not come to its end")


def _dying_in_the_spool(place: Place, number: int, told: int) -> None:
    """In the child: the audit hook is never taken off."""
    spool, seen = str(place.folder / "spool"), 0

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        paths = [os.fsdecode(one) for one in arguments if isinstance(one, str | bytes | os.PathLike)]
        if event in ("open", "os.link", "os.remove", "os.mkdir") and any(path.startswith(spool) for path in paths):
            seen += 1
            if seen == number:
                die()

    sys.addaudithook(audit)
    follow_through_an_outage(place, place.store, told)


@pytest.mark.parametrize("when", WHENS)
def test_at_any_call_of_compaction_and_sweep_the_journal_says_the_same(place: Place, when: When) -> None:
    clock = place.clock
    assert isinstance(clock, ManualClock)
    began = clock.now()
    for second in range(12):
        at = after(began, second * 20)
        record(place, Span(START.lineage, 1000 + second * 9, 1009 + second * 9, at, after(at, 20), True, ""))
    clock.advance(86_400 * 2)
    whole, reach = place.read(), place.reach(began)
    for number in range(1, ENOUGH):
        copy = fresh(place, f"{when}-{number}")
        ended = in_child(partial(_keep_house, copy, Hooked(copy.store, at_call(number, when, die))))
        assert ended in (0, -9)
        assert (copy.read(), copy.reach(began)) == (whole, reach)
        _keep_house(copy, copy.store)
        assert (copy.read(), copy.reach(began)) == (whole, reach)
        assert [one.level for one in copy.catalogue().objects] == ["hour"]
        if ended == 0:
            assert number > 20
            return
    raise AssertionError("compaction of twelve segments has not come to its end")


def _keep_house(place: Place, store: Store) -> None:
    """Compacts, lets the grace pass by the store's clock, and sweeps."""
    repository = place.repository(store)
    compact(repository, COMPONENT, None)
    local = place.folder / "repository" / COMPONENT / "bundles"
    for path in local.rglob("*"):
        status = path.stat()
        if path.is_file():
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - 2 * GRACE * 1000))
    sweep(repository, COMPONENT, None)
