"""Bundles: many sealed segments, verbatim, in one object, so that a host that cannot decrypt can make them.

`<component>/bundles/<minute|hour|day>/<lineage>/<from>-<to>-<random>`, under the index key (format.md, section 10).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from planaria.core.base import Json
from planaria.core.errors import DamagedData
from planaria.core.windows import Span, merged
from planaria.repository.codec import Decoder, Encoder
from planaria.repository.repository import Repository
from planaria.repository.sealed import (
    SALT,
    Codec,
    Header,
    Kind,
    Opener,
    Sealer,
    SlotKind,
    believe,
    believe_body,
    canonical,
    natural,
    parse_header,
    slots,
    string,
)
from planaria.repository.segments import SegmentFacts, span_of

LIMIT = 16 << 20
"""Bytes of segments in a bundle: what a reader holds at once."""
PART = LIMIT // 2


@dataclass(frozen=True, slots=True)
class BundleFacts:
    """What a bundle's header says: all that windows need, without opening it. `source`: of its last segment."""

    stream: str
    lineage: str
    begin: int
    end: int
    spans: tuple[Span, ...]
    source: Mapping[str, Json]
    count: int


@dataclass(frozen=True, slots=True)
class Member:
    """A segment object inside a bundle."""

    name: str
    data: memoryview


def bundle_name(component: str, level: str, facts: BundleFacts, random_hex: str) -> str:
    return f"{component}/bundles/{level}/{facts.lineage}/{facts.begin:016x}-{facts.end:016x}-{random_hex}"


def summary(stream: str, facts: Sequence[SegmentFacts]) -> BundleFacts:
    """Of segments of one lineage, in journal order."""
    spans = merged(one.span for one in facts)
    ends = [one.span.end for one in facts]
    begin = min(one.span.begin for one in facts)
    return BundleFacts(stream, spans[0].lineage, begin, max(ends), tuple(spans), facts[-1].source, len(facts))


def seal_bundle(
    repository: Repository, component: str, level: str, facts: BundleFacts, members: Sequence[tuple[str, bytes]]
) -> tuple[str, bytes]:
    """(name, object); opened again before it counts."""
    name = bundle_name(component, level, facts, repository.random_hex(4))
    rows: list[dict[str, Any]] = []
    at = 0
    for member, data in members:
        rows.append({"name": member, "at": at, "size": len(data)})
        at += len(data)
    sealed = _sealed(repository, component, name, facts, canonical(rows), b"".join(data for _, data in members))
    back = zip_longest(members, open_bundle(repository, component, name, sealed))
    if not all(one and it and one[0] == it.name and it.data == one[1] for one, it in back):
        raise DamagedData(f"{name} did not decode to what was encoded", object_name=name)
    return name, sealed


def _sealed(
    repository: Repository, component: str, name: str, facts: BundleFacts, contents: bytes, whole: bytes
) -> bytes:
    key, sealer = repository.component(component).index, Sealer(len(whole) + len(contents) + 65536)
    sealer.begin(repository.scope(component, Kind.BUNDLE, name), key, repository.random(SALT))
    codec, payload = Encoder().encode(contents)
    sealer.add(payload, codec=codec, kind=SlotKind.RECORD, plain_size=len(contents))
    for start in range(0, len(whole), PART):
        part = memoryview(whole)[start : start + PART]
        sealer.add(part, codec=Codec.RAW, kind=SlotKind.DATA, plain_size=len(part))
    return sealer.finish_named(_json(facts))


def _json(facts: BundleFacts) -> dict[str, Any]:
    spans = [
        [one.begin, one.end, one.first_at, one.last_at, one.exact, one.reason, list(one.moved) if one.moved else None]
        for one in facts.spans
    ]
    return {
        "stream": facts.stream,
        "from": facts.begin,
        "to": facts.end,
        "spans": spans,
        "source": dict(facts.source),
        "count": facts.count,
    }


def facts_of(header: Header) -> BundleFacts:
    """From a believed header. Raises DamagedData."""
    name, facts = header.scope.name, header.facts
    try:
        lineage, ends = name.split("/")[3:5]
        spans = tuple(span_of(lineage, fields) for fields in facts["spans"])
        begin, end, source = natural(facts["from"]), natural(facts["to"]), facts["source"]
        ours = (min(one.begin for one in spans), max(one.end for one in spans)) == (begin, end)
        if not ours or not ends.startswith(f"{begin:016x}-{end:016x}-") or not isinstance(source, dict):
            raise ValueError
        return BundleFacts(string(facts["stream"]), lineage, begin, end, spans, source, natural(facts["count"]))
    except (KeyError, TypeError, ValueError):
        raise DamagedData(f"{name} has an unreadable header", object_name=name) from None


def believed(repository: Repository, component: str, name: str, data: bytes | memoryview) -> Header:
    """The header of a bundle; `data` may be a beginning of it. Raises DamagedData."""
    header = parse_header(data, name)
    believe(header, repository.component(component).auth, repository.scope(component, Kind.BUNDLE, name), name)
    return header


def open_bundle(repository: Repository, component: str, name: str, data: bytes) -> Iterator[Member]:
    """The segments in it, in journal order, each still sealed. Raises DamagedData."""
    header = believed(repository, component, name, data)
    believe_body(header, data)
    opener, decoder = Opener(header, repository.component(component).index.secret, name), Decoder()
    view, contents, parts = memoryview(data), b"", []
    for slot in slots(view, header.end, name):
        payload = opener.open(slot, view[slot.offset :])
        if slot.kind is SlotKind.END:
            break
        plain = decoder.decode(slot.codec, payload, slot.plain_size, name)
        if slot.kind is SlotKind.RECORD:
            contents = plain
        else:
            parts.append(plain)
    whole = memoryview(parts[0] if len(parts) == 1 else b"".join(parts))
    parts.clear()
    try:
        rows = [(string(row["name"]), natural(row["at"]), natural(row["size"])) for row in json.loads(contents)]
    except (KeyError, TypeError, ValueError, RecursionError):
        raise DamagedData(f"{name} has unreadable contents", object_name=name) from None
    expected = 0
    for member, at, size in rows:
        if at != expected or size <= 0 or at + size > len(whole):
            raise DamagedData(f"{name} has contents that do not add up", object_name=name)
        expected = at + size
        yield Member(member, whole[at:expected])
