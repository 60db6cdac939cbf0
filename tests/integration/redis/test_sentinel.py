"""Sentinel: the master by name, replicas preferred, failovers followed."""

import pytest

from planaria.core.errors import ComponentRefused, ComponentUnavailable
from planaria.drivers.contract import MAIN
from tests.support.redis_data import write
from tests.support.redis_running import BOTH, Run, offset_of, poll
from tests.support.redis_server import Server, Servers, free_port


def watching(servers: Servers, master: Server) -> Server:
    watched = [
        f"monitor memory 127.0.0.1 {master.port} 1",
        "down-after-milliseconds memory 600",
        "failover-timeout memory 3000",
    ]
    return servers(master.family, settings={"sentinel": watched}, sentinel=True)


def told_replicas(sentinel: Server) -> int:
    with sentinel.client() as client:
        known = client.sentinel_slaves("memory")
        return len([one for one in known if one["port"] and one.get("master-link-status") == "ok"])


@pytest.mark.parametrize("family", BOTH)
def test_a_failover_is_followed_without_a_new_base(servers: Servers, family: str) -> None:
    master = servers(family)
    replica = servers.replica_of(master)
    sentinel = watching(servers, master)
    poll(lambda: told_replicas(sentinel), "the Sentinel to know the replica", 30)
    gone = free_port()
    run = Run({"url": f"redis+sentinel://127.0.0.1:{gone},127.0.0.1:{sentinel.port}/memory"})
    with run.following():
        run.await_exact()
        with master.client() as client:
            write(client, 1)
        everything = run.catch_up(master)
        poll(lambda: offset_of(replica) >= everything, "the replica has what its master has")
        lineage = run.tail().position.lineage
        master.kill()
        poll(lambda: role(replica) == "master", "the failover", 60)
        with replica.client() as client:
            write(client, 2)
        run.catch_up(replica)
    assert len(run.archive.bases) == 1
    assert run.tail().position.lineage == lineage
    assert run.tail().source["address"] == f"127.0.0.1:{replica.port}"


def role(server: Server) -> str:
    with server.client() as client:
        return str(client.info("replication")["role"])


def test_a_replica_is_read_where_one_is_preferred(servers: Servers) -> None:
    master = servers("valkey")
    replica = servers.replica_of(master)
    sentinel = watching(servers, master)
    poll(lambda: told_replicas(sentinel), "the Sentinel to know the replica", 30)
    run = Run({"url": f"redis+sentinel://127.0.0.1:{sentinel.port}/memory", "prefer_replica": True})
    with run.following(), master.client() as client:
        run.await_exact()
        client.set("a", "1")
        run.catch_up(master)
        with replica.client() as other:
            assert other.info("replication")["connected_slaves"] == 1
        assert client.info("replication")["connected_slaves"] == 1, "the replica, and nobody else"
    assert run.tail().source["address"] == f"127.0.0.1:{replica.port}"
    assert run.tail(MAIN).position == run.driver.position()[MAIN]


def test_the_follower_is_no_candidate_for_promotion(servers: Servers) -> None:
    """It tells no listening-port, so a Sentinel knows no address of it that could answer."""
    master = servers("valkey")
    sentinel = watching(servers, master)
    run = Run({"url": f"redis+sentinel://127.0.0.1:{sentinel.port}/memory"})
    with run.following(), master.client() as client:
        run.await_exact()
        assert client.info("replication")["slave0"]["port"] == 0


def test_a_service_that_no_sentinel_knows(servers: Servers) -> None:
    sentinel = watching(servers, servers("valkey"))
    run = Run({"url": f"redis+sentinel://127.0.0.1:{sentinel.port}/other"})
    with pytest.raises((ComponentUnavailable, ComponentRefused), match="knows no service other"):
        run.driver.base(run.archive)
