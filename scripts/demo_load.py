"""The demo's load: it writes to a server and keeps, on its own, the fingerprint of what the server must hold.

Every write is a transaction that ends by setting `demo:sequence`, so that whatever instant is brought back, the number
found there says which transaction was the last, and `history` what the data set was then.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import redis

from planaria.core.clock import Clock
from planaria.core.instant import Instant
from planaria.drivers.redis.digest import entry, function_entry, value_digest
from planaria.drivers.redis.rdb_streams import Stream

SEQUENCE = b"demo:sequence"
FUNCTION = b"#!lua name=demo\nredis.register_function('answer', function() return 42 end)"
BATCH = 5_000
DAY = 86_400_000
MODULO = 1 << 256

Command = tuple[bytes | int | float, ...]


@dataclass(slots=True)
class Held:
    """What one key holds."""

    type: str
    value: Any
    """As `digest.value_digest` takes it."""
    expire_at: int | None
    """Milliseconds of the Unix epoch."""

    def counts(self, db: int, key: bytes) -> int:
        return entry(db, key, self.expire_at, value_digest(self.type, self.value))


@dataclass(frozen=True, slots=True)
class Moment:
    """After transaction `sequence`: the fingerprint of everything, and when the server had confirmed it."""

    sequence: int
    fingerprint: int
    confirmed_at: Instant


@dataclass(slots=True)
class Load:
    """`connect` to a database of a server that is empty at first. `keys` in databases 0 and 3, of every type."""

    connect: Callable[[int], "redis.Redis"]
    clock: Clock
    randomness: random.Random
    keys: int
    total: int = 0
    history: list[Moment] = field(default_factory=list)
    commands: int = 0
    _changing: dict[bytes, Held] = field(default_factory=dict)

    def fill(self) -> None:
        """Loads every key, and a library of functions."""
        self.connect(0).execute_command("FUNCTION", "LOAD", FUNCTION)
        self.total = function_entry(FUNCTION)
        for db, count in ((0, self.keys - self.keys // 10), (3, self.keys // 10)):
            pipeline = self.connect(db).pipeline(transaction=False)
            for number in range(count):
                for command in self._made(db, number):
                    pipeline.execute_command(*command)
                if len(pipeline) >= BATCH:
                    pipeline.execute()
            pipeline.execute()

    def _made(self, db: int, number: int) -> Iterator[Command]:
        """The commands that make key `number`, whose type follows from it. Those of database 0 may change later."""
        key, held, commands = _new_key(number, self.randomness, db, self.clock.now() // 1000)
        self.total += held.counts(db, key)
        if db == 0 and number < 20_000:
            self._changing[key] = held
        yield from commands
        if held.expire_at is not None:
            yield (b"PEXPIREAT", key, held.expire_at)

    def write(self) -> None:
        """Transactions of a few changes each, as fast as they are confirmed, until the server is gone."""
        connection, names = self.connect(0), sorted(self._changing)
        sequence = 0
        before = 0
        while True:
            sequence += 1
            pipeline = connection.pipeline(transaction=True)
            for _ in range(8):
                key = self.randomness.choice(names)
                held = self._changing[key]
                self.total -= held.counts(0, key)
                for command in _change(key, held, self.randomness):
                    pipeline.execute_command(*command)
                self.total += held.counts(0, key)
            pipeline.execute_command("SET", SEQUENCE, sequence)
            self.total -= before
            before = entry(0, SEQUENCE, None, value_digest("string", str(sequence).encode()))
            self.total += before
            try:
                pipeline.execute()
            except redis.ConnectionError:
                return
            self.commands += 9
            self.history.append(Moment(sequence, self.total % MODULO, self.clock.now()))


def _new_key(number: int, randomness: random.Random, db: int, now_ms: int) -> tuple[bytes, Held, list[Command]]:
    name, kind = b"demo:%d:%d" % (db, number), number % 20
    expire_at = now_ms + DAY + number if number % 4 == 0 else None
    words = [b"%x" % randomness.getrandbits(48) for _ in range(5)]
    if kind < 14:
        text = b"value %d " % number + randomness.randbytes(40).hex().encode()
        return name, Held("string", text, expire_at), [(b"SET", name, text)]
    if kind == 14:
        return name, Held("list", words, expire_at), [(b"RPUSH", name, *words)]
    if kind == 15:
        return name, Held("set", set(words), expire_at), [(b"SADD", name, *words)]
    if kind == 16:
        scores = {word: float(randomness.randrange(1000)) for word in words}
        pairs = [part for word, score in scores.items() for part in (score, word)]
        return name, Held("zset", scores, expire_at), [(b"ZADD", name, *pairs)]
    if kind == 17:
        fields = {word: word[::-1] for word in words}
        pairs_of_bytes = [part for pair in fields.items() for part in pair]
        return name, Held("hash", fields, expire_at), [(b"HSET", name, *pairs_of_bytes)]
    if kind == 18:
        return name, Held("string", b"%d" % number, expire_at), [(b"SET", name, number)]
    entries = {(number + 1, at): [b"field", word] for at, word in enumerate(words)}
    commands: list[Command] = [
        (b"XADD", name, b"%d-%d" % (first, second), *pair) for (first, second), pair in entries.items()
    ]
    return name, Held("stream", Stream(entries, (number + 1, 4)), expire_at), commands


def _change(key: bytes, held: Held, randomness: random.Random) -> list[Command]:
    """One change of a key, made to `held` too."""
    word = b"%x" % randomness.getrandbits(48)
    match held.value:
        case bytes() if held.value.isdigit():
            held.value = b"%d" % (int(held.value) + 1)
            return [(b"INCR", key)]
        case bytes():
            held.value = word
            command: Command = (b"SET", key, word)
            return [command if held.expire_at is None else (*command, b"KEEPTTL")]
        case list():
            held.value = [*held.value[1:], word]
            return [(b"LPOP", key), (b"RPUSH", key, word)]
        case set():
            gone = min(held.value)
            held.value = (held.value - {gone}) | {word}
            return [(b"SREM", key, gone), (b"SADD", key, word)]
        case Stream():
            first, second = held.value.last_id
            last = (first, second + 1)
            held.value = Stream({**held.value.entries, last: [b"field", word]}, last)
            return [(b"XADD", key, b"%d-%d" % last, b"field", word)]
        case dict() if held.type == "zset":
            member = min(held.value)
            held.value = held.value | {member: held.value[member] + 1.5}
            return [(b"ZINCRBY", key, 1.5, member)]
        case dict():
            held.value = held.value | {b"changed": word}
            return [(b"HSET", key, b"changed", word)]
    raise AssertionError(f"{key!r} holds {held.type}")
