"""Any files, in any pack size and with any number of workers: the base that is read is the one that was written."""

import random
from functools import partial
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from planaria.core.base import BaseFacts, Entry
from planaria.repository.base_reader import open_base
from planaria.repository.base_writer import BaseWriter
from planaria.repository.bases import all_bases
from planaria.repository.limits import Limits
from planaria.repository.manifest import PIECE
from planaria.storage.memory import MemoryStore
from tests.support.clocks import ManualClock
from tests.support.faults import COMPONENT, Place
from tests.support.small_bases import reads_of

sizes = st.one_of(st.integers(0, 5000), st.sampled_from((PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 7)))
files = st.lists(st.tuples(sizes, st.integers(0, 3), st.sampled_from(("add", "stream", "drop"))), max_size=8)


def made_of(size: int, seed: int) -> bytes:
    """Seed 0 compresses well; equal seeds share their beginnings, and so their chunks."""
    return bytes(size) if seed == 0 else random.Random(seed).randbytes(size)


@settings(max_examples=40)
@given(files, st.sampled_from((4096, 100_000, 2 * PIECE)), st.integers(1, 3), st.integers(0, 3))
def test_what_was_committed_is_read(
    wanted: list[tuple[int, int, str]], pack_size: int, workers: int, verify_every: int
) -> None:
    clock = ManualClock()
    place = Place(MemoryStore(clock), Path(), clock)
    limits = Limits(workers=workers, pack_size=pack_size, verify_every=verify_every)
    expected: list[dict[str, bytes]] = []
    for part in (wanted, wanted[::-1]):
        clock.advance(1)
        sink, held = BaseWriter(place.repository(), COMPONENT, "directory", limits), dict[str, bytes]()
        for number, (size, seed, how) in enumerate(part):
            data, path = made_of(size, seed), f"file-{number}"
            if how == "stream":
                sink.stream(Entry(path, 0), [data[: size // 2], data[size // 2 :]])
                held[path] = data
                continue
            pending = sink.add(Entry(path, size), partial(reads_of, data))
            if how == "drop":
                pending.wait()
                pending.drop()
            else:
                held[path] = data
        sink.commit(BaseFacts({}, clock.now(), {}, {}))
        expected.append(held)
    bases, damage = all_bases(place.repository(), COMPONENT)
    assert not damage
    for base, held in zip(bases, expected, strict=True):
        view = open_base(place.repository(), base, Limits())
        assert {entry.path: b"".join(view.read(entry.path)) for entry in view.entries()} == held
        assert base.bytes_logical == sum(map(len, held.values()))
