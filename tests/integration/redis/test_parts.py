"""`--only`: some databases, some keys; and sources whose expiries were relative."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from planaria.core.errors import SafetyRefusal, UsageError
from planaria.core.instant import SECOND
from planaria.drivers.contract import MAIN, Recovery, Target
from planaria.drivers.redis.resp import encode_command
from tests.support.redis_data import load, write
from tests.support.redis_running import BOTH, Run, to_server
from tests.support.redis_server import Server, Servers


def followed(source: Server) -> Run:
    run = to_server(source)
    with source.client() as client:
        load(client, 50)
        client.set("user:1", "base")
        client.set("other:1", "base")
    with run.following(), source.client() as client:
        run.await_base()
        client.mset({"user:1": "journal", "user:2": "journal", "other:2": "journal"})
        write(client, 5)
        client.delete("string:1", "user:2")
        run.catch_up(source)
    return run


def contents(server: Server, pattern: str, db: int = 0) -> Mapping[str, str]:
    with server.client(db=db, decode=True) as client:
        return {key: client.get(key) for key in client.scan_iter(pattern)}


@pytest.mark.parametrize("family", BOTH)
def test_chosen_keys_come_back_into_files_without_the_others(servers: Servers, tmp_path: Path, family: str) -> None:
    source = servers(family)
    run = followed(source)
    directory = tmp_path / "restored"
    recovery = Recovery(run.archive.bases[0], run.archive.journals, None, ("key:user:*",), latest=True)
    run.driver.restore(recovery, Target(directory=directory))
    restored = servers(family, settings={"include": str(directory / "start.conf")}, directory=directory)
    assert contents(restored, "*") == {"user:1": "journal"}
    assert contents(restored, "*", db=3) == {}


@pytest.mark.parametrize("family", BOTH)
def test_a_database_comes_back_into_an_empty_server(servers: Servers, family: str) -> None:
    source, target = servers(family), servers(family)
    run = followed(source)
    recovery = Recovery(run.archive.bases[0], run.archive.journals, None, ("db:3",), latest=True)
    run.driver.restore(recovery, Target(url=target.url))
    assert contents(target, "*") == {}
    assert contents(target, "*", db=3) == contents(source, "*", db=3) != {}


def test_chosen_keys_never_flush_a_server_that_holds_others(servers: Servers) -> None:
    source, target = servers("valkey"), servers("valkey")
    run = followed(source)
    with target.client() as client:
        client.set("precious", "1")
    recovery = Recovery(run.archive.bases[0], run.archive.journals, None, ("key:user:*",), latest=True)
    with pytest.raises(SafetyRefusal, match="all of them would go for the few asked for"):
        run.driver.restore(recovery, Target(url=target.url, replace=True))
    assert contents(target, "*") == {"precious": "1"}


def test_what_is_no_part_is_refused(servers: Servers, tmp_path: Path) -> None:
    run = to_server(servers("valkey"))
    run.driver.base(run.archive)
    with pytest.raises(UsageError, match="--only table:x: not a part of Redis"):
        run.driver.plan(Recovery(run.archive.bases[0], {}, None, ("table:x",)), Target(directory=tmp_path / "new"))


@pytest.mark.redis
def test_relative_expiries_of_an_old_source_count_from_when_they_arrived(servers: Servers, tmp_path: Path) -> None:
    """Redis 6.2 sends `EXPIRE key 60`; and knows one append-only file only, which Redis 7 still takes."""
    source = servers("redis")
    run = to_server(source)
    run.driver.base(run.archive)
    base = run.archive.bases[0]
    facts = base.facts
    base.committed = replace(facts, source={**facts.source, "version": "6.2.14"})
    arrived = facts.at + 5 * SECOND
    commands = [(b"SET", b"gone", b"1"), (b"EXPIRE", b"gone", b"1"), (b"SET", b"kept", b"1", b"EX", b"100000")]
    journal = run.archive.journal(MAIN)
    journal.begin(facts.positions[MAIN], facts.at, {}, exact=True, reason="")
    journal.append(b"".join(encode_command(*one) for one in commands), type(facts.at)(arrived - 3600 * SECOND))

    directory = tmp_path / "restored"
    run.driver.restore(Recovery(base, run.archive.journals, None, latest=True), Target(directory=directory))

    assert sorted(one.name for one in directory.iterdir()) == ["appendonly.aof", "planaria", "start.conf"]
    restored = servers("redis", settings={"include": str(directory / "start.conf")}, directory=directory)
    with restored.client(decode=True) as client:
        assert client.keys() == ["kept"]
        assert client.pexpiretime("kept") == (arrived - 3600 * SECOND) // 1000 + 100_000_000
