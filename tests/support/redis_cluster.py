"""Clusters of real servers."""

from collections.abc import Iterator

import redis

from tests.support.redis_running import poll
from tests.support.redis_server import Server, Servers, free_port

SLOTS = 16384


def cluster(servers: Servers, family: str, *, shards: int = 3, replicas: int = 0) -> list[Server]:
    """Masters first, with the slots shared evenly, then `replicas` of each master in turn; all agree on return."""
    settings = {"cluster-enabled": "yes", "cluster-node-timeout": "2000", "cluster-config-file": "nodes.conf"}
    started = [servers(family, settings=settings, port=free_port(50_000)) for _ in range(shards * (1 + replicas))]
    for number, server in enumerate(started[:shards]):
        with server.client() as client:
            first, last = SLOTS * number // shards, SLOTS * (number + 1) // shards - 1
            command(client, "CLUSTER", "ADDSLOTSRANGE", first, last)
            command(client, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
    with started[0].client() as client:
        for server in started[1:]:
            command(client, "CLUSTER", "MEET", "127.0.0.1", server.port)
    for server in started:
        poll(lambda server=server: len(list(nodes(server))) == len(started), "all nodes to know each other")  # type: ignore[misc]
    for number, server in enumerate(started[shards:]):
        master = started[number % shards]
        with master.client() as client:
            id = command(client, "CLUSTER", "MYID")
        with server.client() as client:
            command(client, "CLUSTER", "REPLICATE", id)
    for server in started:
        poll(lambda server=server: state(server) == "ok", "the cluster to be ok")  # type: ignore[misc]
    for server in started[shards:]:
        poll(lambda server=server: linked(server), "the replicas to be in sync")  # type: ignore[misc]
    return started


def command(client: "redis.Redis", *args: object) -> bytes:
    answer: bytes = client.execute_command(*args)  # type: ignore[no-untyped-call]
    return answer


def nodes(server: Server) -> Iterator[list[str]]:
    with server.client() as client:
        client.response_callbacks.clear()
        for line in command(client, "CLUSTER", "NODES").decode().splitlines():
            yield line.split()


def state(server: Server) -> str:
    with server.client() as client:
        client.response_callbacks.clear()
        text = command(client, "CLUSTER", "INFO").decode()
        return dict(line.split(":", 1) for line in text.split())["cluster_state"]


def linked(server: Server) -> bool:
    with server.client() as client:
        return bool(client.info("replication").get("master_link_status") == "up")


def at(server: Server) -> "redis.RedisCluster":
    return redis.RedisCluster(host="127.0.0.1", port=server.port)
