"""Every verb on a live Valkey, by the installed program: protected, destroyed, brought back to a chosen second."""

import json
import shutil
import signal

from planaria.core.instant import rfc3339
from tests.support.cli_host import CliHost, end, now, redis_component
from tests.support.redis_server import Server, Servers

BASE_FIELDS = {
    *("id", "component", "lineage", "position", "started_at", "ended_at", "seconds"),
    *("bytes_logical", "bytes_stored", "chunks_new", "chunks_total"),
}


def fill(server: Server, name: str, count: int = 500) -> None:
    with server.client() as client:
        for number in range(count):
            client.set(f"{name}:{number}", f"value {number}")


def names(server: Server) -> set[str]:
    with server.client(decode=True) as client:
        return {key.partition(":")[0] for key in client.scan_iter(count=1000)}


def test_a_valkey_is_protected_destroyed_and_brought_back_to_a_chosen_second(host: CliHost, servers: Servers) -> None:
    server = servers("valkey")
    fill(server, "before")
    assert host.program("init", "--environment", "demo", "--url", f"file://{host.directory}/repository").status == 0
    host.components(redis_component(server))

    doctor = host.program("doctor", "--json")
    wrong = [one["check"] for one in doctor.json["result"]["findings"] if not one["ok"]]
    assert (doctor.status, wrong) == (1, ["newest base"])

    backup = host.program("backup", "--json").result["bases"]
    assert len(backup) == 1
    assert set(backup[0]) >= BASE_FIELDS
    assert host("doctor", "--quiet").status == 0

    follower = host.start("follow", "redis", "--json")
    try:
        host.await_followed("redis", now())
        fill(server, "wanted")
        wanted = now()
        host.await_followed("redis", wanted)
        fill(server, "unwanted")
        host.await_followed("redis", now())
    finally:
        told = end(follower, signal.SIGTERM)
    assert (told.status, told.json["result"]) == (0, {"ended": ["redis"]}), told.err
    with server.client() as client:
        client.flushall()
    server.kill()
    shutil.rmtree(server.directory)

    status = host("status", "--json").result
    assert status["components"]["redis"]["rpo_seconds"] < 60
    points = host("points", "redis", "--json").result
    assert points["components"]["redis"]["newest_base"] == status["components"]["redis"]["newest_base"]["id"]
    assert set(points["environment"]) == {"windows", "newest_marker", "rpo_seconds"}
    assert points["components"]["redis"]["windows"][-1]["to"] > rfc3339(wanted)

    target = host.directory / "restored"
    asked = ("recover", "redis", "--to", rfc3339(wanted), "--target", f"redis={target}", "--json")
    dry = host.program(*asked, "--dry-run").result
    assert (dry["dry_run"], dry["plan"], [step["component"] for step in dry["steps"]]) == (True, "recover", ["redis"])
    assert not target.exists()
    assert host("runs", "--json").result == {"runs": []}

    done = host.program(*asked).result
    assert {"run", "plan", "point", "rto_seconds", "phases", "components", "evidence"} <= set(done)
    assert (done["point"]["kind"], done["point"]["at"]) == ("time", rfc3339(wanted))
    one = done["components"]["redis"]
    assert {"position", "reached_at", "rpo_seconds", "fingerprint", "checks"} <= set(one)
    restored = servers("valkey", directory=target, settings={"appendonly": "yes", "dir": str(target)})
    assert names(restored) == {"before", "wanted"}

    runs = host("runs", "--json").result["runs"]
    assert [(run["run"], run["state"], run["evidence"]) for run in runs] == [(done["run"], "done", done["evidence"])]
    listed = host("list", "--json").result
    assert [run["run"] for run in listed["runs"]] == [done["run"]]
    assert backup[0]["id"] in [base["id"] for base in listed["bases"]]
    assert host("show", done["run"], "--json").result["components"] == done["components"]
    shown = host("show", backup[0]["id"], "--json").result
    assert "dump.rdb" in [entry["path"].rpartition("/")[2] for entry in shown["entries"]]
    again = host("recover", "redis", "--target", f"redis={target}", "--json")
    assert (again.status, again.json["errors"][0]["code"]) == (6, "refused-for-safety")

    exported = host("export", backup[0]["id"], "exported", "--json").result
    assert (exported["files"], exported["base"]) == (backup[0]["files"], backup[0]["id"])
    assert next((host.directory / "exported").rglob("dump.rdb")).read_bytes().startswith((b"REDIS", b"VALKEY"))


def test_a_recovery_into_a_running_server_is_proven_by_a_fingerprint(host: CliHost, servers: Servers) -> None:
    source, target = servers("valkey"), servers("valkey")
    fill(source, "kept", 50)
    host.configure(redis_component(source))
    assert host("backup").status == 0
    done = host("recover", "redis", "--target", f"redis={target.url}", "--json").result
    assert done["components"]["redis"]["fingerprint"]
    assert names(target) == {"kept"}
    assert source.digest() == target.digest()


def test_without_a_target_the_configured_server_itself_is_recovered(host: CliHost, servers: Servers) -> None:
    server = servers("valkey")
    fill(server, "kept", 50)
    host.configure(redis_component(server))
    assert host("backup").status == 0
    with server.client() as client:
        client.flushall()
    refused = host("recover", "--json")
    assert (refused.status, "nobody is here to confirm" in refused.json["errors"][0]["message"]) == (6, True)
    assert names(server) == set()
    done = host("recover", "--yes", "--json").result
    assert done["components"]["redis"]["where"] == "the configured service"
    assert names(server) == {"kept"}


def test_a_second_follower_of_a_component_on_the_same_host_is_refused(host: CliHost, servers: Servers) -> None:
    server = servers("valkey")
    host.configure(redis_component(server))
    follower = host.start("follow")
    try:
        host.await_followed("redis", now())
        second = host("follow", "--json")
        assert (second.status, second.json["errors"][0]["code"]) == (6, "refused-for-safety")
        assert "followed by another process" in second.err
    finally:
        assert end(follower, signal.SIGINT).status == 0


def test_a_component_that_cannot_be_followed_ends_alone(host: CliHost, servers: Servers) -> None:
    server, locked = servers("valkey"), servers("valkey", settings={"requirepass": "hunter2"}, password="hunter2")
    host.configure(redis_component(server) + f"  locked: {{driver: redis, url: '{locked.url}'}}\n")
    follower = host.start("follow", "--json")
    try:
        host.await_followed("redis", now())
    finally:
        told = end(follower)
    assert (told.status, told.json["result"]) == (1, {"ended": ["redis"]})
    assert [(one["component"], one["code"]) for one in told.json["errors"]] == [("locked", "component-refused")]
    assert "hunter2" not in told.out + told.err


def test_the_password_of_a_target_is_never_said_or_written_down(host: CliHost, servers: Servers) -> None:
    source = servers("valkey")
    target = servers("valkey", settings={"requirepass": "hunter2"}, password="hunter2")
    host.configure(redis_component(source))
    assert host("backup").status == 0
    url = target.url.replace("://", "://:hunter2@")
    plan = host("recover", "redis", "--target", f"redis={url}", "--dry-run")
    done = host("recover", "redis", "--target", f"redis={url}", "--json")
    assert done.result["components"]["redis"]["where"] == target.url.replace("://", "://:…@")
    written = b"".join(path.read_bytes() for path in (host.directory / "local").rglob("*") if path.is_file())
    assert json.dumps(done.result["run"]).encode() in written
    assert b"hunter2" not in written + (plan.out + plan.err + done.out + done.err).encode()
