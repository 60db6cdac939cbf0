"""The newest base is damaged: the same instant from an older one over a longer journal, said aloud; no wrong byte."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from planaria.core.instant import rfc3339
from tests.support.cli_host import CliHost, end, now, redis_component
from tests.support.redis_server import Servers, running


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with running(tmp_path) as started:
        yield started


@pytest.fixture
def host(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CliHost:
    monkeypatch.chdir(tmp_path)
    return CliHost(tmp_path, capsys)


def packs(host: CliHost) -> set[Path]:
    return {path for path in (host.directory / "repository" / "redis" / "packs").rglob("*") if path.is_file()}


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def test_an_older_base_and_a_longer_journal_bring_back_the_same_instant(
    host: CliHost, servers: Servers, seed: int
) -> None:
    server = servers("valkey")
    host.configure(redis_component(server))
    follower = host.start("follow")
    with server.client() as client:
        host.await_followed("redis", now())
        older = host("points", "redis", "--json").result["components"]["redis"]["newest_base"]
        known = packs(host)
        for number in range(30):
            client.set(
                f"key:{number}", seed.to_bytes(8, "big") * 20 + bytes(((number + 3) * n) % 251 for n in range(900))
            )
        newer = host("backup", "--json").result["bases"][0]["id"]
        client.set("late", "1")
        host.await_followed("redis", now())  # an instant holds what had arrived by then: let it arrive
        wanted = now()
        host.await_followed("redis", wanted)
        digest = server.digest()
        client.flushall()
    assert end(follower, signal.SIGTERM).status == 0
    own = packs(host) - known
    assert own
    asked = ("recover", "redis", "--to", rfc3339(wanted), "--json")
    assert host(*asked, "--target", "redis=whole").result["components"]["redis"]["base"] == newer
    for pack in own:
        flip(pack, pack.stat().st_size // 2)

    told = host(*asked, "--target", "redis=restored")
    assert (told.result["components"]["redis"]["base"], told.result["components"]["redis"]["state"]) == (older, "done")
    assert f"base {newer} cannot be used" in told.err
    assert "longer journal" in told.err
    restored = servers("valkey", directory=host.directory / "restored", settings={"appendonly": "yes"})
    assert restored.digest() == digest

    (host.directory / "repository" / "redis" / "bases" / newer).unlink()
    told = host(*asked, "--target", "redis=again")
    assert told.result["components"]["redis"]["base"] == older
    assert host("points", "--json").status == 5
    assert newer in host("status").out
