"""Where a replication stream may be cut."""

import pytest

from planaria.drivers.redis.resp import ProtocolError
from planaria.drivers.redis.resp import encode_command as encode
from planaria.drivers.redis.walker import Place, Walker


def test_boundary_follows_whole_commands_only() -> None:
    walker = Walker(1000)
    command = encode(b"SET", b"key", b"value")
    walker.feed(command + command[:-1])
    assert (walker.boundary, walker.commands, walker.offset) == (1000 + len(command), 1, 1000 + 2 * len(command) - 1)
    walker.feed(memoryview(command[-1:]))
    assert (walker.boundary, walker.commands) == (1000 + 2 * len(command), 2)


def test_safe_stays_before_a_transaction_until_it_ends() -> None:
    walker = Walker(0)
    select = encode(b"SELECT", b"3")
    walker.feed(select + encode(b"multi") + encode(b"SELECT", b"9") + encode(b"INCR", b"a"))
    assert walker.in_multi
    assert walker.place == Place(len(select), 3)
    assert (walker.safe, walker.db) == (len(select), 9)
    assert walker.boundary > walker.safe
    walker.feed(encode(b"EXEC"))
    assert not walker.in_multi
    assert walker.place == Place(walker.boundary, 9)


def test_ping_getack_and_empty_lines_count() -> None:
    data = encode(b"PING") + b"\n\n" + encode(b"REPLCONF", b"GETACK", b"*") + b"\n"
    walker = Walker(5)
    walker.feed(data)
    assert (walker.safe, walker.commands) == (5 + len(data), 2)


def test_a_value_longer_than_memory_is_skipped_not_held() -> None:
    walker = Walker(0)
    walker.feed(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000000\r\n")
    piece = memoryview(bytes(50_000_000))
    for _ in range(10):
        walker.feed(piece)
    assert walker.boundary == 0
    walker.feed(b"\r\n" + encode(b"PING"))
    assert (walker.commands, walker.boundary) == (2, walker.offset)


def test_values_that_look_like_commands_are_values() -> None:
    walker = Walker(0)
    data = encode(b"SET", b"k", encode(b"MULTI") + b"\r\n*1\r\n") + encode(b"SET", b"\r\n$3\r\n", b"\r\n*3\r\n$")
    walker.feed(data)
    assert (walker.safe, walker.commands) == (len(data), 2)


@pytest.mark.parametrize(
    "data",
    [
        b"+OK\r\n",
        b"*3\r\n$3\r\nSET\r\n:1\r\n",
        b"*3\r\n$3\r\nSETx$1\r\nk\r\n",
        b"*1\r\n$4\r\nPINGxx",
        b"*1048577\r\n",
        b"*1\r\n$536870913\r\n",
        b"*1\r\n$4\r\nEXEC\r\n",
        b"*1\r\n$5\r\nMULTI\r\n*1\r\n$5\r\nMULTI\r\n",
        b"*2\r\n$6\r\nSELECT\r\n$60\r\n" + b"x" * 62,
        b"*" + b"1" * 30,
        b"*1\r\n$" + b"1" * 30,
    ],
)
def test_what_is_no_stream_is_refused_with_the_offset(data: bytes) -> None:
    """Whole or byte by byte, at about the same place."""
    for step in (1, len(data)):
        walker = Walker(700)
        with pytest.raises(ProtocolError) as caught:
            feed(walker, data, step)
        assert 700 <= caught.value.offset <= 700 + len(data)


def feed(walker: Walker, data: bytes, step: int) -> None:
    for start in range(0, len(data), step):
        walker.feed(data[start : start + step])


def test_a_larger_bulk_length_may_be_agreed() -> None:
    walker = Walker(0, max_bulk=2**31)
    walker.feed(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2147483648\r\n")
    assert walker.boundary == 0
