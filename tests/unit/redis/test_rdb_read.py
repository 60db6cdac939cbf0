"""Dumps of real servers decode to what those servers answered."""

import json
from pathlib import Path
from typing import Any

import pytest

from planaria.drivers.redis.crc import crc64
from planaria.drivers.redis.rdb import RdbCheck
from planaria.drivers.redis.rdb_read import Aux, End, Function, Head, Hint, Key, SelectDb, items
from planaria.drivers.redis.rdb_scan import Kind, RdbError
from planaria.drivers.redis.rdb_values import parse_dump
from tests.support.redis_answers import plain
from tests.support.redis_zoo import LIBRARY

GOLDEN = Path(__file__).parents[2] / "golden" / "redis"
NAMES = ["redis-6.2.14", "redis-7.0.15", "valkey-9.1.2"]


def dump(name: str) -> bytes:
    return (GOLDEN / f"{name}.rdb").read_bytes()


def expected(name: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = json.loads((GOLDEN / f"{name}.json").read_text())
    return found


def without_times(value: Any) -> Any:
    """A consumer's own times: XINFO does not tell the one of the other in every version."""
    if isinstance(value, dict):
        return {name: without_times(one) for name, one in value.items() if name not in ("seen", "active")}
    return value


@pytest.mark.parametrize("name", NAMES)
def test_every_value_is_what_the_server_answered(name: str) -> None:
    answers = expected(name)
    keys = [item for item in items([dump(name)]) if isinstance(item, Key)]
    assert len(keys) == len(answers)
    for key in keys:
        kind, expiry, value = answers[f"{key.db} {key.key.decode('latin-1')}"]
        assert key.type == kind
        assert without_times(plain(key.value())) == without_times(value), key.key
        if expiry is not None:
            assert (-1 if key.expire_at is None else key.expire_at) == expiry


def test_consumers_times_are_those_of_the_server() -> None:
    answer = expected("valkey-9.1.2")["0 stream:groups"][2]["groups"]["readers"]["consumers"]
    key = next(one for one in items([dump("valkey-9.1.2")]) if isinstance(one, Key) and one.key == b"stream:groups")
    assert plain(key.value())["groups"]["readers"]["consumers"] == answer
    assert answer["third"]["active"] == -1
    assert answer["first"]["active"] > 0


def test_the_golden_dumps_hold_every_encoding_these_servers_have() -> None:
    seen = {item.kind for name in NAMES for item in items([dump(name)]) if isinstance(item, Key)}
    never = {Kind.LIST, Kind.ZSET, Kind.MODULE_2, Kind.HASH_ZIPMAP, Kind.LIST_ZIPLIST}
    newer = {Kind.STREAM_LISTPACKS_3} - seen | {Kind.HASH_LISTPACK_EX_PRE_GA, Kind.HASH_METADATA, Kind.HASH_LISTPACK_EX}
    assert seen == set(Kind) - never - newer
    assert Kind.STREAM_LISTPACKS_3 in seen


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_are_the_whole(name: str) -> None:
    parts = list(items([dump(name)]))
    assert b"".join(part.record for part in parts) == dump(name)
    assert isinstance(parts[0], Head)
    assert isinstance(parts[-1], End)
    assert [part.db for part in parts if isinstance(part, SelectDb)] == [0, 3]
    assert any(isinstance(part, Hint) for part in parts)
    functions = [part.code for part in parts if isinstance(part, Function)]
    assert functions == ([LIBRARY] if name != "redis-6.2.14" else [])
    check = RdbCheck()
    check.feed(dump(name))
    check.finish()
    told = {part.name.decode(): part.value.decode() for part in parts if isinstance(part, Aux)}
    assert told == check.aux
    assert (parts[0].magic, parts[0].version) == (check.magic, check.version)


@pytest.mark.parametrize(("name", "attribute"), [("redis-7.0.15", "frequency"), ("valkey-9.1.2", "idle")])
def test_how_a_key_was_used_is_read(name: str, attribute: str) -> None:
    keys = [item for item in items([dump(name)]) if isinstance(item, Key)]
    other = {"frequency": "idle", "idle": "frequency"}[attribute]
    assert all(getattr(key, attribute) is not None and getattr(key, other) is None for key in keys)


def test_a_dump_payload_ends_with_version_and_checksum() -> None:
    key = next(item for item in items([dump("redis-7.0.15")]) if isinstance(item, Key) and item.key == b"hash:large")
    payload = key.dump()
    assert payload[-10:-8] == b"\x0a\x00"
    assert crc64(payload) == 0  # the remainder of what ends with its own remainder
    found = parse_dump(payload)
    assert (found.type, found.raw, found.value()) == ("hash", key.raw, key.value())


@pytest.mark.parametrize(
    ("payload", "message"), [(b"\x00\x01a" + bytes(8), "no answer"), (b"\x00\x05a" + bytes(10), "cut")]
)
def test_a_wrong_dump_payload_is_refused(payload: bytes, message: str) -> None:
    with pytest.raises(RdbError, match=message):
        parse_dump(payload)


def test_what_follows_a_dumped_value_is_refused() -> None:
    with pytest.raises(RdbError, match="follows"):
        parse_dump(b"\x00\x01ab" + bytes(10))


HEAD = b"REDIS0010"


@pytest.mark.parametrize(
    ("body", "message", "offset"),
    [
        (b"\x1c\x01k\x01v", "type 28 of RDB version 10", 12),
        (b"\xfe\x80\xff\xff\xff\xff", "a database number of 4294967295", 9),
        (b"\xf3\x00", "opcode 243 of RDB version 10", 9),
        (b"\xfc" + bytes(8) + b"\xfe\x00", "opcode 0xfe between", 18),
        (b"\x00\xc4k", "0xc4 begins no string", 10),
        (b"\x00\x01k\x81" + b"\xff" * 8, "a string of 18446744073709551615 bytes", 12),
        (b"\x00\x01k\x82", "0x82 begins no length", 12),
        (b"\x07\x01k\x01\x09", "9 is no part of a module", 14),
        (b"\x00\x01k", "the RDB is cut", 12),
        (b"\xff" + bytes(8) + b"more", "something follows", 18),
    ],
)
def test_errors_say_what_and_where(body: bytes, message: str, offset: int) -> None:
    with pytest.raises(RdbError, match=message) as caught:
        list(items([HEAD, body]))
    assert caught.value.offset == offset


def test_a_key_larger_than_allowed_is_refused_before_it_is_held() -> None:
    fed = 0

    def pieces() -> Any:
        nonlocal fed
        yield HEAD + b"\x02\x01k\x81" + (2**40).to_bytes(8, "big")
        while True:
            fed += 100_000
            yield b"\x01a" * 50_000

    with pytest.raises(RdbError, match="takes more than"):
        list(items(pieces(), largest=1_000_000))
    assert fed < 4_000_000


@pytest.mark.parametrize("data", [b"", b"REDIS", b"RADIS0010" + bytes(20)])
def test_something_else_is_no_rdb(data: bytes) -> None:
    with pytest.raises(RdbError):
        list(items([data]))
