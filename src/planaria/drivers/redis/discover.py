"""Which servers hold the data now: one alone, the one that Sentinel names, or every shard of a cluster.

`CLUSTER NODES` is the same from Redis 6.2 to 8 and Valkey 7.2 to 9: `<id> <ip:port@bus[,host]> <flags>
<master> <ping> <pong> <epoch> <link> <slot>…`, a slot on its way being `[93-<-node]` or `[93->-node]`; the port is that
of the asker's kind of connection, TLS or plain (redis/redis src/cluster_legacy.c: clusterGenNodeDescription).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from planaria.core.errors import ComponentRefused, ComponentUnavailable, PlanariaError
from planaria.drivers.contract import MAIN
from planaria.drivers.redis.capture import clustered
from planaria.drivers.redis.client import Commands, shown
from planaria.drivers.redis.endpoint import Endpoint, dial
from planaria.drivers.redis.source import Source


@dataclass(frozen=True, slots=True)
class Shard:
    """One stream's servers. `names`: of a cluster the node ids, the master's first; else the stream's own."""

    names: tuple[str, ...]
    master: Endpoint
    replicas: tuple[Endpoint, ...] = ()
    slots: tuple[tuple[int, int], ...] = ()
    moving: tuple[str, ...] = ()
    """Slots on their way from or to this shard, as the server writes them."""


def by_stream(found: list[Shard], known: Mapping[str, Sequence[str]]) -> dict[str, Shard]:
    """Stream → shard. A shard keeps its stream when another of its nodes has become its master.

    `known`: stream → the nodes of its shard when last seen. A new shard's stream is named after its master.
    """
    named = {}
    for shard in found:
        name = shard.names[0]
        named[next((stream for stream, nodes in known.items() if name in nodes), name)] = shard
    return named


def settled(source: Source) -> Source:
    """With `cluster` known. Raises ComponentUnavailable, ComponentRefused."""
    if source.address.service is not None:
        return replace(source, cluster=False)
    if source.access.tls is not None:
        dial(source.address.endpoints[0], source.access).close()  # says at once if no TLS is spoken there
    if source.cluster is not None:
        return source
    with Commands(source.address.endpoints[0], source.access) as commands:
        return replace(source, cluster=clustered(commands.info("server")))


def shards(source: Source) -> list[Shard]:
    """Ordered by first slot. Raises ComponentUnavailable, ComponentRefused."""
    if source.address.service is not None:
        return [_sentinel(source, source.address.service)]
    endpoint = source.address.endpoints[0]
    if not source.cluster:
        return [Shard((MAIN,), endpoint, _replicas(source, endpoint) if source.prefer_replica else ())]
    with Commands(endpoint, source.access) as commands:
        found = parse_nodes(shown(commands.ask("CLUSTER", "NODES")), endpoint)
    if not any(one.slots for one in found):
        raise ComponentRefused(f"{endpoint} is in a cluster that owns no slots", hint="redis-cli --cluster create …")
    return found


def chosen(source: Source, shard: Shard) -> Endpoint:
    """The server to follow: a replica where one is preferred and there is one."""
    return shard.replicas[0] if source.prefer_replica and shard.replicas else shard.master


def _replicas(source: Source, endpoint: Endpoint) -> tuple[Endpoint, ...]:
    """Replicas that a master knows by address and that are in sync."""
    with Commands(endpoint, source.access) as commands:
        info = commands.info("replication")
    found = []
    for name, value in info.items():
        if name.startswith("slave") and name[5:].isdigit():
            facts = dict(pair.split("=", 1) for pair in value.split(",") if "=" in pair)
            if facts.get("state") == "online" and facts.get("port", "0") != "0":
                found.append(Endpoint(facts["ip"], int(facts["port"])))
    return tuple(sorted(found))


def _sentinel(source: Source, service: str) -> Shard:
    """Asks one Sentinel after the other."""
    failures: list[str] = []
    for endpoint in source.address.endpoints:
        try:
            with Commands(endpoint, source.sentinels) as commands:
                return _asked(commands, service)
        except PlanariaError as error:
            failures.append(error.message)
    raise ComponentUnavailable(
        f"no Sentinel could name the master of {service}: {'; '.join(failures)}",
        hint="compare with `redis-cli -p 26379 SENTINEL MASTERS`",
    )


def _asked(commands: Commands, service: str) -> Shard:
    answer = commands.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", service)
    if not answer:
        raise ComponentRefused(f"{commands.endpoint} knows no service {service}")
    replicas = []
    for flat in commands.ask("SENTINEL", "REPLICAS", service):
        words = [shown(one) for one in flat]
        facts = dict(zip(words[::2], words[1::2], strict=True))
        down = {"s_down", "o_down", "disconnected"} & set(facts.get("flags", "").split(","))
        if not down and facts.get("master-link-status") == "ok" and facts.get("port", "0") != "0":
            replicas.append(Endpoint(facts["ip"], int(facts["port"])))
    return Shard((MAIN,), Endpoint(shown(answer[0]), int(answer[1])), tuple(sorted(replicas)))


@dataclass(frozen=True, slots=True)
class _Node:
    id: str
    endpoint: Endpoint
    flags: frozenset[str]
    master: str
    slots: tuple[tuple[int, int], ...]
    moving: tuple[str, ...]


def parse_nodes(text: str, asked: Endpoint) -> list[Shard]:
    """Masters with slots or replicas, from `CLUSTER NODES`; `asked` is what an empty address means."""
    nodes = [_node(line.split(" "), asked) for line in text.splitlines() if line.strip()]
    found = []
    for node in nodes:
        if "master" not in node.flags or {"handshake", "noaddr"} & node.flags:
            continue
        mine = [one for one in nodes if one.master == node.id]
        if not node.slots and not mine:
            continue
        healthy = [one.endpoint for one in mine if not {"fail", "fail?", "noaddr"} & one.flags]
        names = [node.id] + [one.id for one in mine]
        found.append(Shard(tuple(names), node.endpoint, tuple(sorted(healthy)), node.slots, node.moving))
    return sorted(found, key=lambda shard: shard.slots[:1])


def _node(words: list[str], asked: Endpoint) -> _Node:
    address, _, _ = words[1].partition(",")
    place, _, _ = address.partition("@")
    host, _, port = place.rpartition(":")
    slots, moving = [], []
    for word in words[8:]:
        if word.startswith("["):
            moving.append(word.strip("[]"))
        elif word:
            first, _, last = word.partition("-")
            slots.append((int(first), int(last or first)))
    master = words[3] if words[3] != "-" else ""
    endpoint = Endpoint(host or asked.host, int(port))
    return _Node(words[0], endpoint, frozenset(words[2].split(",")), master, tuple(slots), tuple(moving))
