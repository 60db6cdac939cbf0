"""What a recovery into a directory would do, decided and refused before anything is touched."""

import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from planaria.core.base import BaseFacts
from planaria.core.errors import SafetyRefusal, StoreFull
from planaria.drivers.contract import MAIN, Change, Recovery
from planaria.drivers.redis import aof
from planaria.drivers.redis.base import prefix
from planaria.drivers.redis.capture import numbers
from planaria.drivers.redis.patterns import selection
from planaria.drivers.redis.replay import whole

STAGING = ".planaria-restoring"
DATA_NAMES = ("dump.rdb", aof.DIRECTORY, aof.FILE_NAME, "start.conf", "planaria", "nodes.conf")
"""What a restore may replace; everything else in the directory is left alone."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where one stream's files go, below `folder`. `journal` None: the base alone."""

    folder: Path
    root: Path
    """The directory as the server will know it."""
    base: str
    journal: str | None
    manifest: aof.Manifest | None


def layout_of(recovery: Recovery, stream: str, directory: Path) -> Layout:
    folder = Path() if stream == MAIN else Path(stream)
    root = (directory / folder).absolute()
    if not whole(recovery):
        return Layout(folder, root, "dump.rdb", None, None)
    if single_file(recovery.base.facts):
        return Layout(folder, root, aof.FILE_NAME, aof.FILE_NAME, None)
    manifest = aof.restored()
    names = [f"{aof.DIRECTORY}/{file.name}" for file in manifest.files]
    return Layout(folder, root, names[0], names[1], manifest)


def single_file(facts: BaseFacts) -> bool:
    """Before Redis 7 there is one append-only file; Redis 7 still takes it."""
    return facts.source["kind"] == "redis" and numbers(facts.source["version"]) < (7,)


def plan_files(recovery: Recovery, directory: Path, *, replace: bool) -> list[Change]:
    """Raises SafetyRefusal, StoreFull, UsageError; changes nothing."""
    selection(recovery.only)
    if directory.exists() and not directory.is_dir():
        raise SafetyRefusal(f"{directory} exists and is not a directory", hint="name a new directory")
    present = sorted(path.name for path in directory.iterdir()) if directory.exists() else []
    present = [name for name in present if name not in ("lost+found", STAGING)]
    if present and not replace:
        hint = "name a new directory, or say --replace: only the server's data files are replaced"
        raise SafetyRefusal(f"{directory} is not empty: it holds {', '.join(present[:3])}", hint=hint)
    layouts = {stream: layout_of(recovery, stream, directory) for stream in recovery.base.facts.positions}
    for layout in layouts.values():
        _unused(layout.root)
    size = sum(entry.size for entry in recovery.base.entries())
    _fits(directory, size)
    changes = []
    for stream, layout in layouts.items():
        changes += _replaced(layout)
        own = prefix(stream)
        bytes_ = sum(entry.size for entry in recovery.base.entries() if entry.path.startswith(own))
        what = layout.base if layout.journal in (None, layout.base) else f"{layout.base} and {layout.journal}"
        changes.append(Change("write", f"{layout.root}/{what}", bytes_))
        changes.append(Change("then start", f"{_program(recovery.base.facts)} {layout.root}/start.conf"))
    if len(layouts) > 1:
        changes.append(Change("then join", "CLUSTER MEET each of the others, at any one of them; add replicas last"))
    return changes


def _program(facts: BaseFacts) -> str:
    return f"{facts.source['kind']}-server (version {facts.source['version']} or later of its family)"


def _replaced(layout: Layout) -> list[Change]:
    return [
        Change("remove", str(layout.root / name), _size(layout.root / name))
        for name in DATA_NAMES
        if (layout.root / name).exists()
    ]


def _size(path: Path) -> int:
    return sum(_size(one) for one in path.iterdir()) if path.is_dir() else path.stat().st_size


def _fits(directory: Path, size: int) -> None:
    """The base at least: how long the journal is shows when it is read."""
    existing = directory.absolute()
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if size > free:
        raise StoreFull(
            f"{directory} has {free >> 20} MiB free, the base alone needs {size >> 20} MiB", hint="choose another place"
        )


def _unused(directory: Path) -> None:
    """A server changes into its directory: one that runs there would write over what we restore."""
    for one in Path("/proc").glob("[0-9]*/cwd"):
        try:
            used = one.readlink() == directory
            name = (one.parent / "comm").read_text().strip() if used else ""
        except OSError:
            continue  # ended meanwhile, or not ours to see
        if re.search("redis|valkey|keydb", name):
            raise SafetyRefusal(f"{name} (pid {one.parent.name}) is running in {directory}", hint="stop it first")


def users_file(acl: bytes | None) -> bytes:
    """`ACL LIST` as an aclfile, which has the same lines; nothing when it was not captured."""
    return "".join(f"{line}\n" for line in json.loads(acl)).encode() if acl else b""


def start_file(layout: Layout, facts: BaseFacts, captured: Mapping[str, bytes], *, users: bool) -> bytes:
    """A configuration that loads what was restored; the source's own settings lie beside, in `planaria/`."""
    settings: dict[str, str] = json.loads(captured.get("settings.json", b"{}"))
    modules = json.loads(captured.get("modules.json", b"[]"))
    lines = [f"# {facts.source['kind']} {facts.source['version']}; all its settings: planaria/settings.json"]
    lines.append(f"dir {_quoted(layout.root)}")
    if layout.journal:
        options = aof.server_options()
        if layout.manifest is None:
            del options["appenddirname"]
        lines += [f"{name} {value}" for name, value in options.items()]
    else:
        lines += ["# with appendonly yes it would start empty; then: CONFIG SET appendonly yes", "appendonly no"]
        lines.append('dbfilename "dump.rdb"')
    lines += [f"{name} {settings[name]}" for name in ("databases", "proto-max-bulk-len") if settings.get(name)]
    if facts.source["cluster"]:
        lines += ["cluster-enabled yes", "cluster-config-file nodes.conf"]
    if users:
        lines += ["# the users as they were:", f"aclfile {_quoted(layout.root / 'planaria/users.acl')}"]
    lines += [f"# loadmodule …  (the source had {_module(one)})" for one in modules]
    return ("\n".join(lines) + "\n").encode()


def nodes_file(facts: BaseFacts, stream: str) -> bytes:
    """A cluster's map with this node alone, its slots included, under a name that no living node has.

    `<id> <ip:port@bus> <flags> <master> <ping> <pong> <epoch> <link> <slot>…`; the server puts its own address there
    (redis/redis src/cluster_legacy.c: clusterLoadConfig). The nodes find each other by CLUSTER MEET.
    """
    slots = " ".join(f"{first}-{last}" for first, last in facts.source["slots"][stream])
    epoch = 1 + list(facts.source["slots"]).index(stream)  # a different one for each: two nodes must not share any
    node = secrets.token_hex(20)
    head = f"{node} 127.0.0.1:0@0 myself,master - 0 0 {epoch} connected {slots}"
    return f"{head}\nvars currentEpoch {epoch} lastVoteEpoch 0\n".encode()


def _module(flat: list[object]) -> str:
    facts = dict(zip(flat[::2], flat[1::2], strict=False))
    return f"{facts.get('name')} {facts.get('ver')} from {facts.get('path', 'its package')}"


def _quoted(path: Path) -> str:
    text = os.fspath(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
