"""What users get wrong, and what breaks under them: one sentence, a hint that helps, the status, and valid JSON."""

import json
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from planaria.core.instant import rfc3339
from tests.support.cli_host import CliHost, Told, now, redis_component
from tests.support.redis_server import Servers, free_port


@dataclass(frozen=True)
class Refusal:
    """What `refused` gives back, already held against what every refusal must be."""

    message: str
    hint: str


Refused = Callable[..., Refusal]


@pytest.fixture
def refused(host: CliHost) -> Refused:
    """`refused(status, code, *arguments)`: for people and for machines the same, and no traceback for either."""

    def ask(status: int, code: str, *arguments: str) -> Refusal:
        told, machine = host(*arguments), host(*arguments, "--json")
        assert (told.status, machine.status) == (status, status), f"{told}\n{machine}"
        assert "Traceback" not in told.err + machine.err
        found = machine.json
        assert (found["ok"], [one["code"] for one in found["errors"]]) == (False, [code]), found
        message, hint = found["errors"][0]["message"], found["errors"][0]["hint"]
        assert message
        assert "\n" not in message
        assert message in told.err
        assert hint, f"no hint: {message}"
        return Refusal(message, hint)

    return ask


def doctor_says(host: CliHost, check: str) -> dict[str, str]:
    told = host("doctor", "--json")
    assert told.status == 1
    findings = [one for one in told.json["result"]["findings"] if one["check"] == check and not one["ok"]]
    assert len(findings) == 1, told.out
    return dict(findings[0])


# the service


def test_a_wrong_password(host: CliHost, servers: Servers, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    server = servers("valkey", settings={"requirepass": "right"}, password="right")
    monkeypatch.setenv("REDIS_PASSWORD", "wr0ng-secret")
    host.configure(f"  redis: {{driver: redis, url: '{server.url}', password: {{env: REDIS_PASSWORD}}}}\n")
    error = refused(4, "component-refused", "backup")
    assert "password" in error.message + error.hint
    told = host("backup")
    assert "wr0ng-secret" not in told.out + told.err


def test_a_user_without_the_right_to_psync(host: CliHost, servers: Servers, refused: Refused) -> None:
    server = servers("valkey")
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "planaria", "on", ">pw", "+@all", "-psync", "~*")
    host.configure(f"  redis: {{driver: redis, url: 'redis://planaria:pw@127.0.0.1:{server.port}'}}\n")
    error = refused(4, "component-refused", "backup")
    assert "psync" in (error.message + error.hint).lower()
    assert "psync" in doctor_says(host, "rights")["fix"]


@pytest.fixture
def chatter() -> Iterator[int]:
    """The port of something that answers, and is no Redis."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    connection, _ = listening.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        over.set()
        thread.join()


def test_what_answers_is_not_a_redis(host: CliHost, chatter: int, refused: Refused) -> None:
    host.configure(f"  redis: {{driver: redis, url: 'redis://127.0.0.1:{chatter}'}}\n")
    error = refused(4, "component-refused", "backup")
    assert f"127.0.0.1:{chatter}" in error.message


def test_nothing_listens_there(host: CliHost, refused: Refused) -> None:
    port = free_port()
    host.configure(f"  redis: {{driver: redis, url: 'redis://127.0.0.1:{port}'}}\n")
    error = refused(4, "component-unavailable", "backup")
    assert f"127.0.0.1:{port}" in error.message


def test_a_target_that_is_not_empty(host: CliHost, files: Path, refused: Refused) -> None:
    assert host("backup").status == 0
    taken = host.directory / "taken"
    taken.mkdir()
    (taken / "precious").write_text("mine")
    error = refused(6, "refused-for-safety", "recover", "--target", f"files={taken}")
    assert "not empty" in error.message
    assert "--replace" in error.hint
    assert (taken / "precious").read_text() == "mine"


def test_a_live_target_that_is_not_empty(host: CliHost, servers: Servers, refused: Refused) -> None:
    source, target = servers("valkey"), servers("valkey")
    with target.client() as client:
        client.set("precious", "mine")
    host.configure(redis_component(source))
    assert host("backup").status == 0
    error = refused(6, "refused-for-safety", "recover", "--target", f"redis={target.url}")
    assert "1 keys" in error.message
    with target.client() as client:
        assert client.get("precious") == b"mine"


# keys


def test_a_wrong_identity(host: CliHost, files: Path, refused: Refused) -> None:
    host.config.rename(host.directory / "first.yaml")
    (host.directory / "planaria-identity").rename(host.directory / "first-identity")
    assert host("init", "--url", f"file://{host.directory}/second").status == 0
    shutil.copy(host.directory / "planaria-identity", host.directory / "wrong")
    first = (host.directory / "first.yaml").read_text()
    host.config.write_text(first.replace("planaria-identity", "wrong"))
    error = refused(4, "repository-refused", "status")
    assert "identity" in error.message
    assert "key:x25519:" in error.hint


def test_an_identity_that_is_none(host: CliHost, files: Path, refused: Refused) -> None:
    (host.directory / "planaria-identity").write_text("hunter2\n")
    error = refused(2, "configuration", "status")
    assert "hunter2" not in error.message + error.hint


def writes_only(host: CliHost) -> None:
    """From here on this is a host that writes and reads nothing back."""
    assert host("keys", "writer", "writer").status == 0
    text = host.config.read_text().replace("  identity: {file:", "  writer_key: {file: writer}\n  # identity: {file:")
    host.config.write_text(text)


def test_a_host_that_only_writes_cannot_recover_or_export(host: CliHost, files: Path, refused: Refused) -> None:
    writes_only(host)
    base = host("backup", "--json").result["bases"][0]["id"]
    assert host("status").status in (0, 1)
    error = refused(2, "configuration", "recover", "--target", "files=out")
    assert "identity" in error.message
    error = refused(4, "repository-refused", "export", base, "out")
    assert "identity" in error.hint
    assert not (host.directory / "out").exists()


def test_neither_identity_nor_writer_key(host: CliHost, files: Path, refused: Refused) -> None:
    host.config.write_text(host.config.read_text().replace("  identity:", "  # identity:"))
    error = refused(2, "configuration", "backup")
    assert "repository.identity" in error.hint


# the repository


def test_a_place_where_no_repository_is(host: CliHost, files: Path, refused: Refused) -> None:
    shutil.rmtree(host.directory / "repository")
    error = refused(4, "repository-refused", "backup")
    assert "planaria init" in error.hint


def test_a_repository_of_a_newer_format(host: CliHost, files: Path, refused: Refused) -> None:
    root = host.directory / "repository" / "planaria.json"
    root.write_text(json.dumps(json.loads(root.read_text()) | {"format": 99}))
    error = refused(4, "repository-refused", "status")
    assert "99" in error.message
    assert "upgrade" in error.hint


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def test_a_damaged_base_is_named_by_every_verb_that_meets_it(host: CliHost, files: Path) -> None:
    base = host("backup", "--json").result["bases"][0]["id"]
    flip(host.directory / "repository" / "files" / "bases" / base)
    listed, points, shown = host("list", "--json"), host("points", "--json"), host("show", base, "--json")
    assert [one.status for one in (listed, points, shown)] == [5, 5, 5]
    assert [one.json["errors"][0]["object"] for one in (listed, points, shown)] == [f"files/bases/{base}"] * 3
    status = host("status", "--json")
    assert status.status == 1
    assert base in status.json["result"]["findings"][0]["detail"]
    recover = host("recover", "--target", "files=out", "--json")
    assert (recover.status, (host.directory / "out").exists()) == (3, False)
    assert base in recover.json["errors"][0]["message"]


def test_damaged_data_ends_a_recovery_with_its_object(host: CliHost, files: Path) -> None:
    (files / "b").write_bytes(os.urandom(200_000))
    assert host("backup").status == 0
    for pack in (host.directory / "repository" / "files" / "packs").rglob("*"):
        if pack.is_file():
            flip(pack)
    told = host("recover", "--target", "files=out", "--json")
    assert told.status == 5
    error = told.json["errors"][0]
    assert error["code"] == "damaged-data"
    assert "files/packs/" in error["message"]
    assert error["hint"]


WITHOUT_ROOTS_RIGHTS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner")
"""To root, modes say nothing: it is run without what makes it so."""


def test_a_repository_that_may_only_be_read(host: CliHost, files: Path) -> None:
    assert host("backup").status == 0
    places = [path for path in (host.directory / "repository").rglob("*") if path.is_dir()]
    for place in places:
        place.chmod(0o555)
    told = host.program("backup", "--json", wrapper=WITHOUT_ROOTS_RIGHTS if os.geteuid() == 0 else ())
    for place in places:
        place.chmod(0o755)
    assert told.status == 4, told
    error = told.json["errors"][0]
    assert (error["code"], error["component"], bool(error["hint"])) == ("store-refused", "files", True)
    assert "Traceback" not in told.err


# times and names


@pytest.mark.parametrize(
    ("point", "status", "code", "word"),
    [
        ("2026-10-15 02:51:30", 2, "usage", "UTC"),
        ("2026-10-15", 2, "usage", "00:00"),
        ("yesterday-ish", 2, "usage", "2 hours ago"),
        ("latset", 2, "usage", "write"),
        ("2999-01-01T00:00:00Z", 3, "point-unreachable", "now"),
        ("2001-01-01T00:00:00Z", 3, "point-unreachable", "planaria points"),
        ("base:nothing", 2, "unknown-name", "known:"),
        ("basis:1", 2, "usage", "base"),
        ("marker:1", 2, "usage", "--to"),
        ("lsn:0/1", 2, "usage", "base:ID"),
    ],
)
def test_a_point_that_is_none(
    host: CliHost, files: Path, refused: Refused, point: str, status: int, code: str, word: str
) -> None:
    assert host("backup").status == 0
    error = refused(status, code, "recover", "--to", point, "--target", "files=out")
    assert word in error.hint
    assert not (host.directory / "out").exists()


def test_an_instant_outside_every_window_and_one_in_a_gap(host: CliHost, servers: Servers, refused: Refused) -> None:
    host.configure(redis_component(servers("valkey")))
    first, second = (host("backup", "--json").result["bases"][0] for _ in range(2))
    error = refused(3, "point-unreachable", "recover", "--to", rfc3339(now()), "--target", "redis=out")
    assert "outside every window" in error.message
    assert f"base:{second['id']}" in error.hint
    error = refused(3, "point-unreachable", "recover", "--to", second["started_at"], "--target", "redis=out")
    assert "gap: no journal was kept" in error.message
    assert f"base:{first['id']}" in error.hint


def test_the_hint_of_a_refused_instant_can_be_typed(host: CliHost, servers: Servers, refused: Refused) -> None:
    host.configure(redis_component(servers("valkey")))
    assert host("backup").status == 0
    error = refused(3, "point-unreachable", "recover", "--to", rfc3339(now()), "--target", "redis=out")
    near = error.hint.removeprefix("the nearest that can be reached: ").partition(";")[0].strip("'")
    assert host("recover", "--to", near, "--target", "redis=out", "--dry-run").status == 0


@pytest.mark.parametrize("verb", ["backup", "doctor", "follow", "points", "list", "recover", "check"])
def test_an_unknown_component_gets_the_nearest_name(host: CliHost, files: Path, refused: Refused, verb: str) -> None:
    error = refused(2, "unknown-name", verb, "flies")
    assert "did you mean 'files'?" in error.message


def test_unknown_verbs_options_and_runs(host: CliHost, files: Path, refused: Refused) -> None:
    assert "Did you mean 'recover'" in refused(2, "usage", "recvoer").message
    assert "--targt" in refused(2, "usage", "recover", "--targt", "x").message
    assert refused(2, "usage", "recover", "--to").hint == "planaria recover --help"
    assert refused(2, "unknown-name", "resume", "2026").hint == "there are none yet"
    assert refused(2, "unknown-name", "show", "zzz").hint == "there are none yet"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--target", "nowhere"), "COMPONENT=WHERE"),
        (("--target", "files=a", "--target", "files=b"), "once a component"),
        (("--target", "flies=a"), "did you mean 'files'?"),
        (("--target", "files=localhost:6379"), "neither a directory nor a URL"),
        (("--plan", "x"), "plans"),
    ],
)
def test_targets_that_say_nothing(
    host: CliHost, files: Path, refused: Refused, arguments: tuple[str, ...], words: str
) -> None:
    error = refused(2, "unknown-name" if "did you mean" in words else "usage", "recover", *arguments)
    assert words in error.message


# the configuration


def test_no_configuration(host: CliHost, refused: Refused) -> None:
    assert "planaria init" in refused(2, "configuration", "status").hint
    assert "elsewhere.yaml" in refused(2, "configuration", "status", "--config", "elsewhere.yaml").message


def test_yaml_that_is_none_and_a_key_that_is_not_known(host: CliHost, files: Path, refused: Refused) -> None:
    whole = host.config.read_text()
    host.config.write_text(whole + "\n  bad: [\n")
    assert "planaria.yaml:" in refused(2, "configuration", "status").message
    host.config.write_text(whole.replace("environment:", "enviroment:"))
    error = refused(2, "configuration", "status")
    assert "did you mean 'environment'?" in error.message + error.hint


def test_a_secret_that_is_missing(host: CliHost, refused: Refused) -> None:
    host.configure("  redis: {driver: redis, url: {env: NO_SUCH_VARIABLE}}\n")
    error = refused(2, "configuration", "backup")
    assert "NO_SUCH_VARIABLE" in error.message


# this host


def test_a_full_disk_under_the_repository(host: CliHost, files: Path) -> None:
    """A limit on file sizes stands for the end of the disk: writing fails, and says so, at the same place."""
    (files / "large").write_bytes(os.urandom(3 << 20))
    told = limited(host, 1 << 20, "backup", "--json")
    assert told.status == 4, told
    error = told.json["errors"][0]
    assert error["code"] == "store-full"
    assert error["hint"]
    assert host("list", "--json").result["bases"] == []


def limited(host: CliHost, largest: int, *arguments: str) -> Told:
    """The program, unable to make files larger than `largest` bytes."""
    command = f"ulimit -f {largest // 1024}; trap '' XFSZ; exec \"$@\""
    return host.program(*arguments, wrapper=("bash", "-c", command, "bash"))


def test_a_full_disk_under_the_target(host: CliHost, files: Path) -> None:
    (files / "large").write_bytes(os.urandom(3 << 20))
    assert host("backup").status == 0
    told = limited(host, 1 << 20, "recover", "--target", "files=out", "--json")
    assert told.status in (1, 4)
    assert told.json["ok"] is False
    assert told.json["errors"][0]["hint"]


def test_a_state_directory_that_cannot_be_made(host: CliHost, files: Path, refused: Refused) -> None:
    assert host("backup").status == 0
    (host.directory / "local").mkdir(exist_ok=True)
    state = host.directory / "local" / "state"
    if state.exists():
        shutil.rmtree(state)
    state.write_text("a file where a directory should be")
    error = refused(1, "failed", "recover", "--target", "files=out")
    assert str(state) in error.message
