"""A key of every type in every encoding that a server can be made to use: for golden files, and to compare answers."""

from typing import Any

import redis

from tests.support.redis_answers import ask

FAR = 4_102_444_800_000
"""1 January 2100, in milliseconds: expiries that no test run reaches."""

LIBRARY = b"#!lua name=zoo\nredis.register_function('feed', function(keys, args) return args[1] end)\n"

SMALL = {
    "list-max-ziplist-size": "8",
    "list-compress-depth": "1",
    "hash-max-ziplist-entries": "16",
    "zset-max-ziplist-entries": "16",
    "set-max-intset-entries": "16",
    "stream-node-max-entries": "4",
}
"""Settings (by the names that all versions know) that make the larger keys of the zoo take the larger encodings."""


def fill(client: "redis.Redis", version: tuple[int, ...]) -> None:
    """`version`: of Redis' commands; (9,) and higher mean Valkey 9."""
    _strings(client)
    _lists(client, version)
    _sets(client)
    _hashes(client, version)
    _zsets(client)
    _streams(client, version)
    if version >= (7,):
        ask(client, "FUNCTION", "LOAD", LIBRARY)
    ask(client, "SELECT", 3)
    client.set("elsewhere", "in another database")
    ask(client, "SELECT", 0)


def _strings(client: "redis.Redis") -> None:
    for number in (0, 1, 63, -1, 127, -128, 128, 32767, -32768, 32768, 2**31 - 1, -(2**31), 2**31, 2**63 - 1, -(2**63)):
        client.set(f"string:{number}", number)
    client.set("string:not a number", "0123")
    client.set("string:beyond", 2**64)
    client.set("string:empty", b"")
    client.set("string:binary", bytes(range(256)))
    client.set("string:63", b"x" * 63)
    client.set("string:packed", b"abcabcabc" * 90)
    client.set("string:long", bytes(range(256)) * 3)
    client.set(b"\x00\xff key", "a key that is no text")
    ask(client, "SET", "string:expiring", "later", "PXAT", FAR + 1)


ELEMENTS: list[bytes] = [
    *(b"%d" % number for number in (0, 12, 127, 128, -1, -4096, 4095, 4096, 32767, -32768, 2**23 - 1, -(2**23))),
    *(b"%d" % number for number in (2**23, 2**31 - 1, -(2**31), 2**31, 2**63 - 1, -(2**63))),
    *(b"", b"a", b"-", b"01", b"1.5", b"\xff\x00", b"m" * 63, b"n" * 64, b"o" * 200, b"p" * 300),
]


def _lists(client: "redis.Redis", version: tuple[int, ...]) -> None:
    client.rpush("list:one", "only")
    client.rpush("list:every width", *ELEMENTS)
    client.rpush("list:nodes", *(b"element %d" % number for number in range(100)))
    if (7,) <= version < (9,):
        ask(client, "DEBUG", "QUICKLIST-PACKED-THRESHOLD", "100b")
    client.rpush("list:large element", b"small", b"z" * 300, b"small too")
    if (7,) <= version < (9,):
        ask(client, "DEBUG", "QUICKLIST-PACKED-THRESHOLD", "0")


def _sets(client: "redis.Redis") -> None:
    client.sadd("set:int16", 1, -5, 300)
    client.sadd("set:int32", 1, -5, 70_000)
    client.sadd("set:int64", 1, -5, 2**40)
    client.sadd("set:many integers", *range(100))
    client.sadd("set:small", "a", "b", 7, "c" * 60)
    client.sadd("set:large", *(f"member {number}" for number in range(200)))


def _hashes(client: "redis.Redis", version: tuple[int, ...]) -> None:
    client.hset("hash:small", mapping={"a": "1", "b": "text", "c": "", "d": "-7"})
    client.hset("hash:large", mapping={f"field {number}": number for number in range(100)})
    client.hset("hash:wide", mapping={"field": "v" * 500})
    ask(client, "PEXPIREAT", "hash:wide", FAR + 2)
    if version >= (9,):
        client.hset("hash:expiring", mapping={"stays": "1", "goes": "2", "goes later": "3"})
        ask(client, "HPEXPIREAT", "hash:expiring", FAR, "FIELDS", 1, "goes")
        ask(client, "HPEXPIREAT", "hash:expiring", FAR + 5, "FIELDS", 1, "goes later")


SCORES = {
    "one": 1,
    "negative": -3,
    "fraction": 0.1,
    "large": 1e300,
    "small": 5e-324,
    "third": 1 / 3,
    "up": float("inf"),
    "down": float("-inf"),
    "zero": 0,
    "integer": 2**53,
    "exact": 123456789.125,
}


def _zsets(client: "redis.Redis") -> None:
    client.zadd("zset:small", SCORES)
    client.zadd("zset:large", SCORES | {f"member {number}": number / 7 for number in range(100)})


def _streams(client: "redis.Redis", version: tuple[int, ...]) -> None:
    ask(client, "XADD", "stream:empty", "1-1", "gone", "soon")
    ask(client, "XDEL", "stream:empty", "1-1")
    for number in range(1, 15):
        fields: list[Any] = ["same", number, "fields", "x"] if number % 3 else ["others", "y" * number]
        ask(client, "XADD", "stream:groups", f"{1000 + number // 2}-{number}", *fields)
    ask(client, "XDEL", "stream:groups", "1001-3")
    ask(client, "XGROUP", "CREATE", "stream:groups", "readers", "0")
    ask(client, "XGROUP", "CREATE", "stream:groups", "idle", "$")
    for name, count in (("first", 3), ("second", 2)):
        ask(client, "XREADGROUP", "GROUP", "readers", name, "COUNT", count, "STREAMS", "stream:groups", ">")
    ask(client, "XACK", "stream:groups", "readers", "1000-1")
    if version >= (6, 2):
        ask(client, "XGROUP", "CREATECONSUMER", "stream:groups", "readers", "third")
