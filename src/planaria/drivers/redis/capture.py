"""What is not in an RDB and would be missed: ACL users, settings, functions, modules, the cluster's map.

Every command may be forbidden to us: what is refused is named in the facts and is no failure of the base.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from planaria.core.errors import ComponentRefused
from planaria.drivers.contract import Json
from planaria.drivers.redis.client import Commands, Info, shown


@dataclass(frozen=True, slots=True)
class Captured:
    """`files`: path → content. `refused`: what could not be read, and why."""

    files: dict[str, bytes]
    refused: dict[str, str]


def captured(commands: Commands, *, cluster: bool) -> Captured:
    """Raises ComponentUnavailable when the server goes away."""
    files: dict[str, bytes] = {}
    refused: dict[str, str] = {}

    def take(path: str, read: Callable[[], Json]) -> None:
        try:
            value = read()
        except ComponentRefused as error:
            refused[path] = error.message
        else:
            content = value if isinstance(value, bytes) else json.dumps(value, indent=1, sort_keys=True).encode()
            files[path] = content

    take("config/acl.json", lambda: plain(commands.ask("ACL", "LIST")))
    take("config/settings.json", commands.settings)
    take("config/modules.json", lambda: plain(commands.ask("MODULE", "LIST")))
    take("config/server.json", lambda: dict(commands.info("server")))
    if has_functions(commands.info("server")):
        take("config/functions.json", lambda: plain(commands.ask("FUNCTION", "LIST", "WITHCODE")))
        take("config/functions.dump", lambda: bytes(commands.ask("FUNCTION", "DUMP")))
    if cluster:
        take("config/cluster-nodes.txt", lambda: bytes(commands.ask("CLUSTER", "NODES")))
        take("config/cluster-shards.json", lambda: plain(commands.ask("CLUSTER", "SHARDS")))
    return Captured(files, refused)


def plain(value: Json) -> Json:
    """Bytes inside an answer as text."""
    if isinstance(value, bytes):
        return shown(value)
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value


def kind_and_version(info: Info) -> tuple[str, str]:
    """(`redis` or `valkey`, the version of its own family) from `INFO server`."""
    if "valkey_version" in info or info.get("server_name") == "valkey":
        return "valkey", info.get("valkey_version") or info.get("redis_version", "0")
    return "redis", info.get("redis_version", "0")


def clustered(info: Info) -> bool:
    """Is it part of a cluster, by `INFO server`? Valkey 9 no longer says `redis_mode`."""
    return (info.get("server_mode") or info.get("redis_mode")) == "cluster"


def numbers(version: str) -> tuple[int, ...]:
    """`7.0.15` → (7, 0, 15)."""
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())


def has_functions(info: Info) -> bool:
    kind, version = kind_and_version(info)
    return kind == "valkey" or numbers(version) >= (7,)


def keys_per_db(keyspace: Info) -> dict[str, int]:
    """`INFO keyspace` → {"0": 12, …}."""
    counts = {}
    for name, value in keyspace.items():
        if name.startswith("db") and name[2:].isdigit():
            facts = dict(pair.split("=", 1) for pair in value.split(",") if "=" in pair)
            counts[name[2:]] = int(facts.get("keys", "0"))
    return counts


def announced(info: Info) -> str | None:
    """The version to announce: Valkey 9 sends hash-field TTLs only to a replica whose version is known to have them."""
    kind, version = kind_and_version(info)
    return version if kind == "valkey" and numbers(version) >= (9,) else None
