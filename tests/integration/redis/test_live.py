"""Recovery into a running server, by serving as its master."""

import pytest

from planaria.core.errors import ComponentRefused, ComponentUnavailable, SafetyRefusal
from planaria.core.position import Position
from planaria.drivers.contract import MAIN, Recovery, Restored, Target
from planaria.drivers.redis.restore_live_plan import RIGHTS
from tests.support.redis_data import deadlines, load, write
from tests.support.redis_running import BOTH, Run, offset_of, to_server
from tests.support.redis_server import Server, Servers


def recover(run: Run, target: Server, until: object = None, *, replace: bool = False) -> Restored:
    recovery = Recovery(run.archive.bases[-1], run.archive.journals, until)  # type: ignore[arg-type]
    return run.driver.restore(recovery, Target(url=target.url, replace=replace))


@pytest.mark.parametrize("family", BOTH)
def test_a_point_in_time_arrives_in_a_running_server(servers: Servers, family: str) -> None:
    source, target = servers(family), servers(family)
    with source.client() as client:
        load(client)
    run = to_server(source)
    with run.following(), source.client() as client:
        run.await_base()
        write(client, 1)
        offset = offset_of(source)
        digest, expiries = source.digest(), deadlines(client)
        fingerprint = run.driver.fingerprint(None)
        write(client, 2)
        run.catch_up(source)

    restored = recover(run, target, {MAIN: Position(run.tail().position.lineage, offset)})

    assert restored.positions[MAIN].offset == offset
    assert restored.fingerprint == fingerprint
    assert [check.check for check in restored.checks if check.ok] == ["acknowledged", "keys"]
    assert target.digest() == digest
    with target.client(decode=True) as client:
        assert client.info("replication")["role"] == "master"
        assert client.config_get("masterauth") == {"masterauth": ""}
        assert client.set("writable", "1")
    with target.client() as client:
        assert deadlines(client) == expiries


@pytest.mark.parametrize("family", BOTH)
def test_a_base_alone_replaces_what_was_there(servers: Servers, family: str) -> None:
    source, target = servers(family), servers(family)
    with source.client() as one, target.client() as other:
        load(one)
        other.set("old", "1")
    run = to_server(source)
    run.driver.base(run.archive)

    plan = run.driver.plan(Recovery(run.archive.bases[0], {}, None), Target(url=target.url, replace=True))
    assert ("remove", f"1 keys of database 0 of 127.0.0.1:{target.port}") in [(one.what, one.detail) for one in plan]
    recover(run, target, replace=True)

    assert target.digest() == source.digest()


def test_a_target_that_holds_keys_is_refused_and_left_alone(servers: Servers) -> None:
    source, target = servers("valkey"), servers("valkey")
    with target.client() as client:
        client.set("precious", "1")
    run = to_server(source)
    run.driver.base(run.archive)

    with pytest.raises(SafetyRefusal, match="not empty: it holds 1 keys"):
        recover(run, target)

    with target.client(decode=True) as client:
        assert client.get("precious") == "1"
        assert client.info("replication")["role"] == "master"


@pytest.mark.redis
def test_an_older_target_is_refused_before_it_flushes(servers: Servers) -> None:
    source, target = servers("valkey"), servers("redis")
    with target.client() as client:
        client.set("precious", "1")
    run = to_server(source)
    run.driver.base(run.archive)

    with pytest.raises(ComponentRefused, match="does not load a base of valkey 9") as refused:
        recover(run, target, replace=True)

    assert refused.value.hint == "recover into Valkey 9.0 or later"
    with target.client(decode=True) as client:
        assert client.get("precious") == "1"


@pytest.mark.redis
def test_redis_goes_into_valkey(servers: Servers) -> None:
    source, target = servers("redis"), servers("valkey")
    with source.client() as client:
        load(client)
    run = to_server(source)
    run.driver.base(run.archive)

    restored = recover(run, target)

    assert restored.fingerprint == run.driver.fingerprint(None)


def test_a_replica_as_target_is_refused(servers: Servers) -> None:
    source = servers("valkey")
    target = servers.replica_of(source)
    run = to_server(source)
    run.driver.base(run.archive)
    with pytest.raises(SafetyRefusal, match=f"is a replica of 127.0.0.1:{source.port}"):
        recover(run, target)


def test_a_target_without_enough_databases_is_refused(servers: Servers) -> None:
    source, target = servers("valkey"), servers("valkey", settings={"databases": "2"})
    with source.client(db=9) as client:
        client.set("a", "1")
    run = to_server(source)
    run.driver.base(run.archive)
    with pytest.raises(ComponentRefused, match="has 2 databases, the base uses number 9"):
        recover(run, target)


def test_a_user_who_may_not_replicate_is_refused_beforehand(servers: Servers) -> None:
    source = servers("valkey")
    target = servers("valkey", settings={"user": "weak on >secret ~* +@all -replicaof"})
    run = to_server(source)
    run.driver.base(run.archive)
    url = f"redis://weak:secret@127.0.0.1:{target.port}"
    with pytest.raises(ComponentRefused, match="does not let our user do this") as refused:
        run.driver.plan(Recovery(run.archive.bases[0], {}, None), Target(url=url))
    assert "+replicaof" in (refused.value.hint or "")


def test_the_rights_that_a_hint_names_are_enough(servers: Servers) -> None:
    source = servers("valkey")
    target = servers("valkey", settings={"user": f"restorer on >secret {RIGHTS}"})
    run = to_server(source)
    run.driver.base(run.archive)
    restored = run.driver.restore(
        Recovery(run.archive.bases[0], {}, None), Target(url=f"redis://restorer:secret@127.0.0.1:{target.port}")
    )
    assert restored.fingerprint == run.driver.fingerprint(None)


def test_a_target_with_other_credentials_for_its_master_gets_them_back(servers: Servers) -> None:
    source = servers("valkey")
    target = servers("valkey", settings={"masterauth": "theirs", "masteruser": "someone"})
    with source.client() as client:
        load(client, 20)
    run = to_server(source)
    run.driver.base(run.archive)
    recover(run, target)
    assert target.digest() == source.digest()
    with target.client(decode=True) as client:
        assert client.config_get("masterauth") == {"masterauth": "theirs"}


def test_a_target_that_is_gone_is_said(servers: Servers) -> None:
    source, target = servers("valkey"), servers("valkey")
    run = to_server(source)
    run.driver.base(run.archive)
    target.kill()
    with pytest.raises(ComponentUnavailable, match="nothing listens"):
        recover(run, target)
