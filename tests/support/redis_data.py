"""Data of every type, and writes of every kind, for Redis and Valkey."""

import random

import redis
from redis.client import Pipeline

LIBRARY = """#!lua name=shelf
redis.register_function('put', function(keys, args) return redis.call('SET', keys[1], args[1]) end)
"""
FAR = 4_000_000_000_000
"""A time in milliseconds that no test reaches."""


def select(client: "redis.Redis | Pipeline", db: int) -> None:
    client.execute_command("SELECT", db)  # type: ignore[no-untyped-call]


def load(client: "redis.Redis", count: int = 200) -> None:
    """Every type, in several encodings, with and without a TTL, in databases 0 and 3, and a function library."""
    client.function_load(LIBRARY, replace=True)
    pipe = client.pipeline(transaction=False)
    for n in range(count):
        pipe.set(f"string:{n}", f"value {n} " * (n % 7))
        pipe.set(f"raw:{n}", random.Random(n).randbytes(n % 300))
        pipe.set(f"number:{n}", n * 1_000_003)
        pipe.set(f"ttl:{n}", "x", pxat=FAR + n)
    pipe.hset("hash:small", mapping={f"f{n}": n for n in range(20)})
    pipe.hset("hash:large", mapping={f"field {n}": "v" * (n % 90) for n in range(count * 3)})
    pipe.rpush("list:small", *range(30))
    pipe.rpush("list:large", *(f"item {n} " * (n % 40) for n in range(count * 2)))
    pipe.sadd("set:ints", *range(count))
    pipe.sadd("set:large", *(f"member {n}" for n in range(count * 3)))
    pipe.zadd("zset:small", {f"m{n}": n / 7 for n in range(20)})
    pipe.zadd("zset:large", {f"member {n}": n * 0.25 for n in range(count * 2)})
    pipe.pexpireat("hash:large", FAR)
    for n in range(count):
        pipe.xadd("stream", {"n": n, "text": "t" * (n % 50)}, id=f"{n + 1}-1")
    pipe.xgroup_create("stream", "group", id="0")
    pipe.xreadgroup("group", "consumer", {"stream": ">"}, count=20)
    pipe.pfadd("hll", *range(count))
    pipe.geoadd("geo", (13.361389, 38.115556, "Palermo"))
    pipe.setbit("bits", 100_001, 1)
    select(pipe, 3)
    pipe.set("other", "database three")
    select(pipe, 0)
    pipe.execute()


def write(client: "redis.Redis", seed: int, count: int = 100) -> None:
    """Changes of every kind that reach a replica, the same for the same seed."""
    rng = random.Random(seed)
    client.function_load(LIBRARY, replace=True)
    client.fcall("put", 1, f"by function {seed}", seed)
    client.eval("redis.call('INCR', KEYS[1]); redis.call('APPEND', KEYS[2], ARGV[1])", 2, "counter", "log", f"{seed};")
    client.rpush("list:small", seed)
    client.blpop(["list:small"], 1)
    pipe = client.pipeline(transaction=False)
    for n in range(count):
        key = f"string:{rng.randrange(300)}"
        match rng.randrange(8):
            case 0:
                pipe.set(key, rng.randbytes(rng.randrange(500)))
            case 1:
                pipe.set(key, "fleeting", ex=rng.randrange(10_000, 20_000))
            case 2:
                pipe.delete(key)
            case 3:
                pipe.hincrbyfloat("hash:small", f"f{rng.randrange(20)}", 1.5)
            case 4:
                pipe.xadd("stream", {"n": n, "seed": seed})
            case 5:
                pipe.zincrby("zset:large", 1.25, f"member {rng.randrange(300)}")
            case 6:
                pipe.spop("set:large")
            case 7:
                pipe.rpush("list:small", f"{seed}-{n}")
    pipe.execute()
    with client.pipeline(transaction=True) as transaction:
        transaction.set("transaction:a", seed)
        select(transaction, 3)
        transaction.set("transaction:b", seed)
        select(transaction, 0)
        transaction.incr("transaction:count")
        transaction.execute()


def deadlines(client: "redis.Redis") -> dict[bytes, int]:
    """Key → the millisecond it expires at, for those that do (databases 0 and 3)."""
    found: dict[bytes, int] = {}
    for db in (0, 3):
        select(client, db)
        keys = sorted(client.scan_iter(count=1000))
        pipe = client.pipeline(transaction=False)
        for key in keys:
            pipe.pexpiretime(key)
        found |= {b"%d:%s" % (db, key): at for key, at in zip(keys, pipe.execute(), strict=True) if at >= 0}
    select(client, 0)
    return found
