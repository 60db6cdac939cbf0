"""The replication handshake and payload, both sides, without a socket."""

import pytest

from planaria.drivers.redis import psync
from planaria.drivers.redis.psync import (
    Acknowledged,
    Continue,
    FullResync,
    Login,
    Master,
    RdbBegin,
    RdbBytes,
    RdbEnd,
    Refused,
    Replica,
    RetryLater,
    SendBytes,
    StreamBytes,
    SyncAsked,
)
from planaria.drivers.redis.resp import ProtocolError
from planaria.drivers.redis.resp import encode_command as encode

ID = "a" * 40
CAPA = encode(b"REPLCONF", b"capa", b"eof", b"capa", b"psync2")


def told(replica: Replica, *answers: bytes) -> list[psync.Event]:
    return [event for answer in answers for event in replica.receive(answer)]


def test_full_handshake_with_user_password_and_version() -> None:
    replica = Replica(Login("secret", "me"), None, version="9.0.0")
    assert replica.begin() == SendBytes(encode(b"AUTH", b"me", b"secret"))
    events = told(replica, b"+OK\r\n", b"\n+PONG\r\n", b"-ERR Unrecognized REPLCONF option: version\r\n", b"+OK\r\n")
    assert events == [
        SendBytes(psync.PING),
        SendBytes(encode(b"REPLCONF", b"version", b"9.0.0")),
        SendBytes(CAPA),
        SendBytes(encode(b"PSYNC", b"?", b"-1")),
    ]
    assert told(replica, b"\n\n+FULLRESYNC " + ID.encode() + b" 42\r\n") == [FullResync(ID, 42)]
    assert told(replica, b"\n\n$5\r\nREDI") == [RdbBegin(5), RdbBytes(memoryview(b"REDI"))]
    assert told(replica, b"S*1\r\n") == [RdbBytes(memoryview(b"S")), RdbEnd(), StreamBytes(memoryview(b"*1\r\n"))]
    assert replica.streaming


def ready(resume: tuple[str, int] | None = None) -> Replica:
    replica = Replica(None, resume)
    told(replica, b"+PONG\r\n", b"+OK\r\n")
    return replica


def test_diskless_payload_ends_at_its_marker() -> None:
    replica = ready()
    marker = b"0123456789" * 4
    head = b"+FULLRESYNC " + ID.encode() + b" 0\r\n$EOF:" + marker + b"\r\n"
    events = told(replica, head + b"REDIS" + marker[:20] + b"more", b"tail" + marker[:15], marker[15:] + b"*1\r\n")
    assert events[1] == RdbBegin(None)
    assert b"".join(bytes(e.data) for e in events if isinstance(e, RdbBytes)) == b"REDIS" + marker[:20] + b"moretail"
    assert events[-2:] == [RdbEnd(), StreamBytes(memoryview(b"*1\r\n"))]


def test_continuing_asks_for_the_next_byte() -> None:
    replica = Replica(None, (ID, 99))
    asked = told(replica, b"+PONG\r\n", b"+OK\r\n")[-1]
    assert asked == SendBytes(encode(b"PSYNC", ID.encode(), b"100"))
    assert told(replica, b"+CONTINUE " + b"b" * 40 + b"\r\nxyz") == [
        Continue("b" * 40),
        StreamBytes(memoryview(b"xyz")),
    ]
    assert told(ready((ID, 1)), b"+CONTINUE\r\n") == [Continue(None)]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"-NOMASTERLINK Can't SYNC while not connected with my master", RetryLater),
        (b"-LOADING Redis is loading", RetryLater),
        (b"-ERR max number of clients reached", RetryLater),
        (b"-NOAUTH Authentication required.", "password"),
        (b"-NOPERM no permissions to run psync", "permission"),
        (b"-ERR unknown command 'PSYNC'", "command"),
        (b"+CONTINUE", "protocol"),
        (b"+FULLRESYNC x 1", "protocol"),
        (b"HTTP/1.1 400 Bad Request", "protocol"),
    ],
)
def test_psync_answers_that_end_the_link(answer: bytes, expected: type | str) -> None:
    replica = ready()
    (event,) = told(replica, answer + b"\r\n")
    if isinstance(expected, str):
        assert isinstance(event, Refused)
        assert event.what == expected
    else:
        assert isinstance(event, expected)
    assert told(replica, b"+anything\r\n") == []


@pytest.mark.parametrize(
    ("answer", "what"),
    [(b"-NOAUTH x", "password"), (b"-DENIED protected mode", "protected"), (b"220 smtp", "protocol")],
)
def test_ping_answers_that_end_the_link(answer: bytes, what: str) -> None:
    (event,) = told(Replica(None, None), answer + b"\r\n")
    assert isinstance(event, Refused)
    assert event.what == what


def test_a_user_without_ping_may_go_on() -> None:
    assert told(Replica(None, None), b"-NOPERM no ping\r\n") == [SendBytes(CAPA)]


def test_wrong_password_is_a_refusal() -> None:
    for answer in (b"-WRONGPASS bad\r\n", b"-ERR AUTH <password> called without any password configured\r\n"):
        (event,) = told(Replica(Login("x"), None), answer)
        assert isinstance(event, Refused)
        assert event.what == "password"


def test_lines_are_bounded_and_payload_must_be_one() -> None:
    with pytest.raises(ProtocolError):
        told(Replica(None, None), *[b"+" + b"x" * 1000] * 100)
    with pytest.raises(ProtocolError):
        told(ready(), b"+FULLRESYNC " + ID.encode() + b" 0\r\n", b"what\r\n")
    assert isinstance(told(ready(), b"+FULLRESYNC " + ID.encode() + b" 0\r\n", b"-ERR fork\r\n")[-1], RetryLater)


QUESTIONS = [
    [b"PING"],
    [b"REPLCONF", b"listening-port", b"6379"],
    [b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"],
    [b"PSYNC", b"c" * 40, b"1"],
]


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_target_is_given_a_full_resynchronisation(inline: bool, step: int) -> None:
    asked = b"".join(b" ".join(q) + b"\r\n" if inline else encode(*q) for q in QUESTIONS)
    asked += psync.acknowledgement(43)
    master = Master(ID, 42)
    events = [event for start in range(0, len(asked), step) for event in master.receive(asked[start : start + step])]
    assert events == [
        SendBytes(b"+PONG\r\n"),
        SendBytes(b"+OK\r\n"),
        SendBytes(b"+OK\r\n"),
        SendBytes(b"+FULLRESYNC " + ID.encode() + b" 42\r\n"),
        SyncAsked(ID, 42),
        Acknowledged(43),
    ]
    assert psync.payload_header(10) == b"$10\r\n"


def test_a_master_with_a_password_gives_nothing_without_it() -> None:
    master = Master(ID, 0, password="right")
    for question in (encode(b"PING"), encode(b"PSYNC", b"?", b"-1"), encode(b"AUTH", b"wrong")):
        (event,) = master.receive(question)
        assert isinstance(event, SendBytes)
        assert event.data.startswith((b"-NOAUTH", b"-WRONGPASS"))
    assert list(master.receive(encode(b"AUTH", b"user", b"right"))) == [SendBytes(b"+OK\r\n")]
    assert list(master.receive(encode(b"SYNC"))) == [SyncAsked(ID, 0)]


def test_a_target_cannot_make_us_hold_much() -> None:
    with pytest.raises(ProtocolError):
        list(Master(ID, 0).receive(b"x" * 100_000))
    with pytest.raises(ProtocolError):
        list(Master(ID, 0).receive(b"*1\r\n$100000000\r\n"))
