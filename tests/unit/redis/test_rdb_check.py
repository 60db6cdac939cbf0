"""An RDB is taken as whole only if it is."""

from itertools import pairwise

import pytest

from planaria.drivers.redis.crc import Crc64, crc64
from planaria.drivers.redis.rdb import RdbCheck, RdbError

HEAD = (
    b"REDIS0010\xfa\x09redis-ver\x067.0.15\xfa\x0aredis-bits\xc0\x40\xfa\x05ctime\xc2\x6d\x08\xbce"
    b"\xfa\x0erepl-stream-db\xc0\x03\xfa\x08aof-base\xc0\x00"
)
BODY = b"\xfe\x00\xfb\x01\x00\x00\x03key\x05value"


def sealed(body: bytes, *, crc: int | None = None) -> bytes:
    body += b"\xff"
    return body + (crc64(body) if crc is None else crc).to_bytes(8, "little")


def check(data: bytes, *cuts: int) -> RdbCheck:
    found = RdbCheck()
    for start, end in pairwise((0, *cuts, len(data))):
        found.feed(memoryview(data)[start:end])
    found.finish()
    return found


def test_checksum_of_the_catalogue() -> None:
    assert crc64(b"123456789") == 0xE9C6D914C4B8D9CA
    pieces = Crc64()
    for piece in (b"1234", b"", b"56789"):
        pieces.feed(piece)
    assert pieces.value() == 0xE9C6D914C4B8D9CA


def test_the_head_is_read() -> None:
    found = check(sealed(HEAD + BODY))
    assert (found.magic, found.version, found.stream_db) == ("REDIS", 10, 3)
    assert found.aux == {
        "redis-ver": "7.0.15",
        "redis-bits": "64",
        "ctime": "1706821741",
        "repl-stream-db": "3",
        "aof-base": "0",
    }


def test_valkey_has_its_own_magic() -> None:
    found = check(sealed(b"VALKEY080" + HEAD[9:] + BODY))
    assert (found.magic, found.version) == ("VALKEY", 80)


def test_without_fields_there_is_no_stream_database() -> None:
    assert check(sealed(b"REDIS0009")).stream_db is None


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 10, 64])
def test_any_cut_gives_the_same(size: int) -> None:
    data = sealed(HEAD + BODY * 3)
    found = check(data, *range(size, len(data), size))
    assert (found.version, found.stream_db, len(found.aux)) == (10, 3, 5)


def test_a_server_may_write_no_checksum() -> None:
    assert check(sealed(HEAD + BODY, crc=0)).version == 10


@pytest.mark.parametrize("at", [10, 40, len(HEAD) + 5, len(HEAD + BODY) - 1, len(HEAD + BODY) + 3])
def test_a_flipped_bit_is_found(at: int) -> None:
    damaged = bytearray(sealed(HEAD + BODY))
    damaged[at] ^= 4
    with pytest.raises(RdbError):
        check(bytes(damaged))


@pytest.mark.parametrize("size", [*range(30), len(sealed(HEAD + BODY)) - 1, len(HEAD + BODY)])
def test_a_cut_rdb_is_found(size: int) -> None:
    with pytest.raises(ValueError, match=r"cut|not an RDB"):
        check(sealed(HEAD + BODY)[:size])


@pytest.mark.parametrize("data", [b"", b"-ERR no such thing", b"REDIS00x9" + bytes(20), b"REDIS0004" + bytes(20)])
def test_something_else_is_refused(data: bytes) -> None:
    with pytest.raises(RdbError):
        check(data)


def test_bytes_behind_the_end_are_damage() -> None:
    with pytest.raises(RdbError):
        check(sealed(HEAD + BODY) + b"\n")
