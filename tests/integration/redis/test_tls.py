"""TLS: the same data, and what cannot be trusted is refused."""

from pathlib import Path
from typing import Any

import pytest

from planaria.core.errors import ComponentRefused, ComponentUnavailable, ConfigurationError
from planaria.drivers.contract import MAIN, Recovery, Target
from tests.support.redis_certificates import certificates
from tests.support.redis_data import load, write
from tests.support.redis_running import Run
from tests.support.redis_server import Server, Servers

pytestmark = pytest.mark.redis  # the wheel's Valkey is built without TLS


def secured(servers: Servers, tmp_path: Path, **settings: str) -> Server:
    return servers("redis", tls=certificates(tmp_path / "certificates"), settings=settings)


def with_tls(server: Server, **tls: Any) -> Run:
    return Run({"url": server.url, "tls": tls or {"ca": server.tls["ca"] if server.tls else None}})


def test_follow_and_recover_over_tls(servers: Servers, tmp_path: Path) -> None:
    source = secured(servers, tmp_path)
    run = with_tls(source)
    with source.client() as client:
        load(client)
        with run.following():
            run.await_exact()
            for seed in range(10):
                write(client, seed)
            run.catch_up(source)
    recovery = Recovery(run.archive.bases[0], run.archive.journals, None, latest=True)
    run.driver.restore(recovery, Target(directory=tmp_path / "restored"))
    settings = {"include": str(tmp_path / "restored" / "start.conf")}
    assert servers("redis", settings=settings, directory=tmp_path / "restored").digest() == source.digest()
    assert run.tail().position.offset == run.driver.position()[MAIN].offset


def test_large_values_pass_whole_records_at_a_time(servers: Servers, tmp_path: Path) -> None:
    """TLS hands out bytes that poll knows nothing of."""
    source = secured(servers, tmp_path)
    run = with_tls(source)
    with source.client() as client, run.following():
        run.await_exact()
        for n in range(20):
            client.set(f"large:{n}", b"x" * 3_000_001)
        run.catch_up(source)


def test_a_client_certificate_is_shown(servers: Servers, tmp_path: Path) -> None:
    files = certificates(tmp_path / "certificates")
    source = servers("redis", tls=files)
    with source.client() as client:
        client.config_set("tls-auth-clients", "yes")
    Run({"url": source.url, "tls": files}).driver.base(Run({}).archive)
    with pytest.raises((ComponentRefused, ComponentUnavailable)):
        with_tls(source).driver.base(Run({}).archive)


def test_an_unknown_authority_is_refused(servers: Servers, tmp_path: Path) -> None:
    source = secured(servers, tmp_path)
    other = certificates(tmp_path / "others")
    with pytest.raises(ComponentRefused, match="is not trusted") as refused:
        with_tls(source, ca=other["ca"]).driver.base(Run({}).archive)
    assert "tls.ca" in (refused.value.hint or "")
    Run({"url": source.url, "tls": {"verify": False}}).driver.base(Run({}).archive)


def test_plain_where_tls_is_wanted_and_the_other_way(servers: Servers, tmp_path: Path) -> None:
    secure, plain = secured(servers, tmp_path), servers("redis")
    with pytest.raises(ComponentUnavailable, match="broke") as unavailable:
        Run({"url": f"redis://127.0.0.1:{secure.port}"}).driver.base(Run({}).archive)
    assert "rediss://" in (unavailable.value.hint or "")
    with pytest.raises(ComponentUnavailable, match="did not answer in time") as unavailable:
        Run({"url": f"rediss://127.0.0.1:{plain.port}"}).driver.base(Run({}).archive)
    assert "redis:// or rediss://" in (unavailable.value.hint or "")


def test_missing_files_are_a_matter_of_configuration(servers: Servers, tmp_path: Path) -> None:
    source = secured(servers, tmp_path)
    with pytest.raises(ConfigurationError, match="TLS files of this Redis cannot be used"):
        with_tls(source, ca=str(tmp_path / "no.pem")).driver.base(Run({}).archive)


def test_a_certificate_about_to_end_is_found(servers: Servers, tmp_path: Path) -> None:
    source = servers("redis", tls=certificates(tmp_path / "certificates", days=3))
    findings = {finding.check: finding for finding in with_tls(source).driver.probe()}
    assert findings["certificate"].detail.startswith("ends in 3 days")
    assert findings["certificate"].fix == "renew it"


def test_a_target_that_replicates_by_tls_only_is_refused(servers: Servers, tmp_path: Path) -> None:
    source = secured(servers, tmp_path)
    run = with_tls(source)
    run.driver.base(run.archive)
    target = servers("redis", tls=source.tls)
    with pytest.raises(ComponentRefused, match="replicates by TLS only"):
        run.driver.plan(Recovery(run.archive.bases[0], {}, None), Target(url=target.url))
    with target.client() as client:
        client.config_set("tls-replication", "no")
    restored = run.driver.restore(Recovery(run.archive.bases[0], {}, None), Target(url=target.url))
    assert restored.fingerprint == run.driver.fingerprint(None)
