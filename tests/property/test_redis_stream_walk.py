"""However a stream is cut into reads, the walker and the parsers see the same commands."""

from hypothesis import given, settings
from hypothesis import strategies as st

from planaria.drivers.redis.psync import RdbBytes, RdbEnd, Replica, StreamBytes
from planaria.drivers.redis.resp import CommandParser, ProtocolError, commands
from planaria.drivers.redis.resp import encode_command as encode
from planaria.drivers.redis.walker import Place, Walker

VALUES = st.one_of(
    st.binary(max_size=12), st.sampled_from([b"\r\n*1\r\n", b"$5\r\nMULTI\r\n", b"x" * 100, b"y" * 1234, b""])
)
PLAIN = st.lists(VALUES, max_size=11).map(lambda rest: encode(b"SET", *rest))
SELECT = st.integers(0, 12).map(lambda db: encode(b"SELECT", b"%d" % db))
ONE = st.one_of(PLAIN, SELECT, st.just(encode(b"PING")), st.just(b"\n"), st.just(encode(b"PSETX")))
TRANSACTION = st.lists(st.one_of(PLAIN, SELECT), max_size=3).map(
    lambda inner: encode(b"MULTI") + b"".join(inner) + encode(b"EXEC")
)
STREAMS = st.lists(st.one_of(ONE, TRANSACTION), max_size=12).map(b"".join)
CUTS = st.lists(st.integers(1, 40), min_size=1, max_size=50)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    found, start, turn = [], 0, 0
    while start < len(data):
        found.append(data[start : start + cuts[turn % len(cuts)]])
        start += cuts[turn % len(cuts)]
        turn += 1
    return found


def expected(data: bytes, offset: int) -> tuple[int, Place, bool, int]:
    """By the full parse: (boundary without trailing empty lines, place, in MULTI, commands)."""
    db: int | None = None
    before: Place | None = None
    end, count = offset, 0
    for command in commands(data, offset):
        name = command.args[0]
        if name == b"MULTI":
            before = Place(command.start, db)
        elif name == b"EXEC":
            before = None
        elif name == b"SELECT":
            db = int(command.args[1])
        end, count = command.end, count + 1
    while data[end - offset : end - offset + 1] == b"\n":
        end += 1
    return end, before or Place(end, db), before is not None, count


@settings(max_examples=300, deadline=None, derandomize=True)
@given(STREAMS, CUTS, st.integers(0, 10**12), st.integers(0, 60))
def test_walker_equals_the_full_parse_at_any_cut(data: bytes, cuts: list[int], offset: int, less: int) -> None:
    data = data[: max(0, len(data) - less)]
    walker = Walker(offset)
    parser = CommandParser(offset)
    parsed = []
    for piece in pieces(data, cuts):
        walker.feed(memoryview(piece))
        parsed += parser.feed(piece)
    assert parsed == list(commands(data, offset))
    assert (walker.boundary, walker.place, walker.in_multi, walker.commands) == expected(data, offset)
    assert walker.safe == walker.place.offset
    assert walker.offset == offset + len(data)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(STREAMS, CUTS, st.integers(0, 10_000), st.integers(1, 255))
def test_a_damaged_stream_never_makes_the_walker_fail_otherwise(
    data: bytes, cuts: list[int], at: int, flip: int
) -> None:
    if not data:
        return
    damaged = bytearray(data)
    damaged[at % len(data)] ^= flip
    results: list[tuple[int, int] | None] = []
    for parts in (pieces(bytes(damaged), cuts), [bytes(damaged)]):
        walker = Walker(0)
        try:
            for piece in parts:
                walker.feed(piece)
        except ProtocolError:
            results.append(None)
        else:
            results.append((walker.boundary, walker.commands))
    assert results[0] == results[1]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=300), st.binary(max_size=50), CUTS, st.integers(0, 39), st.booleans())
def test_payload_is_exact_at_any_cut(body: bytes, after: bytes, cuts: list[int], tease: int, marked: bool) -> None:
    marker = b"abcdefghij" * 4
    body = body + marker[:tease] + body[:3]
    head = b"+PONG\r\n\n+OK\r\n\n\n+FULLRESYNC " + b"f" * 40 + b" 7\r\n\n"
    payload = b"$EOF:" + marker + b"\r\n" + body + marker if marked else b"$%d\r\n" % len(body) + body
    replica = Replica(None, None)
    rdb, stream, ends = b"", b"", 0
    for piece in pieces(head + payload + after, cuts):
        for event in replica.receive(piece):
            if isinstance(event, RdbBytes):
                rdb += event.data
            elif isinstance(event, StreamBytes):
                stream += event.data
            elif isinstance(event, RdbEnd):
                ends += 1
    assert (rdb, stream, ends) == (body, after, 1)
