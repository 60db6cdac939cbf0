"""However an RDB is cut into pieces or damaged, reading it gives the same, or RdbError."""

from contextlib import suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from planaria.drivers.redis.digest import Digest, digest_of_rdb
from planaria.drivers.redis.rdb import RdbCheck
from planaria.drivers.redis.rdb_filter import filtered
from planaria.drivers.redis.rdb_read import Key, items
from planaria.drivers.redis.rdb_scan import RdbError
from planaria.drivers.redis.rdb_values import parse_dump

GOLDEN = Path(__file__).parents[1] / "golden" / "redis"
DUMPS = [(GOLDEN / f"{name}.rdb").read_bytes() for name in ("redis-6.2.14", "redis-7.0.15", "valkey-9.1.2")]
DUMP = st.sampled_from(DUMPS)
CUTS = st.lists(st.integers(0, 9100), max_size=30).map(sorted)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(DUMP, CUTS)
def test_any_pieces_give_the_same(data: bytes, cuts: list[int]) -> None:
    pieces = cut(data, cuts)
    assert list(items(pieces)) == list(items([data]))
    assert digest_of_rdb(pieces) == digest_of_rdb([data])
    check, whole = RdbCheck(), RdbCheck()
    for piece in pieces:
        check.feed(memoryview(piece))
    whole.feed(data)
    check.finish()
    whole.finish()
    assert (check.aux, check.version, check.magic) == (whole.aux, whole.version, whole.magic)


KINDS = {key.kind: key for data in DUMPS for key in items([data]) if isinstance(key, Key)}
DAMAGE = st.lists(st.tuples(st.integers(9, 9100), st.integers(0, 255)), min_size=1, max_size=4)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(DUMP, DAMAGE, st.none() | st.integers(0, 9100))
def test_damage_is_an_rdb_error_or_other_data(data: bytes, damage: list[tuple[int, int]], end: int | None) -> None:
    damaged = bytearray(data)
    for at, byte in damage:
        damaged[min(at, len(data) - 1)] = byte
    damaged = damaged[:end]
    with suppress(RdbError):
        digest_of_rdb([bytes(damaged)])
    check = RdbCheck()
    try:
        check.feed(damaged)
        check.finish()
    except RdbError:
        return
    assert damaged == data


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.sampled_from(sorted(KINDS)),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=3),
)
def test_damaged_values_of_every_kind_are_an_rdb_error_or_other_values(
    kind: int, damage: list[tuple[int, int]]
) -> None:
    payload = bytearray(KINDS[kind].dump())
    for at, byte in damage:
        payload[at % len(payload)] = byte
    try:
        value = parse_dump(bytes(payload)).value()
    except RdbError:
        return
    Digest().add(0, b"", parse_dump(bytes(payload)).type, None, value)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.sampled_from([b"REDIS0012", b"VALKEY080", b""]), st.binary(max_size=200))
def test_noise_is_an_rdb_error(head: bytes, noise: bytes) -> None:
    try:
        digest_of_rdb([head + noise])
    except RdbError:
        return
    assert head
    assert b"\xff" in noise


@settings(max_examples=60, deadline=None, derandomize=True)
@given(DUMP, CUTS, st.integers(0, 2**80), st.sets(st.sampled_from([0, 3])))
def test_a_filtered_rdb_holds_exactly_the_chosen_keys(data: bytes, cuts: list[int], bits: int, dbs: set[int]) -> None:
    everything = [item for item in items([data]) if isinstance(item, Key)]
    chosen = {key.key for number, key in enumerate(reversed(everything)) if bits >> number & 1}

    def keep(db: int, key: bytes) -> bool:
        return db in dbs and key in chosen

    result = list(filtered(cut(data, cuts), keep))
    found = [item for item in items(result) if isinstance(item, Key)]
    assert found == [key for key in everything if keep(key.db, key.key)]
    check = RdbCheck()
    for piece in result:
        check.feed(piece)
    check.finish()
