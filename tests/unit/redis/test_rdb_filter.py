"""A filtered RDB is the original without the other keys, byte by byte, and sealed anew."""

from planaria.drivers.redis.crc import crc64
from planaria.drivers.redis.rdb_filter import PIECE, filtered
from planaria.drivers.redis.rdb_read import End, items

HEAD = b"REDIS0010\xfa\x09redis-ver\x067.0.15\xfa\x0erepl-stream-db\xc0\x03"
MODULE_AUX = b"\xf7\x81" + bytes(8) + b"\x02\x01\x00"
FUNCTION = b"\xf5\x04code"
A, B, C = b"\x00\x01a\x011", b"\xfc" + bytes(8) + b"\xf8\x05\x00\x01b\x012", b"\x00\x01c\x013"


def sealed(body: bytes) -> bytes:
    return body + b"\xff" + crc64(body + b"\xff").to_bytes(8, "little")


def only(data: bytes, *keys: bytes) -> bytes:
    return b"".join(filtered([data], lambda db, key: key in keys))


WHOLE = sealed(HEAD + MODULE_AUX + FUNCTION + b"\xfe\x00\xfb\x02\x01" + A + B + b"\xfe\x01\xfb\x01\x00" + C)


def test_chosen_keys_stay_as_they_were_in_their_databases() -> None:
    assert only(WHOLE, b"a", b"b") == sealed(HEAD + b"\xfe\x00" + A + B)
    assert only(WHOLE, b"b", b"c") == sealed(HEAD + b"\xfe\x00" + B + b"\xfe\x01" + C)
    assert only(WHOLE, b"c") == sealed(HEAD + b"\xfe\x01" + C)
    assert only(WHOLE) == sealed(HEAD)


def test_the_predicate_is_told_the_database() -> None:
    asked: list[tuple[int, bytes]] = []
    list(filtered([WHOLE], lambda db, key: asked.append((db, key)) or True))  # type: ignore[func-returns-value]
    assert asked == [(0, b"a"), (0, b"b"), (1, b"c")]


def test_without_a_checksum_a_right_one_is_written() -> None:
    unsealed = WHOLE[:-8] + bytes(8)
    assert only(unsealed, b"a") == only(WHOLE, b"a")


def test_large_results_come_in_pieces_with_one_checksum() -> None:
    keys = b"".join(b"\x00\x44\x00" + b"%01024d" % number + b"\x44\x00" + b"v" * 1024 for number in range(700))
    pieces = list(filtered([sealed(HEAD + b"\xfe\x00" + keys)], lambda db, key: True))
    assert len(pieces) > 3
    assert all(PIECE <= len(piece) < PIECE + 2100 for piece in pieces[:-1])
    assert b"".join(pieces) == sealed(HEAD + b"\xfe\x00" + keys)
    assert [item.checksum for item in items(pieces) if isinstance(item, End)] == [crc64(b"".join(pieces)[:-8])]
