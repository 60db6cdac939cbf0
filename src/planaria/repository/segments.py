"""Journal segments: `<component>/journal/<lineage>/<from>-<to>-<random>`, one object a flush (format.md, section 9).

The header's facts are readable by whoever may write, and sealed: continuity, order and tampering show without
decrypting. Stamps and data are under the writer's data key.
"""

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import blake3

from planaria.core.base import Json
from planaria.core.errors import DamagedData
from planaria.core.instant import Instant
from planaria.core.journal import JournalPiece
from planaria.core.position import Position
from planaria.core.windows import Span
from planaria.repository.codec import Decoder, Encoder
from planaria.repository.repository import Repository
from planaria.repository.sealed import (
    SALT,
    Header,
    Kind,
    Opener,
    Sealer,
    SealingKey,
    SlotKind,
    believe,
    believe_body,
    natural,
    parse_header,
    slots,
    string,
)

_STAMP = struct.Struct("<QQ")
_LINEAGE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class SegmentFacts:
    """What a segment's header says. `previous`: BLAKE3 of its writer's segment before it."""

    stream: str
    span: Span
    previous: str | None
    source: Mapping[str, Json]
    hint: Json


def segment_name(component: str, span: Span, random_hex: str) -> str:
    if not _LINEAGE.fullmatch(span.lineage):
        raise ValueError(f"not a lineage: {span.lineage!r}")
    return f"{component}/journal/{span.lineage}/{span.begin:016x}-{span.end:016x}-{random_hex}"


def place_of(name: str) -> tuple[Position, Position]:
    """Where a segment begins and ends, by its name."""
    lineage, ends = name.split("/")[2:4]
    begin, end, _ = ends.split("-")
    return Position(lineage, int(begin, 16)), Position(lineage, int(end, 16))


def seal_segment(
    repository: Repository,
    component: str,
    key: SealingKey,
    sealer: Sealer,
    encoder: Encoder,
    facts: SegmentFacts,
    stamps: Sequence[tuple[Instant, int]],
    data: bytes | bytearray,
) -> tuple[str, bytes]:
    """(name, object); decoded again before it counts."""
    name = segment_name(component, facts.span, repository.random_hex(4))
    sealer.begin(repository.scope(component, Kind.SEGMENT, name), key, repository.random(SALT))
    packed = b"".join(_STAMP.pack(at, offset) for at, offset in stamps)
    codec, payload = encoder.encode(packed)
    sealer.add(payload, codec=codec, kind=SlotKind.STAMPS, plain_size=len(packed))
    if data:
        codec, payload = encoder.encode(data)
        sealer.add(payload, codec=codec, kind=SlotKind.DATA, plain_size=len(data))
    whole = sealer.finish_named(_json(facts))
    piece = _opened(believed(repository, component, name, whole), key.secret, whole)
    if piece.data != data or piece.stamps != tuple(stamps) or piece.offset != facts.span.begin:
        raise DamagedData(f"{name} did not decode to what was encoded", object_name=name)
    return name, whole


def _json(facts: SegmentFacts) -> dict[str, Any]:
    span = facts.span
    return {
        "stream": facts.stream,
        "from": span.begin,
        "to": span.end,
        "first_at": span.first_at,
        "last_at": span.last_at,
        "exact": span.exact,
        "reason": span.reason,
        "moved": list(span.moved) if span.moved else None,
        "previous": facts.previous,
        "source": dict(facts.source),
        "hint": facts.hint,
    }


def facts_of(header: Header) -> SegmentFacts:
    """From a believed header. Raises DamagedData."""
    name, facts = header.scope.name, header.facts
    try:
        lineage, ends = name.split("/")[2:4]
        words = ("from", "to", "first_at", "last_at", "exact", "reason", "moved")
        span = span_of(lineage, [facts[word] for word in words])
        if not ends.startswith(f"{span.begin:016x}-{span.end:016x}-"):
            raise ValueError
        previous, source = facts["previous"], facts["source"]
        if not isinstance(source, dict) or not isinstance(previous, str | None):
            raise ValueError
        return SegmentFacts(string(facts["stream"]), span, previous, source, facts["hint"])
    except (KeyError, TypeError, ValueError):
        raise DamagedData(f"{name} has an unreadable header", object_name=name) from None


def span_of(lineage: str, fields: Sequence[Any]) -> Span:
    """From [from, to, first_at, last_at, exact, reason, moved]. Raises TypeError, ValueError."""
    begin, end, first, last, exact, reason, moved = fields
    arrivals = None
    if moved is not None:
        since, until = moved
        arrivals = Instant(natural(since)), Instant(natural(until))
    if natural(end) < natural(begin) or not isinstance(exact, bool):
        raise ValueError
    return Span(
        lineage,
        begin,
        end,
        Instant(natural(first)),
        Instant(natural(last)),
        exact,
        string(reason),
        arrivals,
    )


def believed(repository: Repository, component: str, name: str, data: bytes | memoryview) -> Header:
    """The header of a segment; `data` may be a beginning of it. Raises DamagedData."""
    header = parse_header(data, name)
    believe(header, repository.component(component).auth, repository.scope(component, Kind.SEGMENT, name), name)
    return header


def open_segment(repository: Repository, component: str, name: str, data: bytes | memoryview) -> JournalPiece:
    """Raises DamagedData, RepositoryRefused where no identity opens its key."""
    return open_believed(repository, component, believed(repository, component, name, data), data)


def open_believed(repository: Repository, component: str, header: Header, data: bytes | memoryview) -> JournalPiece:
    """As `open_segment`, of a segment whose header is believed already."""
    return _opened(header, repository.data_key(component, header.key_id).secret, data)


def _opened(header: Header, secret: bytes, data: bytes | memoryview) -> JournalPiece:
    name = header.scope.name
    believe_body(header, data)
    facts, opener, decoder = facts_of(header), Opener(header, secret, name), Decoder()
    view = memoryview(data)
    stamps, parts = b"", []
    for slot in slots(view, header.end, name):
        payload = opener.open(slot, view[slot.offset :])
        if slot.kind is SlotKind.END:
            break
        plain = decoder.decode(slot.codec, payload, slot.plain_size, name)
        if slot.kind is SlotKind.STAMPS:
            stamps = plain
        else:
            parts.append(plain)
    content = parts[0] if len(parts) == 1 else b"".join(parts)
    if len(content) != facts.span.end - facts.span.begin or len(stamps) % _STAMP.size:
        raise DamagedData(f"{name} does not hold the bytes it speaks of", object_name=name)
    pairs = tuple((Instant(at), offset) for at, offset in _STAMP.iter_unpack(stamps))
    return JournalPiece(facts.span.begin, content, pairs, facts.hint, facts.source)


def digest_of(data: bytes | memoryview) -> str:
    return blake3.blake3(data).hexdigest()
