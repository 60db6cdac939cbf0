"""What `doctor` is told of a server, and that each thing found wrong comes with what mends it."""

import pytest

from planaria.drivers.contract import Finding
from tests.support.redis_running import BOTH, Run, to_server
from tests.support.redis_server import Servers, free_port


def found(run: Run) -> dict[str, Finding]:
    findings = run.driver.probe()
    for finding in findings:
        assert finding.ok == (finding.fix is None), finding
    return {finding.check: finding for finding in findings}


@pytest.mark.parametrize("family", BOTH)
def test_a_healthy_server_has_nothing_to_mend(servers: Servers, family: str) -> None:
    findings = found(to_server(servers(family)))
    assert all(finding.ok for finding in findings.values()), findings
    assert {"reachable", "version", "rights", "backlog", "clock", "output buffer for replicas"} <= set(findings)
    assert findings["reachable"].detail.startswith(family)


@pytest.mark.parametrize("family", BOTH)
def test_missing_rights_are_named_with_the_command_that_grants_them(servers: Servers, family: str) -> None:
    server = servers(family, settings={"user": "weak on >pw ~* +info +ping +config|get"})
    run = Run({"url": f"redis://weak:pw@127.0.0.1:{server.port}"})
    finding = found(run)["rights"]
    assert finding.detail == "our user may not psync, replconf"
    with server.client() as client:
        client.execute_command(*(finding.fix or "").split())
    assert found(run)["rights"].ok
    run.driver.base(run.archive)


def test_probing_starts_no_synchronisation(servers: Servers) -> None:
    server = servers("valkey")
    found(to_server(server))
    with server.client() as client:
        assert client.info("stats")["sync_full"] == 0


def test_a_small_backlog_and_output_buffer_are_said(servers: Servers) -> None:
    server = servers(
        "valkey", settings={"repl-backlog-size": "16kb", "client-output-buffer-limit": "replica 1mb 1mb 5"}
    )
    with servers.replica_of(server).client() as _, server.client() as client:
        client.set("much", b"x" * 5_000_000)
        findings = found(to_server(server))
    assert "a longer absence of ours costs a new base" in findings["backlog"].detail
    assert (findings["backlog"].fix or "").startswith("CONFIG SET repl-backlog-size ")
    assert "1 MiB, or 1 MiB for 5 s" in findings["output buffer for replicas"].detail


def test_a_replica_cut_off_from_its_master_is_said(servers: Servers) -> None:
    server = servers("valkey", settings={"replicaof": f"127.0.0.1 {free_port()}"})
    assert "cut off from 127.0.0.1" in found(to_server(server))["replication"].detail


def test_no_replica_where_one_is_preferred_is_said(servers: Servers) -> None:
    server = servers("valkey")
    run = to_server(server, prefer_replica=True)
    assert not found(run)["replica"].ok
    servers.replica_of(server)
    assert found(run)["replica"].ok


def test_a_server_that_is_away_is_one_finding() -> None:
    findings = found(Run({"url": f"redis://127.0.0.1:{free_port()}"}))
    assert list(findings) == ["reachable"]
    assert "nothing listens" in findings["reachable"].detail
