"""Proving a repository: the structure always, the data when asked, oldest-unread first within a budget.

Structure: every name, seal, chain and reference resolves; needs no identity. Data (`read`): every pack, segment and
sealed key is fetched whole, decrypted, decoded and hashed. Damage ends nothing: everything wrong is listed by name.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import blake3

from planaria.core.errors import DamagedData, ObjectMissing, RepositoryRefused
from planaria.repository.base_reader import BaseReader, PackReader
from planaria.repository.bases import BaseRecord, all_bases
from planaria.repository.check_state import CheckState
from planaria.repository.codec import Decoder
from planaria.repository.index import Index, Location, Run, read_run
from planaria.repository.limits import Limits
from planaria.repository.manifest import ID
from planaria.repository.packs import pack_name
from planaria.repository.repository import ROOT, Repository, believe_root, parse_keys
from planaria.repository.sealed import SlotKind, parse_header, slots
from planaria.storage.contract import ObjectInfo

RESERVED = ("keys", "markers", "planaria.json", "probe", "recovery-kit", "runs")
"""First parts of object names that are no component's."""


@dataclass(frozen=True, slots=True)
class Damage:
    object: str
    component: str
    kind: str
    """`missing`, `damaged` or `unproven` (no key here opens it)."""
    detail: str


@dataclass(slots=True)
class Report:
    findings: list[Damage] = field(default_factory=list)
    objects: int = 0
    bytes_read: int = 0
    unread: int = 0
    """Objects that the budget did not reach."""

    def damaged(self, component: str, error: DamagedData | RepositoryRefused, name: str = "") -> None:
        name = name or getattr(error, "object_name", "")
        kind = "unproven" if isinstance(error, RepositoryRefused) else "damaged"
        kind = "missing" if "missing" in error.message or "is gone" in error.message else kind
        finding = Damage(name, component, kind, error.message)
        if finding not in self.findings:
            self.findings.append(finding)


def components(repository: Repository) -> list[str]:
    """Every component that has objects, without listing them all: names may not reach behind `~`."""
    found, after = [], ""
    while (info := next(repository.store.list("", after), None)) is not None:
        first = info.name.partition("/")[0]
        if first not in RESERVED:
            found.append(first)
        after = f"{first}/~"
    return found


def check_root(repository: Repository, report: Report) -> None:
    """planaria.json, the recovery kit, and every sealed key's binding and seal."""
    try:
        root = believe_root(repository.store.get(ROOT), repository.keys)
        for name, digest in root["kit"].items():
            report.objects += 1
            if blake3.blake3(repository.store.get(name)).hexdigest() != digest:
                report.damaged("", DamagedData(f"{name} is damaged", object_name=name))
    except (DamagedData, ObjectMissing, ValueError) as error:
        what = error if isinstance(error, DamagedData) else DamagedData(str(error), object_name=ROOT)
        report.damaged("", what)


def check_keys(repository: Repository, report: Report, *, read: bool) -> None:
    for info in repository.store.list("keys/"):
        report.objects += 1
        try:
            one = parse_keys(repository, info.name)
            if read and repository.identity is not None and one.open(repository.identity) is None:
                raise RepositoryRefused(f"{info.name} is not sealed to the identity configured here")
        except (DamagedData, RepositoryRefused) as error:
            report.damaged("", error, info.name)


def check_structure(repository: Repository, component: str, report: Report) -> None:
    """Index, bases, chains, receipts, manifests, and that every reference resolves."""
    packs = {info.name: info.size for info in repository.store.list(f"{component}/packs/")}
    report.objects += len(packs)
    runs = list(_runs(repository, component, report))
    for run in runs:
        for digest in run.pack_names():
            name = pack_name(component, digest)
            if name not in packs:
                report.damaged(component, DamagedData(f"{name} is missing", object_name=name))
        for _, where in run.locations():
            name = pack_name(component, where.pack)
            if where.offset + where.size > packs.get(name, where.offset + where.size):
                report.damaged(component, DamagedData(f"{name} is cut short", object_name=name))
    bases, damage = all_bases(repository, component)
    report.objects += len(bases)
    for error in damage + list(_chain(bases, repository, component)):
        report.damaged(component, error)
    index = Index(tuple(runs))
    for base in bases:
        reader = BaseReader(repository, base, Limits(), index, PackReader(repository, component))
        try:
            _check_manifest(reader, index, report)
        except DamagedData as error:
            report.damaged(component, error)


def _runs(repository: Repository, component: str, report: Report) -> Iterator[Run]:
    for info in repository.store.list(f"{component}/index/"):
        report.objects += 1
        try:
            yield read_run(repository, component, info.name)
        except DamagedData as error:
            report.damaged(component, error)


def _chain(bases: list[BaseRecord], repository: Repository, component: str) -> Iterator[DamagedData]:
    """Each base names the one before it and its hash."""
    digests = {base.name: base.digest for base in bases}
    for base in bases:
        if base.previous is None:
            continue
        name, digest = base.previous
        if name not in digests:
            yield DamagedData(f"{name} is missing: {base.name} came after it", object_name=name)
        elif digests[name] != digest:
            yield DamagedData(f"{name} is not the object that {base.name} came after", object_name=name)


def _check_manifest(reader: BaseReader, index: Index, report: Report) -> None:
    files = logical = 0
    for filed in reader.filed():
        files, logical = files + 1, logical + filed.entry.size
        for at in range(0, len(filed.chunks), ID):
            if index.find(filed.chunks[at : at + ID]) is None:
                name = reader.record.name
                raise DamagedData(f"{name}: the index lost a chunk of {filed.entry.path}", object_name=name)
    if (files, logical) != (reader.record.files, reader.record.bytes_logical):
        name = reader.record.name
        raise DamagedData(f"the manifest of {name} does not add up", object_name=name)


def check_pack(repository: Repository, component: str, info: ObjectInfo, packs: PackReader) -> int:
    """One pack, read whole: name, seal, every slot, every chunk id. The bytes read. Raises DamagedData …"""
    data = packs.fetch(bytes.fromhex(info.name.rpartition("/")[2]), 0, info.size + 1)
    if blake3.blake3(data).hexdigest() != info.name.rpartition("/")[2]:
        raise DamagedData(f"{info.name} is damaged: its content does not match its name", object_name=info.name)
    pack, view, decoder = bytes.fromhex(info.name.rpartition("/")[2]), memoryview(data), Decoder()
    opener = packs.opener(pack)
    for slot in slots(view, parse_header(data, info.name).end, info.name):
        part = view[slot.offset :]
        if slot.kind is SlotKind.END:
            opener.open(slot, part)
        else:
            packs.chunk(slot.chunk_id, Location(pack, slot.offset, slot.size), part, decoder)
    return len(data)


def check_packs(
    repository: Repository, component: str, report: Report, state: CheckState, go_on: Callable[[], bool]
) -> None:
    """Every pack, the longest unread first, while `go_on`."""
    packs = PackReader(repository, component)
    infos = sorted(repository.store.list(f"{component}/packs/"), key=lambda info: (state.read_at(info.name), info.name))
    for number, info in enumerate(infos):
        if not go_on():
            report.unread += len(infos) - number
            return
        try:
            report.bytes_read += check_pack(repository, component, info, packs)
            state.was_read(info.name, repository.clock.now())
        except (DamagedData, RepositoryRefused) as error:
            report.damaged(component, error, info.name)


def check_memory(repository: Repository, component: str, report: Report, state: CheckState) -> None:
    """Bases that an earlier check saw and that are gone: a repository put back to an older state."""
    present = [info.name for info in repository.store.list(f"{component}/bases/")]
    for name in sorted(state.bases(component) - set(present)):
        report.damaged(component, DamagedData(f"{name} was here at an earlier check and is missing", object_name=name))
    state.saw_bases(component, present)
