"""A host without an identity protects a live server from end to end, and reads nothing back."""

import json
import re

from tests.support.cli_host import CliHost, end, now, redis_component
from tests.support.history import second_host
from tests.support.redis_server import Servers


def writer_beside(host: CliHost) -> CliHost:
    """Another host with the configuration of `host`, and the writer key in place of its identity."""
    other = second_host(host, "writer")
    (other.directory / "planaria-identity").unlink()
    key = other.directory / "writer-key"
    assert host("keys", "writer", str(key)).status == 0
    text = other.config.read_text()
    changed, count = re.subn(r"\bidentity: \{file: [^}]*\}", "writer_key: {file: writer-key}", text)
    assert count == 1
    other.config.write_text(changed)
    return other


def refused(writer: CliHost, *arguments: str) -> str:
    """The one sentence in which the program refuses; it must point at the identity."""
    told = writer.program(*arguments, "--json")
    error = json.loads(told.out)["errors"][0]
    assert told.status in (2, 4), told
    assert "identity" in error["message"] + error["hint"]
    assert "Traceback" not in told.err
    return str(error["message"])


def test_it_backs_up_follows_and_checks_and_reads_nothing_back(host: CliHost, servers: Servers) -> None:
    server = servers("valkey")
    host.configure(redis_component(server))
    writer = writer_beside(host)
    with server.client() as client:
        client.set("early", "base")
        base = writer.program("backup", "--json").result["bases"][0]["id"]
        follower = writer.start("follow", "redis")
        try:
            host.await_followed("redis", now())
            client.set("late", "journal")
            host.await_followed("redis", now())
        finally:
            told = end(follower)
        assert (told.status, "Traceback" in told.err) == (0, False)
    assert writer.program("check", "--json").result["findings"] == []
    assert writer.program("points", "--json").result["components"]["redis"]["windows"]

    target = writer.directory / "restored"
    refused(writer, "recover", "redis", "--target", f"redis={target}")
    refused(writer, "recover", "redis", "--target", f"redis={target}", "--dry-run")
    refused(writer, "check", "--read")
    refused(writer, "export", base, "exported")
    written = [path for folder in (target, writer.directory / "exported") for path in folder.rglob("*")]
    assert [path for path in written if path.is_file() and path.stat().st_size] == []

    found = host.directory / "recovered"
    assert host("recover", "redis", "--target", f"redis={found}").status == 0
    restored = servers("valkey", directory=found, settings={"include": str(found / "start.conf")})
    with restored.client() as client:
        assert (client.get("early"), client.get("late")) == (b"base", b"journal")
