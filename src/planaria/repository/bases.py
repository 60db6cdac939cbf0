"""The commit objects of bases: `<component>/bases/<time>-<random>`. A base exists when its commit object does.

Each names the one before it and that one's hash; each is named by a receipt beside its lease. So a base that was taken
away is noticed, and so is the newest.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from planaria.core.base import BaseFacts
from planaria.core.errors import DamagedData, ObjectMissing
from planaria.core.instant import Instant
from planaria.core.nearest import the_only
from planaria.core.position import Position
from planaria.repository.index import Location
from planaria.repository.layout import what_is
from planaria.repository.records import Record, get_record
from planaria.repository.repository import Repository
from planaria.repository.sealed import Kind, canonical, natural, string


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
    """Raises KeyError, TypeError, ValueError, AttributeError."""
    positions = {
        stream: Position(string(lineage), natural(at)) for stream, (lineage, at) in fields["positions"].items()
    }
    broke = {stream: string(reason) for stream, reason in fields["broke"].items()}
    source, expectations = dict(fields["source"].items()), dict(fields["expectations"].items())
    return BaseFacts(positions, Instant(natural(fields["at"])), source, expectations, broke)


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
            ManifestPiece(_digest(chunk), Location(_digest(pack), natural(offset), natural(size)), natural(plain))
            for chunk, pack, offset, size, plain in fields["manifest"]
        )
        if fields["id"] != record.name.rpartition("/")[2] or fields["component"] != component:
            raise ValueError
        return BaseRecord(
            id=string(fields["id"]),
            name=record.name,
            component=component,
            driver=string(fields["driver"]),
            began_at=Instant(natural(fields["began_at"])),
            ended_at=Instant(natural(fields["ended_at"])),
            facts=facts_of(fields["facts"]),
            manifest=pieces,
            bytes_logical=natural(fields["bytes_logical"]),
            bytes_stored=natural(fields["bytes_stored"]),
            chunks_total=natural(fields["chunks_total"]),
            chunks_new=natural(fields["chunks_new"]),
            files=natural(fields["files"]),
            previous=None if previous is None else (string(previous[0]), string(previous[1])),
            digest=record.digest,
        )
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        raise DamagedData(f"{record.name} is unreadable", object_name=record.name) from None


def _digest(hexadecimal: str) -> bytes:
    digest = bytes.fromhex(hexadecimal)
    if len(digest) != 32:
        raise ValueError
    return digest


def read_base(repository: Repository, component: str, name: str) -> BaseRecord:
    """Raises DamagedData, ObjectMissing."""
    return base_of(get_record(repository, component, Kind.BASE, name), component)


def base_names(repository: Repository, component: str) -> list[str]:
    """Oldest first."""
    return [info.name for info in repository.store.list(f"{component}/bases/") if what_is(info.name) == "base"]


def all_bases(repository: Repository, component: str) -> tuple[list[BaseRecord], list[DamagedData]]:
    """(the readable ones, oldest first; what is wrong with the others, and which are gone)."""
    receipts, damage = read_receipts(repository, component)  # first: what they name was there before them
    bases, wrong = read_bases(repository, component)
    return bases, [*damage, *wrong, *gone(repository, receipts, bases, wrong)]


def read_bases(repository: Repository, component: str) -> tuple[list[BaseRecord], list[DamagedData]]:
    """(the readable ones, oldest first; what is wrong with the others)."""
    bases, damage = list[BaseRecord](), list[DamagedData]()
    for name in base_names(repository, component):
        try:
            bases.append(read_base(repository, component, name))
        except DamagedData as error:
            damage.append(error)
    return bases, damage


def newest_base(repository: Repository, component: str) -> BaseRecord | None:
    """The newest readable one: a damaged one is `check`'s to report, and no reason not to take another."""
    for name in reversed(base_names(repository, component)):
        try:
            return read_base(repository, component, name)
        except DamagedData:
            continue
    return None


def read_receipts(repository: Repository, component: str) -> tuple[dict[str, str], list[DamagedData]]:
    """(the bases that were committed, each with the BLAKE3 of its commit object; what is wrong with other receipts)."""
    receipts, damage = dict[str, str](), list[DamagedData]()
    for info in repository.store.list(f"{component}/sessions/"):
        if what_is(info.name) == "receipt":
            try:
                facts = get_record(repository, component, Kind.LEASE, info.name).facts
            except DamagedData as error:
                damage.append(error)
                continue
            base, digest = facts.get("base"), facts.get("hash")
            if isinstance(base, str) and what_is(base) == "base" and isinstance(digest, str):
                receipts[base] = digest
            else:
                damage.append(DamagedData(f"{info.name} names no base", object_name=info.name))
    return receipts, damage


def gone(
    repository: Repository, receipts: Mapping[str, str], bases: Sequence[BaseRecord], damage: Sequence[DamagedData]
) -> list[DamagedData]:
    """Bases whose receipts say that they were committed, and that are missing or another object."""
    digests, named, found = {one.name: one.digest for one in bases}, {error.object_name for error in damage}, []
    for name, digest in receipts.items():
        if name not in digests and name not in named and not is_there(repository, name):
            found.append(DamagedData(f"{name} was committed and is missing", object_name=name))
        elif digests.get(name, digest) != digest:
            found.append(DamagedData(f"{name} is not the object that was committed", object_name=name))
    return found


def is_there(repository: Repository, name: str) -> bool:
    """Asked of one object: a listing may be behind."""
    try:
        repository.store.head(name)
    except ObjectMissing:
        return False
    return True


def find_base(repository: Repository, component: str, base_id: str) -> BaseRecord:
    """By its id or an unambiguous beginning of it. Raises UnknownName, UsageError."""
    names = {name.rpartition("/")[2]: name for name in base_names(repository, component)}
    return read_base(repository, component, names[the_only(f"base of {component}", base_id, names)])
