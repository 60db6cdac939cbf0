"""The commit objects of bases: `<component>/bases/<time>-<random>`. A base exists when its commit object does.

Each names the one before it and that one's hash; each is named by a receipt beside its lease. So a base that was taken
away is noticed, and so is the newest.
"""

import json
from dataclasses import dataclass
from typing import Any

from planaria.core.base import BaseFacts
from planaria.core.errors import DamagedData, PlanariaError
from planaria.core.instant import Instant
from planaria.core.nearest import the_only
from planaria.core.position import Position
from planaria.repository.index import Location
from planaria.repository.records import Record, get_record
from planaria.repository.repository import Repository
from planaria.repository.sealed import Kind, canonical


@dataclass(frozen=True, slots=True)
class ManifestPiece:
    chunk_id: bytes
    location: Location
    plain_size: int


@dataclass(frozen=True, slots=True)
class BaseRecord:
    """A committed base, in words. `digest` is the BLAKE3 of its commit object."""

    id: str
    name: str
    component: str
    driver: str
    began_at: Instant
    ended_at: Instant
    facts: BaseFacts
    manifest: tuple[ManifestPiece, ...]
    bytes_logical: int
    bytes_stored: int
    chunks_total: int
    chunks_new: int
    files: int
    previous: tuple[str, str] | None
    digest: str


def facts_json(facts: BaseFacts) -> dict[str, Any]:
    return {
        "positions": {stream: [at.lineage, at.offset] for stream, at in facts.positions.items()},
        "at": facts.at,
        "source": dict(facts.source),
        "expectations": dict(facts.expectations),
        "broke": dict(facts.broke),
    }


def facts_of(fields: dict[str, Any]) -> BaseFacts:
    positions = {stream: Position(str(at[0]), int(at[1])) for stream, at in fields["positions"].items()}
    return BaseFacts(positions, Instant(fields["at"]), fields["source"], fields["expectations"], fields["broke"])


def record_json(
    *,
    base_id: str,
    component: str,
    driver: str,
    began_at: Instant,
    ended_at: Instant,
    facts: BaseFacts,
    manifest: tuple[ManifestPiece, ...],
    counts: dict[str, int],
) -> bytes:
    """The first part of a commit object."""
    pieces = [
        [one.chunk_id.hex(), one.location.pack.hex(), one.location.offset, one.location.size, one.plain_size]
        for one in manifest
    ]
    fields = {
        "id": base_id,
        "component": component,
        "driver": driver,
        "began_at": began_at,
        "ended_at": ended_at,
        "facts": facts_json(facts),
        "manifest": pieces,
    }
    return canonical(fields | counts)


def base_of(record: Record, component: str) -> BaseRecord:
    """Raises DamagedData."""
    try:
        fields = json.loads(record.parts[0])
        previous = record.facts["previous"]
        pieces = tuple(
            ManifestPiece(bytes.fromhex(chunk), Location(bytes.fromhex(pack), int(offset), int(size)), int(plain))
            for chunk, pack, offset, size, plain in fields["manifest"]
        )
        return BaseRecord(
            id=str(fields["id"]),
            name=record.name,
            component=component,
            driver=str(fields["driver"]),
            began_at=Instant(fields["began_at"]),
            ended_at=Instant(fields["ended_at"]),
            facts=facts_of(fields["facts"]),
            manifest=pieces,
            bytes_logical=int(fields["bytes_logical"]),
            bytes_stored=int(fields["bytes_stored"]),
            chunks_total=int(fields["chunks_total"]),
            chunks_new=int(fields["chunks_new"]),
            files=int(fields["files"]),
            previous=(str(previous[0]), str(previous[1])) if previous else None,
            digest=record.digest,
        )
    except (ValueError, KeyError, TypeError, IndexError):
        raise DamagedData(f"{record.name} is unreadable", object_name=record.name) from None


def read_base(repository: Repository, component: str, name: str) -> BaseRecord:
    """Raises DamagedData, ObjectMissing."""
    return base_of(get_record(repository, component, Kind.BASE, name), component)


def base_names(repository: Repository, component: str) -> list[str]:
    """Oldest first."""
    return [info.name for info in repository.store.list(f"{component}/bases/")]


def all_bases(repository: Repository, component: str) -> tuple[list[BaseRecord], list[DamagedData]]:
    """(the readable ones, oldest first; what is wrong with the others)."""
    bases, damage = [], []
    for name in base_names(repository, component):
        try:
            bases.append(read_base(repository, component, name))
        except DamagedData as error:
            damage.append(error)
    return bases, damage + missing_bases(repository, component)


def newest_base(repository: Repository, component: str) -> BaseRecord | None:
    """The newest readable one: a damaged one is `check`'s to report, and no reason not to take another."""
    for name in reversed(base_names(repository, component)):
        try:
            return read_base(repository, component, name)
        except DamagedData:
            continue
    return None


def missing_bases(repository: Repository, component: str) -> list[DamagedData]:
    """Bases whose receipt says that they were committed, and that are gone or are another object."""
    present, findings = set(base_names(repository, component)), []
    for info in repository.store.list(f"{component}/sessions/"):
        if not info.name.endswith(".end"):
            continue
        try:
            receipt = get_record(repository, component, Kind.LEASE, info.name).facts
            base = str(receipt["base"])
        except PlanariaError as error:
            findings.append(DamagedData(error.message, object_name=info.name))
            continue
        if base not in present:
            findings.append(DamagedData(f"{base} was committed and is missing", object_name=base))
    return findings


def find_base(repository: Repository, component: str, base_id: str) -> BaseRecord:
    """By its id or an unambiguous beginning of it. Raises UnknownName, UsageError."""
    names = {name.rpartition("/")[2]: name for name in base_names(repository, component)}
    return read_base(repository, component, names[the_only(f"base of {component}", base_id, names)])
