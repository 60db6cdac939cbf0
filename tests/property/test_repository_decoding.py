"""Whatever bytes lie where an object should: one of three errors, in bounded memory, and never a wrong answer.

Bytes nobody sealed, objects cut and spliced, and objects whose seals are sound and whose content is nonsense.
"""

import json
import struct
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from planaria.core.errors import DamagedData, ObjectMissing, RepositoryRefused
from planaria.core.position import Position
from planaria.repository import bundles, segments
from planaria.repository.bases import all_bases, base_of
from planaria.repository.check_state import CheckState
from planaria.repository.codec import Decoder
from planaria.repository.condemned import condemned
from planaria.repository.index import load, read_run
from planaria.repository.journal_catalogue import load as load_journals
from planaria.repository.keys import parse_key_object
from planaria.repository.layout import what_is
from planaria.repository.manifest import filed_of, lines
from planaria.repository.records import Record, open_record, put_record, seal_record
from planaria.repository.repository import Repository, believe_root, read_root
from planaria.repository.sealed import MAXIMUM_PLAIN, Codec, Kind, canonical, parse_header, slots
from planaria.storage.memory import MemoryStore
from tests.support.small_repository import FILES, REDIS, Small, check, small

ALLOWED = (DamagedData, RepositoryRefused, ObjectMissing)
BASE = "files/bases/20251015T025130.250000Z-0a1b"
RUN = "files/index/0/00ff"
SEGMENT = "redis/journal/f00d/0000000000000000-0000000000000005-00ff"
BUNDLE = "redis/bundles/hour/f00d/0000000000000000-0000000000000005-00ff"
KEY = "keys/00ff/00ff"


@cache
def whole() -> Small:
    return small(Path("/nonexistent"))


@cache
def repository() -> Repository:
    return whole().opened(whole().store())


def refused(work: Callable[[], object]) -> bool:
    """Did it end in an error that is allowed to?"""
    try:
        work()
    except ALLOWED:
        return True
    return False


def everything(data: bytes) -> list[Callable[[], object]]:
    """All that decodes bytes from a store, each told that these are what it asked for."""
    one = repository()

    def stored(name: str) -> Repository:
        store = MemoryStore(one.clock)
        store.put(name, data)
        return replace(one, store=store)

    return [
        lambda: parse_header(data, "it"),
        lambda: list(slots(memoryview(data), 0, "it")),
        lambda: open_record(one, FILES, Kind.BASE, BASE, data),
        lambda: read_run(stored(RUN), FILES, RUN),
        lambda: segments.open_segment(one, REDIS, SEGMENT, data),
        lambda: list(bundles.open_bundle(one, REDIS, BUNDLE, data)),
        lambda: parse_key_object(data, KEY, repository=one.id).believe(one.component("").auth),
        lambda: believe_root(read_root(stored("planaria.json").store)[1], one.keys),
        lambda: [filed_of(line, "it") for line in lines([data or b"\n"])],
    ]


@given(st.binary(max_size=4096))
@example(b"")
@example(b"PLANARIA")
@example(struct.pack("<8sHHI", b"PLANARIA", 1, 4, 2**32 - 1) + bytes(200))
@example(b"[" * 50_000)
@example(b'{"planaria":"repository","format":1,"id":"00","x":NaN}')
@example(b'{"path":"x","size":1e999,"meta":{}}')
@example(b'{"path":"x","size":-1,"meta":{}}')
@example(b'{"path":"x","size":1,"meta":{},"chunks":5}')
@example(b'{"path":"x","size":1,"meta":{},"sizes":[1e999]}')
def test_bytes_that_nobody_sealed_are_refused_by_everything(data: bytes) -> None:
    assert all(refused(work) for work in everything(data))


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    """(name, other bytes than were sealed under it): flipped, cut, or with a piece of another object in it."""
    name = draw(st.sampled_from(sorted(name for name in whole().objects if what_is(name) not in ("kit", None))))
    data = whole().objects[name]
    other = whole().objects[draw(st.sampled_from(sorted(whole().objects)))]
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        size, since = draw(st.integers(0, 64)), draw(st.integers(0, len(other)))
        data = draw(
            st.sampled_from(
                [
                    data[:at],
                    data[:at] + bytes([data[at] ^ draw(st.integers(1, 255))]) + data[at + 1 :] if data else b"x",
                    data[:at] + other[since : since + size] + data[at + size :],
                    data[:at] + other[since : since + size] + data[at:],
                ]
            )
        )
    return name, data


@given(mutated())
def test_a_check_names_whatever_was_changed_and_ends(changed: tuple[str, bytes]) -> None:
    name, data = changed
    if data == whole().objects[name]:
        return
    store = whole().store({**whole().objects, name: data})
    try:
        opened = whole().opened(store)
    except ALLOWED:
        assert name == "planaria.json" or name.startswith("keys/repository/")
        return
    assert name in {one.object for one in check(opened, state=CheckState()).findings}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=6,
)


def altered(fields: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """`fields` with some values replaced by others, or missing."""
    names = st.sampled_from(sorted(fields))
    replaced = st.dictionaries(names, json_values, max_size=3).map(lambda new: fields | new)
    return st.tuples(replaced, st.sets(names, max_size=2)).map(
        lambda pair: {name: value for name, value in pair[0].items() if name not in pair[1]}
    )


SEGMENT_FACTS: dict[str, Any] = {
    "stream": "main",
    "from": 0,
    "to": 5,
    "first_at": 1,
    "last_at": 2,
    "exact": True,
    "reason": "",
    "moved": [1, 2],
    "previous": None,
    "source": {},
    "hint": None,
}
BUNDLE_FACTS: dict[str, Any] = {
    "stream": "main",
    "from": 0,
    "to": 5,
    "spans": [[0, 5, 1, 2, True, "", [1, 2]]],
    "source": {},
    "count": 1,
}


def header_of(kind: Kind, name: str, facts: dict[str, Any]) -> bytes:
    """An object with sound seals."""
    return seal_record(repository(), REDIS, kind, name, facts, ())


@given(altered(SEGMENT_FACTS))
def test_a_segments_header_makes_sense_or_is_damage(facts: dict[str, Any]) -> None:
    header = parse_header(header_of(Kind.SEGMENT, SEGMENT, facts), SEGMENT)
    if not refused(lambda: segments.facts_of(header)):
        span = segments.facts_of(header).span
        assert (span.lineage, span.begin, span.end) == ("f00d", 0, 5)
        assert refused(lambda: bundles.facts_of(header))


@given(altered(BUNDLE_FACTS))
def test_a_bundles_header_makes_sense_or_is_damage(facts: dict[str, Any]) -> None:
    header = parse_header(header_of(Kind.BUNDLE, BUNDLE, facts), BUNDLE)
    if not refused(lambda: bundles.facts_of(header)):
        found = bundles.facts_of(header)
        assert (found.lineage, found.begin, found.end) == ("f00d", 0, 5)
        assert found.spans


@settings(max_examples=25)
@given(altered(SEGMENT_FACTS), altered(BUNDLE_FACTS), json_values)
def test_nonsense_with_sound_seals_hides_nothing_else(
    segment: dict[str, Any], bundle: dict[str, Any], anything: Any
) -> None:
    store = whole().store()
    one = whole().opened(store)
    before = load_journals(one, REDIS, None).objects
    store.put(SEGMENT, header_of(Kind.SEGMENT, SEGMENT, segment))
    store.put(BUNDLE, header_of(Kind.BUNDLE, BUNDLE, bundle))
    receipt = "files/sessions/20251015T025130.250000Z-00ff.end"
    put_record(one, FILES, Kind.LEASE, receipt, {"base": anything})
    put_record(one, FILES, Kind.BASE, BASE, {"previous": anything}, (canonical(anything),))
    put_record(one, FILES, Kind.INDEX, RUN, {"entries": anything}, (b"x",))
    put_record(one, FILES, Kind.MARK, "files/gc/20251015T025130.250000Z-00ff", {"packs": anything})
    after = {found.name for found in load_journals(one, REDIS, None).objects}
    assert {found.name for found in before} <= after
    bases, damage = all_bases(one, FILES)
    assert {base.name for base in bases} >= {name for name in whole().expected.bases if name.startswith(FILES)}
    assert damage
    assert len(load(one, FILES, None).runs) >= 2
    assert isinstance(condemned(one, FILES), frozenset)
    named = {finding.object for finding in check(one, state=CheckState()).findings}
    assert {BASE, RUN, receipt} <= named


BASE_FIELDS = ("id", "component", "driver", "began_at", "ended_at", "facts", "manifest", "files", "chunks_new")


@given(st.dictionaries(st.sampled_from(BASE_FIELDS), json_values), json_values)
def test_a_base_makes_sense_or_is_damage(fields: dict[str, Any], previous: Any) -> None:
    counts = dict.fromkeys(("bytes_logical", "bytes_stored", "chunks_total", "chunks_new", "files"), 1)
    facts = {"positions": {"main": ["f00d", 5]}, "at": 1, "source": {}, "expectations": {}, "broke": {}}
    sound = {
        "id": "20251015T025130.250000Z-0a1b",
        "component": "files",
        "driver": "d",
        "began_at": 1,
        "ended_at": 2,
        "facts": facts,
    }
    sound |= {"manifest": [], **counts}
    assert base_of(Record(BASE, {"previous": None}, (canonical(sound),), ""), FILES).facts.positions == {
        "main": Position("f00d", 5)
    }
    record = Record(BASE, {"previous": previous}, (canonical(sound | fields),), "")
    refused(lambda: base_of(record, FILES))


@given(st.binary(max_size=300), st.integers(0, 2 * MAXIMUM_PLAIN))
def test_what_does_not_decompress_to_its_size_is_damage(payload: bytes, size: int) -> None:
    for codec in Codec:
        if not refused(lambda codec=codec: Decoder().decode(codec, payload, size, "it")):  # type: ignore[misc]
            assert codec is Codec.ZSTD or len(payload) == size


def test_a_bomb_is_not_unpacked() -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(512 << 20))
    lying = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(64 << 20))
    tracemalloc.start()
    try:
        for payload in (bomb, lying, bomb[:200]):
            for size in (0, 10, MAXIMUM_PLAIN + 1, 512 << 20):
                with pytest.raises(DamagedData):
                    Decoder().decode(Codec.ZSTD, payload, size, "it")
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@given(st.lists(st.binary(max_size=40), max_size=20), st.integers(1, 50))
def test_lines_do_not_depend_on_where_a_manifest_was_cut(parts: list[bytes], size: int) -> None:
    data = b"".join(parts)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    whole_lines = data.split(b"\n")
    assert list(lines(pieces)) == (whole_lines if whole_lines[-1] else whole_lines[:-1])


@given(altered({"path": "x", "size": 3, "meta": {}, "chunks": "A" * 43, "piece": 1 << 20}))
def test_a_line_of_a_manifest_adds_up_or_is_damage(fields: dict[str, Any]) -> None:
    line = json.dumps(fields).encode()
    if not refused(lambda: filed_of(line, "it")):
        filed = filed_of(line, "it")
        assert sum(size for _, _, size in filed.pieces()) == filed.entry.size
        assert all(len(chunk) == 32 and size > 0 for chunk, _, size in filed.pieces())
