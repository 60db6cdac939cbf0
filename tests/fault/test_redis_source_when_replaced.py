"""The source restarts, fails over, forgets: the journal goes on where it can; where it cannot, the gap is said."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from planaria.core.errors import Failed, PointUnreachable, StoreUnavailable
from planaria.core.position import Position
from planaria.drivers.contract import MAIN, Recovery, Target
from tests.support.proxy import proxy
from tests.support.redis_data import load, write
from tests.support.redis_running import BOTH, Run, offset_of, poll, to_server
from tests.support.redis_server import Server, Servers, running


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with running(tmp_path) as started:
        yield started


def latest_equals(run: Run, servers: Servers, source: Server, directory: Path) -> None:
    recovery = Recovery(run.archive.bases[-1], run.archive.journals, None, latest=True)
    run.driver.restore(recovery, Target(directory=directory))
    restored = servers(source.family, settings={"include": str(directory / "start.conf")}, directory=directory)
    assert restored.digest() == source.digest()


@pytest.mark.parametrize("family", BOTH)
def test_a_source_killed_without_saving_begins_another_history(servers: Servers, tmp_path: Path, family: str) -> None:
    source = servers(family)
    run = to_server(source)
    with run.following():
        run.await_exact()
        with source.client() as client:
            load(client, 20)
        run.catch_up(source)
        old = run.tail().position
        source.kill()
        source.start()
        with source.client() as client:
            load(client, 30)
        run.await_base(2)
        run.await_exact()
        run.catch_up(source)

    new = run.tail().position
    assert new.lineage != old.lineage
    assert "another history" in run.archive.bases[1].facts.broke[MAIN]
    latest_equals(run, servers, source, tmp_path / "restored")
    recovery = Recovery(run.archive.bases[0], run.archive.journals, {MAIN: old})
    reached = run.driver.restore(recovery, Target(directory=tmp_path / "before"))
    assert reached.positions[MAIN] == old, "what was followed before the break is still there"


@pytest.mark.parametrize("family", BOTH)
def test_a_backlog_that_was_too_small_costs_a_base_and_leaves_a_gap(
    servers: Servers, tmp_path: Path, family: str
) -> None:
    source = servers(family, settings={"repl-backlog-size": "16kb"})
    with proxy(source.port) as wire:
        run = Run({"url": wire.url})
        with run.following(), source.client() as client:
            run.await_exact()
            client.set("before", "1")
            held = run.catch_up(source)
            wire.refusing = True
            wire.cut()
            client.set("missed", b"x" * 500_000)
            wire.refusing = False
            run.await_base(2)
            client.set("after", "1")
            end = run.catch_up(source)

    first, second = run.archive.bases
    lineage = run.tail().position.lineage
    start = second.facts.positions[MAIN]
    assert start == Position(lineage, start.offset)
    assert start.offset > held + 500_000
    assert "backlog was too small" in second.facts.broke[MAIN]
    latest_equals(run, servers, source, tmp_path / "restored")
    recovery = Recovery(first, run.archive.journals, {MAIN: Position(lineage, end)})
    with pytest.raises(PointUnreachable):
        run.driver.restore(recovery, Target(directory=tmp_path / "over-the-gap"))


def test_a_backlog_that_holds_the_end_but_no_place_to_parse_from_is_enough(servers: Servers, tmp_path: Path) -> None:
    """After a crash inside a transaction larger than the backlog, say: no new base, but no more hints for readers."""
    source = servers("valkey", settings={"repl-backlog-size": "16kb"})
    run = to_server(source)
    with source.client() as client:
        with run.following():
            run.await_exact()
            safe = run.tail().position.offset
            client.set("large", b"x" * 200_000)
            run.catch_up(source)
        journal = run.archive.journals[MAIN]
        journal.source = {**journal.source, "safe": safe}
        client.set("missed", "1")
        with run.following():
            run.catch_up(source)
    assert len(run.archive.bases) == 1
    latest_equals(run, servers, source, tmp_path / "restored")


@pytest.mark.parametrize("family", BOTH)
def test_a_promoted_replica_goes_on_with_the_same_journal(servers: Servers, tmp_path: Path, family: str) -> None:
    """psync2: another replication id for the same bytes."""
    master = servers(family)
    with master.client() as client:
        load(client, 20)
    replica = servers.replica_of(master)
    with proxy(master.port) as wire:
        run = Run({"url": wire.url})
        with run.following():
            run.await_exact()
            with master.client() as client:
                write(client, 1)
            everything = run.catch_up(master)
            poll(lambda: offset_of(replica) >= everything, "the replica has what its master has")
            lineage, old = run.tail().position.lineage, run.tail().source["replid"]
            wire.to_port = replica.port
            with replica.client() as client:
                client.replicaof("NO", "ONE")
                write(client, 2)
            master.kill()
            wire.cut()
            run.catch_up(replica)
            run.await_exact()
    assert len(run.archive.bases) == 1
    assert run.tail().position.lineage == lineage
    assert run.tail().source["replid"] != old
    latest_equals(run, servers, replica, tmp_path / "restored")


@pytest.mark.parametrize("family", BOTH)
def test_a_replica_that_was_behind_when_promoted_is_another_history(
    servers: Servers, tmp_path: Path, family: str
) -> None:
    """What we hold of the old master never happened on the new one: it must not be mixed."""
    master = servers(family)
    replica = servers.replica_of(master)
    with proxy(master.port) as wire:
        run = Run({"url": wire.url})
        with run.following():
            run.await_exact()
            with replica.client() as client:
                client.replicaof("NO", "ONE")
            with master.client() as client:
                client.set("lost", "1")
            run.catch_up(master)
            lineage = run.tail().position.lineage
            with replica.client() as client:
                client.set("more", b"x" * 100_000)
            assert offset_of(replica) > run.tail().position.offset, "its offsets alone would let it go on"
            wire.to_port = replica.port
            wire.cut()
            run.await_base(2)
            with replica.client() as client:
                client.set("kept", "1")
            run.await_exact()
            run.catch_up(replica)
    assert run.tail().position.lineage != lineage
    latest_equals(run, servers, replica, tmp_path / "restored")


@pytest.mark.parametrize("family", BOTH)
def test_a_replica_that_is_followed_may_be_promoted_under_us(servers: Servers, tmp_path: Path, family: str) -> None:
    master = servers(family)
    replica = servers.replica_of(master)
    run = to_server(replica)
    with run.following():
        run.await_exact()
        with master.client() as client:
            write(client, 1)
        offset = run.catch_up(master)
        poll(lambda: run.tail().position.offset >= offset, "the master's writes")
        master.kill()
        with replica.client() as client:
            client.replicaof("NO", "ONE")
            write(client, 2)
        run.catch_up(replica)
        run.await_exact()
    assert len(run.archive.bases) == 1
    latest_equals(run, servers, replica, tmp_path / "restored")


def test_a_base_that_could_not_be_committed_is_taken_again(servers: Servers, tmp_path: Path) -> None:
    """The journal is worth nothing without: it goes on meanwhile."""
    source = servers("valkey")
    run = to_server(source)
    run.archive.failing_commits = [StoreUnavailable("the store is away")]
    with run.following(), source.client() as client:
        poll(lambda: any("no new base: the store is away" in one for one in run.warnings), "the failure")
        client.set("a", "1")
        run.await_base()
        client.set("b", "1")
        run.catch_up(source)
    begins = [value for name, value in run.archive.journals[MAIN].told if name == "begin"]
    assert len(begins) == 1
    latest_equals(run, servers, source, tmp_path / "restored")


def test_a_base_that_was_never_committed_is_taken_by_the_next_follow(servers: Servers, tmp_path: Path) -> None:
    source = servers("valkey")
    run = to_server(source)
    run.archive.failing_commits = [Failed("the disk is gone")]
    with run.following(fails=True):
        poll(lambda: run.error, "the follower to end")
    assert isinstance(run.error, Failed)
    assert run.archive.bases == []
    with run.following(), source.client() as client:
        client.set("a", "1")
        run.await_base()
        run.catch_up(source)
    latest_equals(run, servers, source, tmp_path / "restored")


def test_a_repository_that_stalls_keeps_the_link_and_says_the_stretch(servers: Servers, tmp_path: Path) -> None:
    """`append` blocks: the source is answered all the same, and nobody may believe the seconds in between."""
    source = servers("valkey", settings={"repl-timeout": "3"})
    run = to_server(source)
    with run.following(), source.client() as client:
        run.await_exact()
        journal = run.archive.journals[MAIN]
        links = len([name for name, _ in journal.told if name == "begin"])
        open_again = journal.hold()
        client.set("a", b"x" * 100)
        poll(lambda: client.info("replication")["slave0"]["lag"] <= 1 and journal.held_for > 5.0, "five seconds", 20)
        client.set("b", "1")
        open_again.set()
        run.catch_up(source)
        run.await_exact()
        poll(lambda: [name for name, _ in journal.told if name == "caught_up"][1:], "stamps to be exact again")
        assert client.info("stats")["sync_full"] == 1
        assert client.info("stats")["sync_partial_ok"] == 0
    begins = [value for name, value in journal.told if name == "begin"][links:]
    assert begins[0][2] == "the journal could not be written as fast as the source wrote"  # type: ignore[index]
    assert begins[0][1] is False  # type: ignore[index]
    latest_equals(run, servers, source, tmp_path / "restored")
