"""The whole way on a real S3, by the program: made, examined deeply, followed into, proven, recovered from."""

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from planaria.core.instant import rfc3339
from planaria.repository.recipients import new_identity
from tests.support.cli_host import OWN_PLACES, CliHost, end, now, redis_component
from tests.support.proxy import proxy
from tests.support.radosgw import ACCESS_KEY, SECRET_KEY, Radosgw, bucket, radosgw
from tests.support.redis_server import Servers

__all__ = ["bucket", "radosgw"]
pytestmark = pytest.mark.radosgw


@pytest.fixture
def on_s3(host: CliHost, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], None]:
    """Configures the host: endpoint, bucket, components."""
    text, recipient = new_identity(secrets.token_bytes)
    (host.directory / "identity").write_text(text)
    (host.directory / "identity").chmod(0o600)
    for name, value in (("KEY_OF_TESTS", ACCESS_KEY), ("SECRET_OF_TESTS", SECRET_KEY)):
        monkeypatch.setenv(name, value)

    def configure(endpoint: str, bucket: str, components: str) -> None:
        host.config.write_text(
            f"environment: demo\nrepository:\n  url: s3://{bucket}/company/demo\n  endpoint: {endpoint}\n"
            "  region: us-east-1\n  path_style: true\n  allow_http: true\n  sse: {kms_key: testkey-1}\n"
            "  credentials: {access_key: {env: KEY_OF_TESTS}, secret_key: {env: SECRET_OF_TESTS}}\n"
            f"  identity: {{file: identity}}\n  recipients: ['{recipient.text}']\ncomponents:\n{components}{OWN_PLACES}"
        )

    return configure


def test_a_server_is_followed_into_a_bucket_and_comes_back_from_it(
    host: CliHost,
    servers: Servers,
    radosgw: Radosgw,
    bucket: Callable[[], str],
    on_s3: Callable[[str, str, str], None],
) -> None:
    server = servers("valkey")
    on_s3(radosgw.endpoint, bucket(), redis_component(server))
    assert host("init").status == 0
    follower = host.start("follow", "redis")
    try:
        host.await_followed("redis", now())
        with server.client() as client:
            client.set("wanted", "yes")
            host.await_followed("redis", now())
            wanted = now()  # the write has arrived by now: what is behind is not at its mercy
            host.await_followed("redis", wanted)
            client.set("unwanted", "yes")
        host.await_followed("redis", now())
    finally:
        assert end(follower).status == 0
    server.kill()

    examined = host("doctor", "--deep", "--json").json["result"]["findings"]
    deep = [one for one in examined if one["check"].startswith("store: ")]
    assert len(deep) > 10
    assert [one for one in examined if one["about"] == "repository" and not one["ok"]] == []
    assert host("check", "--read", "--json").result["findings"] == []

    target = host.directory / "restored"
    assert host("recover", "redis", "--to", rfc3339(wanted), "--target", f"redis={target}").status == 0
    restored = servers("valkey", directory=target, settings={"include": str(target / "start.conf")})
    with restored.client() as client:
        assert (client.get("wanted"), client.get("unwanted")) == (b"yes", None)


def test_a_bucket_that_is_away_or_refuses_is_said_in_one_sentence(
    host: CliHost,
    radosgw: Radosgw,
    bucket: Callable[[], str],
    on_s3: Callable[[str, str, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (host.directory / "files").mkdir()
    name = bucket()
    on_s3(radosgw.endpoint, name, "  files: {driver: directory, path: files}\n")
    assert host("init").status == 0
    monkeypatch.setenv("SECRET_OF_TESTS", "hunter2")
    refused = host("backup", "--json")
    assert (refused.status, refused.json["errors"][0]["code"]) == (4, "store-refused")
    assert "hunter2" not in refused.out + refused.err
    monkeypatch.setenv("SECRET_OF_TESTS", SECRET_KEY)
    on_s3(radosgw.endpoint, "no-such-bucket", "  files: {driver: directory, path: files}\n")
    missing = host("backup", "--json")
    assert (missing.status, "no-such-bucket" in missing.json["errors"][0]["message"]) == (4, True)


def test_a_recovery_survives_connections_that_are_cut_in_the_middle(
    host: CliHost, radosgw: Radosgw, bucket: Callable[[], str], on_s3: Callable[[str, str, str], None]
) -> None:
    (host.directory / "files").mkdir()
    content = secrets.token_bytes(20 << 20)
    (host.directory / "files" / "large").write_bytes(content)
    name, components = bucket(), "  files: {driver: directory, path: files}\n"
    on_s3(radosgw.endpoint, name, components)
    assert [host("init").status, host("backup").status] == [0, 0]
    with proxy(radosgw.port) as between:
        on_s3(f"http://127.0.0.1:{between.port}", name, components)
        between.cut_after += [20_000] * 6
        assert host("recover", "--target", f"files={Path('back')}").status == 0
        assert between.cuts >= 2
    assert (host.directory / "back" / "large").read_bytes() == content
