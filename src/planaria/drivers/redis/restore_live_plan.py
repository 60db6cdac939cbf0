"""What a recovery into a running server would do, decided and refused before the server is touched."""

import contextlib
import json
from collections.abc import Iterator

from planaria.core.errors import ComponentRefused, PlanariaError, SafetyRefusal
from planaria.drivers.contract import Change, Recovery
from planaria.drivers.redis.base import prefix
from planaria.drivers.redis.capture import clustered, keys_per_db, kind_and_version, plain
from planaria.drivers.redis.client import Commands, Info, shown
from planaria.drivers.redis.loadable import loads, oldest
from planaria.drivers.redis.patterns import selection
from planaria.drivers.redis.source import Source

FILES = "recover into a directory instead: --target COMPONENT=/a/directory, and start a server on it"
RIGHTS = "+ping +replicaof +psync +replconf +info +time +config|get +config|set +client|list +module|list"
"""What a recovery into a running server needs of it; psync for its fingerprint."""
_STATIC = {"lua"}
"""Modules that are part of a server."""


def plan_live(recovery: Recovery, target: Source, *, replace: bool) -> list[Change]:
    """Raises SafetyRefusal, ComponentRefused, ComponentUnavailable, UsageError (`--only`); changes nothing."""
    selection(recovery.only)
    if len(recovery.base.facts.positions) > 1:
        raise ComponentRefused("a cluster's shards cannot be recovered into one running server", hint=FILES)
    if target.address.service is not None:
        raise ComponentRefused("a service that Sentinels watch would be turned away from us by them", hint=FILES)
    endpoint = target.address.endpoints[0]
    with Commands(endpoint, target.access) as commands, _hinted():
        server = commands.info("server")
        _able(commands, server, recovery)
        _free(commands)
        keys = keys_per_db(commands.info("keyspace"))
        held = sum(keys.values())
        if held and recovery.only:
            raise SafetyRefusal(
                f"{endpoint} is not empty: it holds {held} keys, and all of them would go for the few asked for",
                hint="recover them into a directory or an empty server, and copy them with MIGRATE or DUMP and RESTORE",
            )
        if held and not replace:
            raise SafetyRefusal(
                f"{endpoint} is not empty: it holds {held} keys",
                hint="say --replace to have all of them replaced, or name another server or a directory",
            )
    kind, version = kind_and_version(server)
    changes = [Change("remove", f"{count} keys of database {db} of {endpoint}") for db, count in sorted(keys.items())]
    (stream,) = recovery.base.facts.positions
    path = f"{prefix(stream)}dump.rdb"
    size = sum(entry.size for entry in recovery.base.entries() if entry.path == path)
    changes.append(
        Change("load", f"the base into {endpoint} ({kind} {version}), which follows this host meanwhile", size)
    )
    if recovery.until is not None or recovery.latest:
        changes.append(Change("replay", "the journal up to the point asked for"))
    changes.append(Change("then", f"REPLICAOF NO ONE at {endpoint}; its settings and users stay as they are"))
    return changes


@contextlib.contextmanager
def _hinted() -> Iterator[None]:
    """Here a missing right is one for a recovery, not for a backup."""
    try:
        yield
    except ComponentRefused as error:
        if "does not let our user" in error.message:
            error.hint = f"ACL SETUSER <user> {RIGHTS}"
        raise


def _able(commands: Commands, server: Info, recovery: Recovery) -> None:
    """Version, databases, modules, mode: can it hold this at all?"""
    facts, endpoint = recovery.base.facts, commands.endpoint
    if clustered(server):
        raise ComponentRefused(f"{endpoint} is part of a cluster, where REPLICAOF is not allowed", hint=FILES)
    kind, version = kind_and_version(server)
    magic, rdb = facts.source["rdb_magic"], int(facts.source["rdb_version"])
    if not loads(kind, version, magic, rdb):
        source = f"{facts.source['kind']} {facts.source['version']}"
        raise ComponentRefused(
            f"{endpoint} runs {kind} {version}, which does not load a base of {source} (RDB version {rdb})",
            hint=f"recover into {oldest(magic, rdb)}",
        )
    databases = int(commands.settings("databases").get("databases", "16"))
    most = max((int(db) for counts in facts.expectations["keys"].values() for db in counts), default=0)
    if most >= databases:
        raise ComponentRefused(
            f"{endpoint} has {databases} databases, the base uses number {most}",
            hint=f"start it with `databases {most + 1}`",
        )
    missing = _modules_of(recovery) - _modules(plain(commands.ask("MODULE", "LIST")))
    if missing:
        raise ComponentRefused(f"{endpoint} lacks the modules {', '.join(sorted(missing))}", hint="load them first")


def _modules_of(recovery: Recovery) -> set[str]:
    path = next((one.path for one in recovery.base.entries() if one.path.endswith("config/modules.json")), None)
    return _modules(json.loads(b"".join(recovery.base.read(path)))) if path else set()


def _modules(listed: list[list[str]]) -> set[str]:
    return {dict(zip(one[::2], one[1::2], strict=False)).get("name", "?") for one in listed} - _STATIC


def _free(commands: Commands) -> None:
    """May it be made our replica, and will nobody object?"""
    endpoint = commands.endpoint
    replication = commands.info("replication")
    if replication.get("role") == "slave":
        master = f"{replication.get('master_host')}:{replication.get('master_port')}"
        raise SafetyRefusal(f"{endpoint} is a replica of {master}", hint="name that master, or REPLICAOF NO ONE first")
    if commands.settings("tls-replication").get("tls-replication") == "yes":
        raise ComponentRefused(
            f"{endpoint} replicates by TLS only, and this host has no certificate for it",
            hint=f"CONFIG SET tls-replication no for the time of the recovery; or {FILES}",
        )
    _entitled(commands, "REPLICAOF", "NO", "ONE")
    _entitled(commands, "CONFIG", "SET", "masterauth", "x")
    clients = shown(commands.ask("CLIENT", "LIST"))
    if " name=sentinel-" in clients:
        raise SafetyRefusal(
            f"a Sentinel watches {endpoint} and would make it follow its old master again",
            hint=f"SENTINEL REMOVE it for the time of the recovery; or {FILES}",
        )


def _entitled(commands: Commands, *command: str) -> None:
    """`ACL DRYRUN` (Redis 7 and Valkey on); where it may not be asked, the command itself will tell."""
    try:
        answer = shown(commands.ask("ACL", "DRYRUN", commands.ask("ACL", "WHOAMI"), *command))
    except PlanariaError:
        return
    if answer != "OK":
        raise ComponentRefused(
            f"{commands.endpoint} does not let our user do this: {answer}",
            hint=f"ACL SETUSER <user> {RIGHTS}",
        )
