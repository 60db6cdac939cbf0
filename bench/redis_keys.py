"""A million varied keys, as fast as a server takes them: raw commands, several connections' worth in one stream."""

import random
import socket
from collections.abc import Iterator

from planaria.drivers.redis.resp import encode_command

BATCH = 2_000
DAY = 86_400_000


def fill(port: int, keys: int, seed: int, now_ms: int) -> None:
    """Keys `0` … of every type, a quarter of them with TTLs of a day or more. The server's DBSIZE proves them."""
    randomness = random.Random(seed)
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(encode_command(b"CLIENT", b"REPLY", b"OFF"))
        batch: list[bytes] = []
        for number in range(keys):
            batch += commands(number, randomness, now_ms)
            if len(batch) >= BATCH:
                connection.sendall(b"".join(batch))
                batch.clear()
        batch += [encode_command(b"CLIENT", b"REPLY", b"ON"), encode_command(b"DBSIZE")]
        connection.sendall(b"".join(batch))
        answer = b""
        while answer.count(b"\r\n") < 2 and (more := connection.recv(4096)):
            answer += more
    if answer.splitlines()[-1] != b":%d" % keys:
        raise SystemExit(f"the server holds {answer!r} keys, not {keys}")


def commands(number: int, randomness: random.Random, now_ms: int) -> Iterator[bytes]:
    """What makes key `number`; its type follows from the number: of 20, 12 are strings (tokens, JSON, counters)."""
    key, kind, words = b"key:%d" % number, number % 20, _words(randomness)
    if kind < 6:
        yield encode_command(b"SET", key, b"".join(words))
    elif kind < 10:
        yield encode_command(b"SET", key, _document(number, words))
    elif kind < 12:
        yield encode_command(b"SET", key, b"%d" % randomness.getrandbits(40))
    elif kind < 15:
        fields = (part for at, word in enumerate(words) for part in (b"field%d" % at, word))
        yield encode_command(b"HSET", key, *fields)
    elif kind == 15:
        yield encode_command(b"RPUSH", key, *words)
    elif kind == 16:
        yield encode_command(b"SADD", key, *words)
    elif kind < 19:
        scored = (part for word in words for part in (b"%d" % randomness.getrandbits(20), word))
        yield encode_command(b"ZADD", key, *scored)
    else:
        yield encode_command(b"XADD", key, b"%d-1" % (now_ms + number), b"kind", b"event", b"body", b"".join(words[:2]))
    if number % 4 == 0:
        yield encode_command(b"PEXPIREAT", key, b"%d" % (now_ms + DAY + number))


def _words(randomness: random.Random) -> list[bytes]:
    text = randomness.randbytes(40).hex().encode()
    return [text[at : at + 16] for at in range(0, 80, 16)]


def _document(number: int, words: list[bytes]) -> bytes:
    return b'{"id": %d, "session": "%s", "user": {"name": "user-%s", "role": "member"}, "seen": [%d, %d, %d]}' % (
        *(number, b"".join(words[:3]), words[3]),
        *(number * 7 % 1000, number * 11 % 1000, number % 1000),
    )
