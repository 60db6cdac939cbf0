"""Before a directory is touched: what is refused, what is removed, and what is left alone."""

import json
from pathlib import Path

import pytest

from planaria.core.errors import Interrupted, SafetyRefusal, UsageError
from planaria.drivers.contract import Recovery, Target
from tests.support.redis_data import load
from tests.support.redis_running import Run, to_server
from tests.support.redis_server import Servers


@pytest.fixture
def taken(servers: Servers) -> Run:
    source = servers("valkey", settings={"user": "app on >pw ~app:* +@all", "databases": "20"})
    with source.client() as client:
        load(client, 30)
    run = to_server(source)
    run.driver.base(run.archive)
    return run


def recovery(run: Run) -> Recovery:
    return Recovery(run.archive.bases[0], {}, None)


def snapshot(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_a_directory_that_holds_anything_is_refused_untouched(taken: Run, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "notes.txt").write_text("mine")
    with pytest.raises(SafetyRefusal, match=r"is not empty: it holds notes\.txt"):
        taken.driver.restore(recovery(taken), Target(directory=target))
    assert snapshot(target) == {"notes.txt": b"mine"}


def test_replacing_takes_the_servers_files_and_no_others(taken: Run, tmp_path: Path) -> None:
    target = tmp_path / "target"
    (target / "appendonlydir").mkdir(parents=True)
    (target / "appendonlydir" / "appendonly.aof.9.incr.aof").write_bytes(b"old journal")
    (target / "dump.rdb").write_bytes(b"old dump")
    (target / "notes.txt").write_text("mine")
    plan = taken.driver.plan(recovery(taken), Target(directory=target, replace=True))
    assert {(one.what, Path(one.detail).name, one.bytes) for one in plan if one.what == "remove"} == {
        ("remove", "dump.rdb", 8),
        ("remove", "appendonlydir", 11),
    }
    assert snapshot(target)["dump.rdb"] == b"old dump", "planning changes nothing"
    taken.driver.restore(recovery(taken), Target(directory=target, replace=True))
    after = snapshot(target)
    assert after["notes.txt"] == b"mine"
    assert after["dump.rdb"] == taken.archive.bases[0].files["dump.rdb"][1]
    assert not any(name.startswith("appendonlydir") for name in after)


def test_a_directory_where_a_server_runs_is_refused(taken: Run, servers: Servers) -> None:
    running = servers("valkey")
    with pytest.raises(SafetyRefusal, match="is running in"):
        taken.driver.plan(recovery(taken), Target(directory=running.directory, replace=True))


def test_a_restore_that_was_stopped_leaves_the_old_data_and_can_be_run_again(taken: Run, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "dump.rdb").write_bytes(b"old dump")
    driver = taken.driver
    taken.stop.set()
    with pytest.raises(Interrupted):
        driver.restore(recovery(taken), Target(directory=target, replace=True))
    assert (target / "dump.rdb").read_bytes() == b"old dump"
    taken.stop.clear()
    driver.restore(recovery(taken), Target(directory=target, replace=True))
    assert (target / "dump.rdb").read_bytes() == taken.archive.bases[0].files["dump.rdb"][1]
    assert not [name for name in snapshot(target) if name.startswith(".")]


def test_users_and_settings_come_back_beside_the_data(taken: Run, servers: Servers, tmp_path: Path) -> None:
    target = tmp_path / "target"
    taken.driver.restore(recovery(taken), Target(directory=target))
    restored = servers("valkey", settings={"include": str(target / "start.conf")}, directory=target)
    with restored.client(decode=True) as client:
        assert client.auth("pw", "app")
        with pytest.raises(Exception, match="permission"):
            client.get("other")
    with restored.client(decode=True) as client:
        assert client.config_get("databases") == {"databases": "20"}
    assert json.loads((target / "planaria" / "settings.json").read_bytes())["repl-backlog-size"] == "16777216"


def test_a_file_where_a_directory_should_be_is_refused(taken: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SafetyRefusal, match="is not a directory"):
        taken.driver.plan(recovery(taken), Target(directory=tmp_path / "file"))


def test_without_a_target_it_is_the_configured_service_and_holds_keys(taken: Run) -> None:
    with pytest.raises(SafetyRefusal, match="is not empty: it holds 133 keys"):
        taken.driver.plan(recovery(taken), Target())
    plan = taken.driver.plan(recovery(taken), Target(replace=True))
    assert (plan[0].what, plan[0].detail.partition(" of 1")[0]) == ("remove", "132 keys of database 0")


def test_the_fingerprint_of_a_dump_is_that_of_its_server(taken: Run, tmp_path: Path) -> None:
    target = tmp_path / "target"
    taken.driver.restore(recovery(taken), Target(directory=target))
    assert taken.driver.fingerprint(Target(directory=target)) == taken.driver.fingerprint(None)
    (target / "appendonlydir").mkdir()
    with pytest.raises(UsageError, match=r"has no dump\.rdb that says it all"):
        taken.driver.fingerprint(Target(directory=target))
