"""Small named objects: bases, index runs, leases, evidence. Sealed, decoded before they count, written once."""

from dataclasses import dataclass
from typing import Any

import blake3

from planaria.core.errors import DamagedData
from planaria.repository.codec import Decoder, Encoder
from planaria.repository.repository import Repository
from planaria.repository.sealed import (
    SALT,
    Header,
    Kind,
    Opener,
    Sealer,
    SlotKind,
    believe,
    believe_body,
    parse_header,
    slots,
)


@dataclass(frozen=True, slots=True)
class Record:
    """An opened object: its header's facts and its slots' plain bytes. `digest` is the BLAKE3 of the whole object."""

    name: str
    facts: dict[str, Any]
    parts: tuple[bytes, ...]
    digest: str


def seal_record(
    repository: Repository, component: str, kind: Kind, name: str, facts: dict[str, Any], parts: tuple[bytes, ...]
) -> bytes:
    """The object under the component's index key, decoded again before it counts."""
    key = repository.component(component).index
    capacity = 4096 + sum(len(part) for part in parts)
    sealer = Sealer(capacity)
    sealer.begin(repository.scope(component, kind, name), key, repository.random(SALT))
    encoder = Encoder()
    for part in parts:
        codec, payload = encoder.encode(part)
        sealer.add(payload, codec=codec, kind=SlotKind.RECORD, plain_size=len(part))
    data = sealer.finish_named(facts)
    back = open_record(repository, component, kind, name, data)
    if back.parts != parts or back.facts != facts:
        raise DamagedData(f"{name} did not decode to what was encoded", object_name=name)
    return data


def put_record(
    repository: Repository, component: str, kind: Kind, name: str, facts: dict[str, Any], parts: tuple[bytes, ...] = ()
) -> bytes:
    """Seal and store; the object's bytes."""
    data = seal_record(repository, component, kind, name, facts, parts)
    repository.store.put(name, data)
    return data


def open_record(repository: Repository, component: str, kind: Kind, name: str, data: bytes) -> Record:
    """Raises DamagedData naming the object."""
    header = believed_header(repository, component, kind, name, data)
    believe_body(header, data)
    opener, decoder, parts = Opener(header, repository.component(component).index.secret, name), Decoder(), []
    view = memoryview(data)
    for slot in slots(view, header.end, name):
        payload = opener.open(slot, view[slot.offset :])
        if slot.kind is not SlotKind.END:
            parts.append(decoder.decode(slot.codec, payload, slot.plain_size, name))
    return Record(name, header.facts, tuple(parts), blake3.blake3(data).hexdigest())


def believed_header(repository: Repository, component: str, kind: Kind, name: str, data: bytes) -> Header:
    header = parse_header(data, name)
    believe(header, repository.component(component).auth, repository.scope(component, kind, name), name)
    return header


def get_record(repository: Repository, component: str, kind: Kind, name: str) -> Record:
    """Raises ObjectMissing, DamagedData."""
    return open_record(repository, component, kind, name, repository.store.get(name))
