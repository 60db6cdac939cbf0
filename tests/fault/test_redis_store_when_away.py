"""Durable, then said: a live source under load, a store that fails, and what the source is told meanwhile."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from planaria.core.position import Position
from planaria.drivers.contract import MAIN, Recovery, Surroundings, Target
from planaria.drivers.redis.driver import create
from planaria.drivers.redis.options import RedisOptions
from planaria.repository.base_reader import open_base
from planaria.repository.bases import newest_base
from planaria.repository.limits import Limits
from planaria.repository.segments import place_of
from planaria.storage.local import LocalStore
from planaria.storage.scripted import Call, Fault, Kind, Scripted
from tests.support.faults import COMPONENT, Place
from tests.support.redis_data import load, write
from tests.support.redis_running import BOTH, RealClock, poll
from tests.support.redis_server import Server, Servers, running


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with running(tmp_path) as started:
        yield started


@dataclass
class Following:
    """A source followed into a real repository, whose store does as `fault` says to puts of its journal."""

    source: Server
    folder: Path
    fault: Kind | None = None
    told: list[tuple[int, int]] = field(default_factory=list)
    """(what the source was told, what the store had after that), again and again."""
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.store, self.clock = LocalStore(self.folder / "repository"), RealClock()
        self.place = Place(self.store, self.folder, self.clock, secrets.token_bytes, flush=0.05, idle=0.2)
        around = Surroundings(self.clock, lambda what, done, total: None, lambda said: None, self.stop.is_set)
        options = RedisOptions.model_validate({"driver": "redis", "url": self.source.url, "ack": "durable"})
        self.driver = create(options, around, {})

    def _script(self, call: Call) -> Fault | None:
        journal = call.method == "put" and call.name.startswith(f"{COMPONENT}/journal/")
        return Fault(self.fault) if self.fault and journal else None

    @contextmanager
    def at_work(self) -> Iterator[None]:
        threads = [threading.Thread(target=one) for one in (self._follow, self._watch)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stop.set()
            for thread in threads:
                thread.join(30)
        assert not any(thread.is_alive() for thread in threads)
        self.stop.clear()

    def _follow(self) -> None:
        with self.place.archive(Scripted(self.store, self._script, self.clock)) as archive:
            self.driver.follow(archive)

    def _watch(self) -> None:
        with self.source.client() as client:
            while not self.stop.wait(0.005):
                replica = client.info("replication").get("slave0", {})
                told = int(replica.get("offset", 0))
                self.told.append((told, self.durable()))

    def durable(self) -> int:
        """The offset up to which the store has everything, by the names of its objects."""
        base = newest_base(self.place.repository(), COMPONENT)
        if base is None:
            return 0
        at = base.facts.positions[MAIN].offset
        places = [place_of(one.name) for one in self.store.list(f"{COMPONENT}/journal/")]
        for begin, end in sorted((begin.offset, end.offset) for begin, end in places):
            at = max(at, end) if begin <= at else at
        return at

    def spooled(self) -> int:
        return sum(one.is_file() for one in (self.folder / "spool").rglob("*"))

    def recovered(self, target: Path, end: Position) -> None:
        base = newest_base(self.place.repository(), COMPONENT)
        assert base is not None
        view = open_base(self.place.repository(), base, Limits())
        recovery = Recovery(view, {MAIN: self.place.reader()}, {MAIN: end})
        self.driver.restore(recovery, Target(directory=target))


@pytest.mark.parametrize("family", BOTH)
@pytest.mark.parametrize("kind", [Kind.FAIL_BEFORE, Kind.FAIL_AFTER])
def test_the_source_is_never_told_more_than_the_store_has(
    servers: Servers, tmp_path: Path, family: str, kind: Kind
) -> None:
    source = servers(family)
    following = Following(source, tmp_path)
    with source.client() as client:
        load(client, 50)
        with following.at_work():
            poll(lambda: newest_base(following.place.repository(), COMPONENT), "a base")
            write(client, 1)
            assert client.wait(1, 10_000) == 1
            following.fault = kind
            write(client, 2)
            poll(lambda: following.place.told, "the store to be missed")
            write(client, 3)
            if kind is Kind.FAIL_BEFORE:
                assert client.wait(1, 300) == 0
                assert following.spooled() > 0
            following.fault = None
            write(client, 4)
            assert client.wait(1, 10_000) == 1
            end = int(client.info("replication")["master_repl_offset"])
            poll(lambda: following.durable() >= end, "everything in the store")
            lineage = str(client.info("replication")["master_replid"])
    assert following.spooled() == 0
    assert [one for one in following.told if one[0] > one[1]] == []
    assert following.told[-1][0] > 0
    source.kill()
    target = tmp_path / "restored"
    following.recovered(target, Position(lineage, end))
    restored = servers(family, directory=target, settings={"include": str(target / "start.conf")})
    with restored.client() as client:
        assert client.get("transaction:a") == b"4"
