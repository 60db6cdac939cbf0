"""Proving the structure: every name, seal, hash and reference of what is small. Needs no identity.

Damage ends nothing: everything wrong goes to the report, by name. Where an object is missed that may only just have
been written or taken away, the store is asked for it once more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import blake3

from planaria.core.errors import DamagedData, ObjectMissing, RepositoryRefused
from planaria.repository.base_reader import BaseReader, PackReader
from planaria.repository.bases import BaseRecord, gone, is_there, read_bases, read_receipts
from planaria.repository.check_report import Report
from planaria.repository.condemned import condemned
from planaria.repository.index import Index, Run, read_run, run_names
from planaria.repository.keys import parse_key_object
from planaria.repository.layout import what_is
from planaria.repository.limits import Limits
from planaria.repository.manifest import ID
from planaria.repository.packs import pack_name
from planaria.repository.records import get_record
from planaria.repository.repository import ROOT, Repository, believe_root, not_ours
from planaria.repository.sealed import Kind


def check_root(repository: Repository, report: Report) -> None:
    """planaria.json, the recovery kit it vouches for, and evidence."""
    store = repository.store
    try:
        kit = believe_root(store.get(ROOT), repository.keys)["kit"]
    except ObjectMissing:
        report.found("missing", "", ROOT, f"{ROOT} is missing")
        return
    except DamagedData as error:
        report.damaged("", error)
        return
    for name, digest in kit.items():
        try:
            if blake3.blake3(store.get(name)).hexdigest() != digest:
                report.found("damaged", "", name, f"{name} is not the file that was put there")
        except ObjectMissing:
            report.found("missing", "", name, f"{name} is missing")
    for info in store.list("recovery-kit/"):
        if info.name not in kit:
            report.found("unknown", "", info.name, f"{ROOT} does not know {info.name}")


def check_runs(repository: Repository, report: Report) -> None:
    for info in repository.store.list("runs/"):
        if what_is(info.name) == "run":
            _record(repository, "", Kind.RUN, info.name, report)


def _record(repository: Repository, component: str, kind: Kind, name: str, report: Report) -> dict[str, object]:
    """The facts of a small object that is proven whole; empty where it is not."""
    try:
        return get_record(repository, component, kind, name).facts
    except DamagedData as error:
        report.damaged(component, error)
    except ObjectMissing:
        report.found("missing", component, name, f"{name} was listed and is missing")
    return {}


def check_keys(repository: Repository, report: Report, *, read: bool) -> None:
    """Every sealed copy of every key; with `read`, that ours opens one copy at least of each key."""
    opened: set[str] = set()
    refused: dict[str, RepositoryRefused] = {}
    for info in repository.store.list("keys/"):
        if what_is(info.name) != "key":
            continue
        try:
            one = parse_key_object(repository.store.get(info.name), info.name, repository=repository.id)
            one.believe(repository.component(one.component).auth)
            if read and repository.identity is not None and one.key_id not in opened:
                if one.open(repository.identity) is not None:
                    opened.add(one.key_id)
                else:
                    refused[one.key_id] = not_ours([one])
        except DamagedData as error:
            report.damaged("", error)
    for key_id in refused.keys() - opened:
        report.damaged("", refused[key_id], f"keys/{key_id}")


@dataclass(frozen=True, slots=True)
class Structure:
    """Of one component. `indexed`: packs that index runs speak of; `marked`: packs found damaged before; `settled`:
    those of them, all of whose chunks are stored elsewhere by now."""

    bases: list[BaseRecord]
    indexed: frozenset[bytes]
    marked: frozenset[bytes]
    settled: frozenset[bytes]


def check_structure(repository: Repository, component: str, report: Report) -> Structure:
    """Leases, receipts, bases and their chain, index runs, marks, manifests; that every reference resolves.

    What refers is read before what it refers to is listed: writers make them in the opposite order.
    """
    _check_leases(repository, component, report)
    receipts, damage = read_receipts(repository, component)
    bases, wrong = read_bases(repository, component)
    for error in (*damage, *wrong):
        report.damaged(component, error)
    for error in gone(repository, receipts, bases, wrong):
        report.found(
            "damaged" if is_there(repository, error.object_name) else "missing",
            component,
            error.object_name,
            error.message,
        )
    _check_chain(repository, bases, wrong, report)
    runs = [run for name in run_names(repository, component) if (run := _run(repository, component, name, report))]
    packs = {info.name: info.size for info in repository.store.list(f"{component}/packs/")}
    _check_sizes(component, runs, packs, report)
    indexed = frozenset(digest for run in runs for digest in run.pack_names())
    marked = _check_marks(repository, component, report)
    missing = {digest for digest in indexed if pack_name(component, digest) not in packs}
    index = Index(tuple(runs), marked | missing)
    needed = _only_there(index)
    for digest in missing & needed:
        name = pack_name(component, digest)
        report.found("missing", component, name, f"{name} is missing, and what it held is stored nowhere else")
    for digest in (marked & needed) - missing:
        name = pack_name(component, digest)
        report.found("damaged", component, name, f"{name} was found damaged, and what it held is stored nowhere else")
    for base in bases:
        _check_base(BaseReader(repository, base, Limits(), index, PackReader(repository, component)), packs, report)
    return Structure(bases, indexed, marked, marked - needed)


def _only_there(index: Index) -> frozenset[bytes]:
    """The unreliable packs that hold a chunk which no other holds."""
    if not index.unreliable:
        return frozenset()
    chunks = (one for run in index.runs for one in run.locations() if one[1].pack in index.unreliable)
    return frozenset(where.pack for prefix, where in chunks if not index.holds(prefix))


def _check_leases(repository: Repository, component: str, report: Report) -> None:
    """Each lease, and that the key it names is there; that a receipt's lease is."""
    store = repository.store
    names = {info.name for info in store.list(f"{component}/sessions/")}
    for name in sorted(names):
        if what_is(name) == "lease":
            key = _record(repository, component, Kind.LEASE, name, report).get("key")
            if key is not None and not any(True for _ in store.list(f"keys/{key}/")):
                report.found("missing", component, f"keys/{key}", f"the data key keys/{key} of {name} is missing")
        elif what_is(name) == "receipt" and (lease := name.removesuffix(".end")) not in names:
            report.found("missing", component, lease, f"{lease} is missing: {name} came after it")


def _check_chain(
    repository: Repository, bases: Sequence[BaseRecord], wrong: Sequence[DamagedData], report: Report
) -> None:
    """Each base names the one before it and its hash."""
    digests, damaged = {base.name: base.digest for base in bases}, {error.object_name for error in wrong}
    for base in bases:
        name, digest = base.previous or (base.name, base.digest)
        if name in digests and digests[name] != digest:
            report.found("damaged", base.component, name, f"{name} is not the object that {base.name} came after")
        elif name not in digests and name not in damaged and not is_there(repository, name):
            report.found("missing", base.component, name, f"{name} is missing: {base.name} came after it")


def _run(repository: Repository, component: str, name: str, report: Report) -> Run | None:
    try:
        return read_run(repository, component, name)
    except DamagedData as error:
        report.damaged(component, error)
    except ObjectMissing:
        report.found("missing", component, name, f"{name} was listed and is missing")
    return None


def _check_sizes(component: str, runs: Sequence[Run], packs: dict[str, int], report: Report) -> None:
    """That the packs which index runs speak of are long enough."""
    for run in runs:
        for _, where in run.locations():
            name = pack_name(component, where.pack)
            if where.offset + where.size > packs.get(name, where.offset + where.size):
                report.found("damaged", component, name, f"{name} is cut short: {run.name} knows more of it")


def _check_marks(repository: Repository, component: str, report: Report) -> frozenset[bytes]:
    """The packs that marks name."""
    for info in repository.store.list(f"{component}/gc/"):
        if what_is(info.name) == "mark":
            _record(repository, component, Kind.MARK, info.name, report)
    return condemned(repository, component)


def _check_base(reader: BaseReader, packs: Mapping[str, int], report: Report) -> None:
    """Its manifest, if that is there. `packs`: name -> size of all that are."""
    record = reader.record
    missing = {pack_name(record.component, piece.location.pack) for piece in record.manifest} - packs.keys()
    for name in missing:
        report.found("missing", record.component, name, f"{name} is missing: it holds the manifest of {record.name}")
    if not missing:
        try:
            _check_manifest(reader)
        except DamagedData as error:
            report.damaged(record.component, error)


def _check_manifest(reader: BaseReader) -> None:
    """That a base's manifest is whole, and that every chunk it names is somewhere. Raises DamagedData."""
    record, files, logical = reader.record, 0, 0
    for filed in reader.filed():
        files, logical = files + 1, logical + filed.entry.size
        for at in range(0, len(filed.chunks), ID):
            chunk = filed.chunks[at : at + ID]
            if not reader.index.holds(chunk):
                where = reader.index.find(chunk)
                what = f"needs {pack_name(record.component, where.pack)}" if where else "needs what no index knows"
                raise DamagedData(f"{record.name} {what}, for {filed.entry.path}", object_name=record.name)
    if (files, logical) != (record.files, record.bytes_logical):
        raise DamagedData(f"the manifest of {record.name} does not add up", object_name=record.name)
