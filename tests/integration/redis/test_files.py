"""Base, journal and recovery into files: what comes back is what the source held then."""

from pathlib import Path

import pytest
import redis

from planaria.core.position import Position
from planaria.drivers.contract import MAIN, Recovery, Target
from planaria.drivers.redis.resp import encode_command
from tests.support.redis_data import deadlines, load, write
from tests.support.redis_running import BOTH, Run, offset_of, to_server
from tests.support.redis_server import Server, Servers


def recover(run: Run, directory: Path, until: object, *, replace: bool = False, latest: bool = False) -> Position:
    base = run.archive.bases[-1]
    recovery = Recovery(base, run.archive.journals, until, latest=latest)  # type: ignore[arg-type]
    restored = run.driver.restore(recovery, Target(directory=directory, replace=replace))
    return restored.positions[MAIN]


def started_on(servers: Servers, family: str, directory: Path) -> Server:
    """A server on restored files, as the plan says to start it."""
    return servers(family, settings={"include": str(directory / "start.conf")}, directory=directory)


def state(server: Server) -> tuple[bytes, dict[bytes, int]]:
    with server.client() as client:
        return server.digest(), deadlines(client)


@pytest.mark.parametrize("family", BOTH)
def test_a_base_alone_becomes_a_dump_that_loads(servers: Servers, tmp_path: Path, family: str) -> None:
    source = servers(family)
    with source.client() as client:
        load(client)
    run = to_server(source)
    run.driver.base(run.archive)

    recover(run, tmp_path / "restored", None)

    restored = started_on(servers, family, tmp_path / "restored")
    assert state(restored) == state(source)
    with source.client() as one, restored.client() as other:
        assert other.execute_command("FUNCTION", "DUMP") == one.execute_command("FUNCTION", "DUMP")


@pytest.mark.parametrize("family", BOTH)
@pytest.mark.parametrize("diskless", ["yes", "no"])
def test_every_chosen_offset_comes_back_as_it_was(servers: Servers, tmp_path: Path, family: str, diskless: str) -> None:
    source = servers(family, settings={"repl-diskless-sync": diskless})
    with source.client() as client:
        load(client)
    run = to_server(source)
    then = {}
    with run.following(), source.client() as client:
        run.await_base()
        for seed in range(4):
            write(client, seed)
            then[offset_of(source)] = state(source)
        write(client, 99)
        run.catch_up(source)

    lineage = run.tail().position.lineage
    for number, (offset, before) in enumerate(then.items()):
        directory = tmp_path / f"restored{number}"
        reached = recover(run, directory, {MAIN: Position(lineage, offset)})
        assert reached == Position(lineage, offset)
        restored = started_on(servers, family, directory)
        assert state(restored) == before
        restored.kill()


def test_every_moment_comes_back_whole_commands_only(servers: Servers, tmp_path: Path) -> None:
    """A cut anywhere inside a transaction or a command stops before it."""
    source = servers("valkey")
    run = to_server(source)
    with run.following(), source.client() as client:
        run.await_base()
        client.set("a", "1")
        before = offset_of(source)
        with client.pipeline(transaction=True) as transaction:
            transaction.set("b", "x" * 1000)
            transaction.incr("a")
            transaction.execute()
        after = run.catch_up(source)
        client.set("c", "1")
        run.catch_up(source)

    lineage = run.tail().position.lineage
    for offset in (before, before + 1, before + 16, before + 200, after - 1):
        directory = tmp_path / str(offset)
        assert recover(run, directory, {MAIN: Position(lineage, offset)}).offset == before
        written = (directory / "appendonlydir" / "appendonly.aof.1.incr.aof").read_bytes()
        assert written.endswith(encode_command(b"SET", b"a", b"1"))
    restored = started_on(servers, "valkey", tmp_path / str(after - 1))
    with restored.client(decode=True) as client:
        assert client.get("a") == "1"
        assert client.exists("b", "c") == 0


@pytest.mark.parametrize("family", BOTH)
def test_a_second_between_two_writes_is_what_it_was(servers: Servers, tmp_path: Path, family: str) -> None:
    source = servers(family)
    run = to_server(source)
    with run.following(), source.client() as client:
        run.await_exact()
        client.set("a", "before")
        run.catch_up(source)
        moment = run.tail().at
        client.set("a", "after")
        run.catch_up(source)

    recover(run, tmp_path / "restored", moment)

    with started_on(servers, family, tmp_path / "restored").client(decode=True) as client:
        assert client.get("a") == "before"


def test_the_end_of_the_journal_is_the_latest(servers: Servers, tmp_path: Path) -> None:
    source = servers("valkey")
    run = to_server(source)
    with run.following(), source.client() as client:
        run.await_base()
        write_counter(client, 1000)
        run.catch_up(source)

    recover(run, tmp_path / "restored", None, latest=True)

    with started_on(servers, "valkey", tmp_path / "restored").client(decode=True) as client:
        assert client.get("counter") == "1000"


def write_counter(client: "redis.Redis", count: int) -> None:
    pipe = client.pipeline(transaction=False)
    for _ in range(count):
        pipe.incr("counter")
    pipe.execute()
