"""Bases of a few small files, one chunk a pack or two: many store calls for little data."""

import random
from functools import partial

from planaria.core.base import BaseFacts, CommittedBase, Entry
from planaria.repository.base_reader import open_base
from planaria.repository.base_writer import BaseWriter
from planaria.repository.bases import all_bases
from planaria.repository.limits import Limits
from planaria.storage.contract import Store
from tests.support.faults import COMPONENT, Place

LIMITS = Limits(workers=1, pack_size=8 << 10, verify_every=1)
FILES = {f"file-{number}": random.Random(number).randbytes(3000) for number in range(12)}
OLD = {"file-old": b"of the base before", **{f"file-{number}": FILES[f"file-{number}"] for number in range(2)}}


def write(place: Place, store: Store, files: dict[str, bytes]) -> CommittedBase:
    place.clock.sleep(1)
    sink = BaseWriter(place.repository(store), COMPONENT, "directory", LIMITS)
    try:
        for path, data in files.items():
            sink.add(Entry(path, len(data)), partial(reads_of, data)).wait()
        return sink.commit(BaseFacts({}, place.clock.now(), {}, {}))
    finally:
        sink.abandon()


def reads_of(data: bytes, buffer: memoryview, offset: int) -> int:
    piece = data[offset : offset + len(buffer)]
    buffer[: len(piece)] = piece
    return len(piece)


def committed(place: Place) -> list[dict[str, bytes]]:
    """Every base there is, whole: reading raises otherwise."""
    bases, damage = all_bases(place.repository(), COMPONENT)
    assert not damage
    views = [open_base(place.repository(), base, Limits()) for base in bases]
    return [{entry.path: b"".join(view.read(entry.path)) for entry in view.entries()} for view in views]
