"""Proving the journals: every segment whole, every chain unbroken, every base connected. Needs no identity.

Each object is read whole once and remembered with its size and time; `--read` reads it again in its turn.
"""

import base64
import binascii
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from planaria.core.errors import DamagedData, ObjectMissing
from planaria.core.position import Position
from planaria.core.windows import end_of
from planaria.repository import bundles, segments
from planaria.repository.bases import BaseRecord
from planaria.repository.check_report import Report, Wrong
from planaria.repository.check_state import CheckState
from planaria.repository.journal_catalogue import Catalogue, load
from planaria.repository.layout import what_is
from planaria.repository.repository import Repository
from planaria.repository.sealed import Header, believe_body
from planaria.storage.contract import ObjectInfo

_LINK = struct.Struct("<16s16sQQ")
_NONE = bytes(16)
Finding = tuple[Wrong, str, str]
"""(kind, object, what is wrong)."""


@dataclass(frozen=True, slots=True)
class Link:
    """A segment in its writer's chain: the beginnings of its BLAKE3 and of its predecessor's (zeros: it has none)."""

    digest: bytes
    previous: bytes
    begin: int
    end: int


def prove(repository: Repository, component: str, info: ObjectInfo, *, read: bool) -> tuple[int, list[Link]]:
    """(bytes, links) of a segment, or of all in a bundle; decrypted and decoded too with `read`.

    Raises DamagedData, ObjectMissing; with `read` RepositoryRefused.
    """
    name, data = info.name, repository.store.get(info.name)
    if what_is(name) == "segment":
        header = segments.believed(repository, component, name, data)
        return len(data), [_link(repository, component, header, data, read=read)]
    facts = bundles.facts_of(bundles.believed(repository, component, name, data))
    links, held = list[Link](), list[segments.SegmentFacts]()
    for member in bundles.open_bundle(repository, component, name, data):
        try:
            header = segments.believed(repository, component, member.name, member.data)
            links.append(_link(repository, component, header, member.data, read=read))
            held.append(segments.facts_of(header))
        except DamagedData as error:
            if error.object_name != member.name:
                raise  # its key
            raise DamagedData(f"{error.message} (in {name})", object_name=name) from None
    streams = {(one.stream, one.span.lineage) for one in held}
    if streams != {(facts.stream, facts.lineage)} or bundles.summary(facts.stream, held) != facts:
        raise DamagedData(f"{name} does not hold what its header says", object_name=name)
    return len(data), links


def _link(repository: Repository, component: str, header: Header, data: bytes | memoryview, *, read: bool) -> Link:
    name, facts = header.scope.name, segments.facts_of(header)
    believe_body(header, data)
    if read:
        piece = segments.open_believed(repository, component, header, data)
        ends = [at for _, at in piece.stamps]
        if ends != sorted(ends) or any(not facts.span.begin <= at <= facts.span.end for at in ends):
            raise DamagedData(f"{name} has stamps that lie outside of it", object_name=name)
    try:
        previous = bytes.fromhex(facts.previous or "")[:16] or _NONE
    except (TypeError, ValueError):
        raise DamagedData(f"{name} has an unreadable header", object_name=name) from None
    return Link(bytes.fromhex(segments.digest_of(data))[:16], previous, facts.span.begin, facts.span.end)


def remember(state: CheckState, info: ObjectInfo, links: Iterable[Link]) -> None:
    packed = b"".join(_LINK.pack(one.digest, one.previous, one.begin, one.end) for one in links)
    state.journals[info.name] = [info.size, info.modified_at, base64.b64encode(packed).decode()]


def _known(state: CheckState, info: ObjectInfo) -> list[Link] | None:
    """What was found in this very object earlier."""
    kept = state.journals.get(info.name)
    if kept is None or kept[:2] != [info.size, info.modified_at]:
        return None
    return _links(kept)


def _links(kept: Sequence[object]) -> list[Link] | None:
    try:
        return [Link(*fields) for fields in _LINK.iter_unpack(base64.b64decode(str(kept[2])))]
    except (binascii.Error, struct.error, IndexError):
        return None


def journal_infos(repository: Repository, component: str) -> list[ObjectInfo]:
    """Every segment and bundle."""
    listed = (*repository.store.list(f"{component}/journal/"), *repository.store.list(f"{component}/bundles/"))
    return [info for info in listed if what_is(info.name) in ("segment", "bundle")]


@dataclass(slots=True)
class _Chains:
    """All links of a component. `broken`: ends of what could not be read, whose successors are not to blame."""

    listed: set[str] = field(default_factory=set)
    links: dict[str, list[Link]] = field(default_factory=dict)
    broken: set[tuple[str, int]] = field(default_factory=set)
    complete: bool = True

    def findings(self) -> Iterator[Finding]:
        """Each object that holds a segment without its predecessor."""
        ends = {link.digest: link.end for links in self.links.values() for link in links}
        for name, links in self.links.items():
            for link in links:
                if link.previous == _NONE or (_lineage(name), link.begin) in self.broken:
                    continue
                if link.previous not in ends and self.complete:
                    yield "missing", name, f"{name} continues a segment that ended at {link.begin} and is missing"
                elif ends.get(link.previous, link.begin) != link.begin:
                    what = f"{name} begins at {link.begin}, and the segment before it ended elsewhere"
                    yield "damaged", name, what


def _lineage(name: str) -> str:
    return name.split("/")[-2]


def check_journals(
    repository: Repository,
    component: str,
    bases: Sequence[BaseRecord],
    report: Report,
    state: CheckState,
    go_on: Callable[[], bool],
) -> None:
    """Reads what no check has read yet, while `go_on`; what was there at an earlier check must be in some object.

    A listing may be behind: what seems to be wrong is said if a second one says the same.
    """
    chains = _Chains()
    for _ in range(2):
        _gather(repository, component, chains, report, state, go_on)
        catalogue = load(repository, component, None)
        found = [*chains.findings(), *_lost(component, chains, state), *_holes(bases, catalogue, chains)]
        if not found or not chains.complete:
            break
    for kind, name, what in found:
        report.found(kind, component, name, what)
    for error in catalogue.damage:
        if what_is(error.object_name) is not None:
            report.damaged(component, error)


def _gather(
    repository: Repository,
    component: str,
    chains: _Chains,
    report: Report,
    state: CheckState,
    go_on: Callable[[], bool],
) -> None:
    for info in journal_infos(repository, component):
        chains.listed.add(info.name)
        if info.name in chains.links:
            continue
        links = _known(state, info)
        if links is None and not go_on():
            chains.complete = False
            report.left(info.name)
            continue
        try:
            if links is None:
                size, links = prove(repository, component, info, read=False)
                report.bytes_read += size
                remember(state, info, links)
            chains.links[info.name] = links
        except DamagedData as error:
            report.damaged(component, error)
            chains.broken.add((_lineage(info.name), _end(info.name)))
        except ObjectMissing:
            continue  # swept: a bundle holds it, or the chain tells


def _end(name: str) -> int:
    return int(name.rpartition("/")[2].split("-")[1], 16)


def _lost(component: str, chains: _Chains, state: CheckState) -> Iterator[Finding]:
    """Segments that an earlier check found, and that are in no object any more. What only moved is forgotten."""
    present = {link.digest for links in chains.links.values() for link in links}
    for name, kept in state.journals_of((f"{component}/journal/", f"{component}/bundles/")).items():
        if name in chains.listed:
            continue
        lost = [link for link in _links(kept) or () if link.digest not in present]
        if not lost:
            del state.journals[name]
        elif chains.complete:
            end = max(link.end for link in lost)
            yield "missing", name, f"{name} was here at an earlier check; what it held up to offset {end} is missing"


def _holes(bases: Sequence[BaseRecord], catalogue: Catalogue, chains: _Chains) -> Iterator[Finding]:
    """Bases from which the journal does not go on without a hole, nor begins anew with a later base that says why.

    A hole left by an object that cannot be read has been said already.
    """
    streams = catalogue.streams()
    for base in bases:
        for stream, start in base.facts.positions.items():
            spans = [span for span in streams.get(stream, []) if span.lineage == start.lineage]
            end, _ = end_of(start, spans)
            behind = min((span.begin for span in spans if span.begin > end.offset), default=None)
            if behind is None or (start.lineage, behind) in chains.broken:
                continue
            if not _begun_anew(stream, start, end, behind, bases):
                what = f"the journal after {base.name} has a hole from {end} to {behind} that nothing explains"
                yield "missing", base.name, what


def _begun_anew(stream: str, start: Position, end: Position, behind: int, bases: Sequence[BaseRecord]) -> bool:
    """Did the journal begin again with a base in the hole, which says why, or before which there was none?"""
    return any(
        at.lineage == end.lineage and end.offset < at.offset <= behind and (stream in other.facts.broke or end == start)
        for other in bases
        if (at := other.facts.positions.get(stream)) is not None
    )
