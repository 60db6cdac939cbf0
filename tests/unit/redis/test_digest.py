"""The fingerprint: the same for the same data, however it is written; another for any other data."""

import random
from dataclasses import replace
from pathlib import Path
from struct import pack
from typing import Any

import pytest
from blake3 import blake3

from planaria.drivers.redis.digest import (
    Digest,
    digest_of_dump,
    digest_of_rdb,
    entry,
    function_entry,
    value_digest,
)
from planaria.drivers.redis.rdb_read import Function, Key, items
from planaria.drivers.redis.rdb_streams import Consumer, Group, Stream
from planaria.drivers.redis.rdb_values import Hash, Module, Value

GOLDEN = Path(__file__).parents[2] / "golden" / "redis"
NAMES = ["redis-6.2.14", "redis-7.0.15", "valkey-9.1.2"]


def keys(name: str) -> list[Key]:
    return [item for item in items([(GOLDEN / f"{name}.rdb").read_bytes()]) if isinstance(item, Key)]


def one(type: str, value: Value, *, db: int = 0, key: bytes = b"k", expire_at: int | None = None) -> str:
    digest = Digest()
    digest.add(db, key, type, expire_at, value)
    return digest.hexdigest()


def test_the_sum_is_what_the_description_says() -> None:
    inner = blake3(b"string\0value").digest()
    outer = blake3(b"key\0" + pack("<IqQ", 3, 1234, 1) + b"k" + inner).digest()
    assert one("string", b"value", db=3, expire_at=1234) == f"{int.from_bytes(outer, 'little'):064x}"
    assert Digest().hexdigest() == "0" * 64


STREAM = Stream(
    {(1, 1): [b"f", b"v"], (1, 2): [b"f", b"v", b"f", b"w"]},
    (1, 2),
    2,
    {b"g": Group((1, 1), 1, {(1, 1): (1000, 2)}, {b"c": Consumer(5, 6, [(1, 1)]), b"d": Consumer(7, 8)})},
)


def changed(**attributes: Any) -> Stream:
    return Stream(STREAM.entries, STREAM.last_id, STREAM.added, {b"g": replace(STREAM.groups[b"g"], **attributes)})


DIFFERENT: list[tuple[str, Value]] = [
    *(("string", b""), ("string", b"a"), ("string", b"a\0"), ("list", [b"a"]), ("set", {b"a"}), ("list", [b"a", b""])),
    *(("list", [b"a", b"b"]), ("list", [b"b", b"a"]), ("list", [b"ab"]), ("set", {b"a", b"b"}), ("set", {b"ab"})),
    *(("hash", Hash({b"a": b"b"})), ("hash", Hash({b"b": b"a"})), ("hash", Hash({b"a": b"b"}, {b"a": 5}))),
    *(("hash", Hash({b"a": b"b"}, {b"a": 6})), ("hash", Hash({b"a": b"b", b"c": b""}))),
    *(
        ("zset", {b"a": 1.0}),
        ("zset", {b"a": 1.0000000000000002}),
        ("zset", {b"a": float("inf")}),
        ("zset", {b"b": 1.0}),
    ),
    *(("zset", {b"a": float("-inf")}), ("zset", {b"a": 0.0}), ("zset", {b"a": 5e-324})),
    *(("stream", STREAM), ("stream", Stream({}, (0, 0))), ("stream", Stream({}, (0, 1)))),
    ("stream", Stream(STREAM.entries, (1, 2))),
    ("stream", Stream({(1, 1): [b"f", b"v"], (1, 2): [b"f", b"v"]}, (1, 2))),
    ("stream", changed(last_id=(1, 2))),
    ("stream", changed(pending={})),
    ("stream", changed(pending={(1, 1): (1001, 2)})),
    ("stream", changed(pending={(1, 1): (1000, 3)})),
    ("stream", changed(consumers={b"c": Consumer(5, 6, [(1, 1)])})),
    ("stream", changed(consumers={b"c": Consumer(5, 6), b"d": Consumer(7, 8, [(1, 1)])})),
    *(
        ("module", Module("one-type-", b"\0")),
        ("module", Module("two-types", b"\0")),
        ("module", Module("one-type-", b"\1\5\0")),
    ),
]


def test_different_values_have_different_digests() -> None:
    found = {value_digest(type, value) for type, value in DIFFERENT}
    assert len(found) == len(DIFFERENT)
    assert {len(one) for one in found} == {32}


@pytest.mark.parametrize(
    ("type", "one", "other"),
    [
        ("zset", {b"a": 0.0, b"b": 1.0}, {b"b": 1.0, b"a": -0.0}),
        ("zset", {b"a": 3.0}, {b"a": 3}),
        ("hash", Hash({b"a": b"1", b"b": b"2"}), {b"b": b"2", b"a": b"1"}),
        ("stream", STREAM, changed(read=None)),
        ("stream", STREAM, changed(consumers={b"d": Consumer(0, 0), b"c": Consumer(0, 0, [(1, 1)])})),
        ("stream", STREAM, Stream(STREAM.entries, STREAM.last_id, None, STREAM.groups)),
    ],
)
def test_what_does_not_count(type: str, one: Value, other: Value) -> None:
    assert value_digest(type, one) == value_digest(type, other)


def test_database_key_and_expiry_count() -> None:
    found = {
        *(one("string", b"v"), one("string", b"v", db=1), one("string", b"v", key=b"k2")),
        *(one("string", b"v", expire_at=0), one("string", b"v", expire_at=1), one("string", b"v", expire_at=-1)),
        *(one("string", b"", key=b"kv"), one("string", b"kv", key=b"")),
    }
    assert len(found) == 8


def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises(ValueError, match="a bytes is no value of type list"):
        value_digest("list", b"text")


def test_a_sum_knows_no_order_and_takes_back_what_it_was_given() -> None:
    everything = keys("redis-7.0.15")
    digest, other = Digest(), Digest()
    for key in everything:
        digest.add(key.db, key.key, key.type, key.expire_at, key.value())
    random.Random(1).shuffle(everything)
    for key in everything[:20]:
        other.add(key.db, key.key, key.type, key.expire_at, key.value())
    rest = Digest()
    for key in everything[20:]:
        rest.add(key.db, key.key, key.type, key.expire_at, key.value())
    other.add(7, b"more", "string", None, b"to be taken away")
    other.remove(7, b"more", "string", None, b"to be taken away")
    other.add_all(rest)
    assert other.hexdigest() == digest.hexdigest()
    rest.remove(0, b"never added", "string", None, b"")
    assert len(rest.hexdigest()) == 64


@pytest.mark.parametrize("name", NAMES)
def test_rdb_dumps_and_values_agree(name: str) -> None:
    data = (GOLDEN / f"{name}.rdb").read_bytes()
    by_value, by_dump = Digest(), Digest()
    for item in items([data]):
        if isinstance(item, Key):
            by_value.add(item.db, item.key, item.type, item.expire_at, item.value())
            by_dump.add_entry(digest_of_dump(item.db, item.key, item.expire_at, item.dump()))
        elif isinstance(item, Function):
            by_value.add_entry(function_entry(item.code))
            by_dump.add_entry(function_entry(item.code))
    whole, counts = digest_of_rdb([data])
    assert by_value.hexdigest() == by_dump.hexdigest() == whole
    assert counts == {0: len(keys(name)) - 1, 3: 1}


def test_encodings_of_another_server_give_the_same() -> None:
    """Lists, sets, sorted sets and hashes of 6.2 are ziplists, of 7.0 listpacks; streams have delivery times."""
    found = []
    for name in NAMES:
        digest = Digest()
        for key in keys(name):
            if key.type != "stream" and key.key != b"hash:expiring":
                digest.add(key.db, key.key, key.type, key.expire_at, key.value())
        found.append(digest.hexdigest())
    assert len(set(found)) == 1


def test_what_has_expired_is_left_out() -> None:
    data = (GOLDEN / "valkey-9.1.2.rdb").read_bytes()
    expiring = {key.key: key.expire_at for key in keys("valkey-9.1.2") if key.expire_at is not None}
    at = expiring[b"string:expiring"] or 0
    expected = Digest()
    for item in items([data]):
        if isinstance(item, Function):
            expected.add_entry(function_entry(item.code))
        elif isinstance(item, Key) and item.key == b"hash:expiring":
            value = item.value()
            assert isinstance(value, Hash)
            assert value.expires == {b"goes": at - 1, b"goes later": at + 4}
            left = Hash({b"stays": b"1", b"goes later": b"3"}, {b"goes later": at + 4})
            expected.add(item.db, item.key, "hash", None, left)
        elif isinstance(item, Key) and item.key != b"string:expiring":
            expected.add(item.db, item.key, item.type, item.expire_at, item.value())
    found, counts = digest_of_rdb([data], at_ms=at)
    assert (found, counts[0]) == (expected.hexdigest(), len(keys("valkey-9.1.2")) - 2)
    assert digest_of_rdb([data], at_ms=at - 2) == digest_of_rdb([data])


def test_a_dump_that_has_expired_counts_nothing() -> None:
    key = next(key for key in keys("valkey-9.1.2") if key.key == b"hash:wide")
    at = key.expire_at or 0
    assert digest_of_dump(0, key.key, at, key.dump(), at_ms=at) == 0
    assert digest_of_dump(0, key.key, at, key.dump(), at_ms=at - 1) == entry(
        0, key.key, at, value_digest("hash", key.value())
    )


def test_a_hash_whose_fields_are_all_gone_counts_nothing() -> None:
    data = b"VALKEY080" + b"\xfe\x00" + b"\x16\x01h\x01\x01f\x01v" + pack("<q", 500) + b"\xff" + bytes(8)
    assert digest_of_rdb([data], at_ms=499)[1] == {0: 1}
    assert digest_of_rdb([data], at_ms=500) == ("0" * 64, {})
