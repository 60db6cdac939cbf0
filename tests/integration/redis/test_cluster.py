"""Clusters: a stream for each shard, one directory for each, slots that move, masters that die."""

from pathlib import Path

import pytest

from planaria.core.errors import ComponentRefused, SafetyRefusal
from planaria.core.position import Position
from planaria.drivers.contract import Recovery, Target
from tests.support.redis_cluster import at, cluster, command, nodes, state
from tests.support.redis_running import BOTH, Run, offset_of, poll, to_server
from tests.support.redis_server import Server, Servers, free_port


def fill(server: Server, tag: str, count: int = 300) -> None:
    with at(server) as client:
        for n in range(count):
            client.set(f"{tag}:{n}", n)
            client.rpush(f"list:{n % 20}", tag)


def streams(run: Run) -> dict[int, str]:
    """First slot → stream."""
    slots = run.archive.bases[-1].facts.source["slots"]
    return {ranges[0][0]: stream for stream, ranges in slots.items()}


@pytest.mark.parametrize("family", BOTH)
def test_every_shard_comes_back_into_a_directory_of_its_own(servers: Servers, tmp_path: Path, family: str) -> None:
    masters = cluster(servers, family)
    run = to_server(masters[0])
    fill(masters[0], "base")
    with run.following():
        run.await_base()
        fill(masters[0], "journal")
        named = [stream for _, stream in sorted(streams(run).items())]
        until = {}
        for stream, master in zip(named, masters, strict=True):
            offset = run.catch_up(master, stream)
            until[stream] = Position(run.tail(stream).position.lineage, offset)
        digests = [master.digest() for master in masters]
        fill(masters[0], "later")
        for stream, master in zip(named, masters, strict=True):
            run.catch_up(master, stream)

    assert len(run.archive.bases) == 1
    recovery = Recovery(run.archive.bases[0], run.archive.journals, until)
    restored = run.driver.restore(recovery, Target(directory=tmp_path / "restored"))
    assert restored.positions == until
    started = []
    for stream, digest in zip(named, digests, strict=True):
        directory = tmp_path / "restored" / stream
        settings = {"include": str(directory / "start.conf")}
        started.append(servers(family, settings=settings, directory=directory, port=free_port(50_000)))
        assert started[-1].digest() == digest
    with started[0].client() as client:
        for other in started[1:]:
            command(client, "CLUSTER", "MEET", "127.0.0.1", other.port)
    poll(lambda: all(state(server) == "ok" for server in started), "the restored cluster to be whole")
    with at(started[0]) as client:
        assert client.get("journal:7") == b"7"
        assert client.get("later:7") is None
        client.set("anywhere", "1")
    with pytest.raises(ComponentRefused, match="shards cannot be recovered into one running server"):
        run.driver.plan(recovery, Target(url=servers(family).url))


@pytest.mark.parametrize("family", BOTH)
def test_a_promoted_replica_keeps_its_shards_stream(servers: Servers, family: str) -> None:
    started = cluster(servers, family, replicas=1)
    masters, replicas = started[:3], started[3:]
    run = to_server(masters[1])
    with run.following():
        run.await_base()
        fill(masters[1], "base")
        lost = streams(run)[0]
        run.catch_up(masters[0], lost)
        poll(lambda: offset_of(replicas[0]) >= offset_of(masters[0]), "the replica to be level")
        bases = len(run.archive.bases)
        masters[0].kill()
        poll(lambda: role(replicas[0]) == "master", "the failover", 30)
        poll(lambda: slots_of(replicas[0]), "the others to agree", 30)
        fill(masters[1], "after")
        run.catch_up(replicas[0], lost)
    assert len(run.archive.bases) == bases, run.warnings
    assert set(run.archive.journals) == set(streams(run).values())


def role(server: Server) -> str:
    with server.client() as client:
        return str(client.info("replication")["role"])


def slots_of(server: Server) -> bool:
    """Do its peers say that it owns slots?"""
    return all(
        any(f":{server.port}@" in words[1] and "master" in words[2] and len(words) > 8 for words in nodes(peer))
        for peer in (server,)
    )


def test_slots_on_the_move_are_refused_for_a_base(servers: Servers) -> None:
    masters = cluster(servers, "valkey")
    with masters[0].client() as one, masters[1].client() as other:
        for client in (one, other):
            client.response_callbacks.clear()
        giving, taking = command(one, "CLUSTER", "MYID"), command(other, "CLUSTER", "MYID")
        command(other, "CLUSTER", "SETSLOT", 1, "IMPORTING", giving)
        command(one, "CLUSTER", "SETSLOT", 1, "MIGRATING", taking)
    run = to_server(masters[0])
    with pytest.raises(SafetyRefusal, match="slots are being moved between shards"):
        run.driver.base(run.archive)
    finding = next(one for one in run.driver.probe() if one.check == "cluster")
    assert "slots are being moved" in finding.detail


def test_the_whole_cluster_has_one_fingerprint(servers: Servers) -> None:
    masters = cluster(servers, "valkey")
    fill(masters[0], "base")
    one = to_server(masters[0]).driver.fingerprint(None)
    assert one == to_server(masters[2]).driver.fingerprint(None)
    with at(masters[0]) as client:
        client.set("another", "1")
    assert to_server(masters[0]).driver.fingerprint(None) != one


def test_probe_looks_at_every_shard(servers: Servers) -> None:
    masters = cluster(servers, "valkey")
    findings = to_server(masters[0]).driver.probe()
    assert {f"reachable of 127.0.0.1:{master.port}" for master in masters} <= {one.check for one in findings}
    assert next(one for one in findings if one.check == "cluster").detail == "3 shards hold all slots"
    assert set(to_server(masters[0]).driver.position())
