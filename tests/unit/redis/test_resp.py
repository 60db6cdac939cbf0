"""Commands and replies from bytes."""

import pytest

from planaria.drivers.redis.resp import Command, CommandParser, ErrorReply, ProtocolError, ReplyParser, commands
from planaria.drivers.redis.resp import encode_command as encode


def test_a_command_is_an_array_of_bulk_strings() -> None:
    assert encode(b"SET", b"k\r\n", b"") == b"*3\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$0\r\n\r\n"


def test_commands_carry_their_offsets_and_leave_a_cut_one_out() -> None:
    first, second = encode(b"SET", b"a", b"1"), encode(b"DEL", b"a")
    found = list(commands(b"\n\n" + first + b"\n" + second[:-1], 100))
    assert found == [Command([b"SET", b"a", b"1"], 102, 102 + len(first))]


def test_parser_continues_a_command_over_slices() -> None:
    data = encode(b"SET", b"a", b"x" * 200_000) + b"\n" + encode(b"PING")
    parser = CommandParser(7)
    found = [command for start in range(0, len(data), 1000) for command in parser.feed(data[start : start + 1000])]
    assert [command.args[0] for command in found] == [b"SET", b"PING"]
    assert parser.offset == found[-1].end == 7 + len(data)


@pytest.mark.parametrize(
    ("data", "offset"),
    [
        (b"PING\r\n", 0),
        (b"*0\r\n", 0),
        (b"*1\r\n:5\r\n", 4),
        (b"*1\r\n$4\r\nPINGxx*1\r\n", 12),
        (b"*1048577\r\n", 0),
        (b"*1\r\n$536870913\r\n", 4),
        (b"*" + b"1" * 20, 0),
    ],
)
def test_what_is_no_command_is_named_with_its_offset(data: bytes, offset: int) -> None:
    with pytest.raises(ProtocolError) as caught:
        list(commands(data, 50))
    assert caught.value.offset == 50 + offset


def test_parser_bounds_what_it_holds() -> None:
    parser = CommandParser(0, max_command=1000)
    with pytest.raises(ProtocolError, match="longer than 1000"):
        parser.feed(b"*2\r\n$5000\r\n" + b"x" * 2000)


def test_replies_of_every_kind() -> None:
    parser = ReplyParser()
    data = b"+OK\r\n\n-ERR no\r\n:-5\r\n$3\r\na\r\n\r\n$-1\r\n*2\r\n$1\r\nx\r\n*1\r\n:1\r\n"
    found = [reply for start in range(len(data)) for reply in parser.feed(data[start : start + 1])]
    assert found == [b"OK", ErrorReply("ERR no"), -5, b"a\r\n", None, [b"x", [1]]]


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 400\r\n", b"$abc\r\n", b"$9999999999\r\n", b"$1\r\nabc\r\n", b"+" + b"x" * 70_000]
)
def test_replies_that_are_not_redis(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        ReplyParser().feed(data)
