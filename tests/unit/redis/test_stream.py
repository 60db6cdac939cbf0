"""Of a replication stream only what touches chosen keys is left, and nothing is guessed."""

import pytest

from planaria.drivers.redis.commands import UnknownCommand, keys_of
from planaria.drivers.redis.patterns import selection
from planaria.drivers.redis.resp import commands, encode_command
from planaria.drivers.redis.stream import CannotSplit, StreamFilter
from planaria.drivers.redis.ttl import absolute

NOW = 1_700_000_000_000


def lines(text: str) -> list[list[bytes]]:
    return [line.split() for line in text.encode().splitlines() if line.strip()]


def stream(text: str) -> bytes:
    return b"".join(encode_command(*line) for line in lines(text))


def left(text: str, *only: str, db: int | None = 0) -> list[str]:
    """The commands that are left of `text`, one a line."""
    chosen = StreamFilter(selection(only), db=db)
    result = b"".join(chosen.take(command, NOW) for command in commands(stream(text), 0))
    return [b" ".join(command.args).decode() for command in commands(result, 0)]


def test_databases_are_followed_and_selected_when_needed() -> None:
    text = """
        SELECT 0
        SET a 1
        SELECT 1
        SET a 2
        SET b 3
        SELECT 2
        SET a 4
        SELECT 1
        SET c 5
    """
    assert left(text, "db:1", db=None) == ["SELECT 1", "SET a 2", "SET b 3", "SET c 5"]
    assert left(text, "key:a", db=None) == ["SELECT 0", "SET a 1", "SELECT 1", "SET a 2", "SELECT 2", "SET a 4"]


def test_transactions_stay_whole_and_empty_ones_go() -> None:
    text = """
        MULTI
        SET x 1
        EXEC
        MULTI
        SET x 2
        SET a 3
        SELECT 1
        SET x 4
        SET a 5
        EXEC
        SET a 6
    """
    assert left(text, "key:a") == ["MULTI", "SELECT 0", "SET a 3", "SELECT 1", "SET a 5", "EXEC", "SET a 6"]


def test_what_is_no_data_goes() -> None:
    text = """
        PING
        REPLCONF GETACK *
        PUBLISH a message
        SPUBLISH a message
        FUNCTION LOAD code
    """
    assert left(text, "key:a", db=None) == []


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        ("DEL a x a2", ["DEL a a2"]),
        ("unlink x a", ["unlink a"]),
        ("DEL x y", []),
        ("MSET x 1 a 2 y 3 a2 4", ["MSET a 2 a2 4"]),
        ("RENAME a a2", ["RENAME a a2"]),
        ("RENAME a x", ["DEL a"]),
        ("RENAME x y", []),
        ("SMOVE a x member", ["SREM a member"]),
        ("SMOVE x a member", ["SADD a member"]),
        ("LMOVE a x LEFT RIGHT", ["LPOP a"]),
        ("LMOVE a x RIGHT LEFT", ["RPOP a"]),
        ("RPOPLPUSH a x", ["RPOP a"]),
        ("RPOPLPUSH a a", ["RPOPLPUSH a a"]),
        ("COPY a x", []),
        ("COPY a a2 REPLACE", ["COPY a a2 REPLACE"]),
        ("SUNIONSTORE a a2 a3", ["SUNIONSTORE a a2 a3"]),
        ("SUNIONSTORE x a a2", []),
        ("ZUNIONSTORE x 2 a a2", []),
        ("ZUNIONSTORE a 2 a2 a3 WEIGHTS 1 2", ["ZUNIONSTORE a 2 a2 a3 WEIGHTS 1 2"]),
        ("BITOP NOT a a2", ["BITOP NOT a a2"]),
        ("SORT x STORE y", []),
        ("SORT a LIMIT 0 5 STORE a2", ["SORT a LIMIT 0 5 STORE a2"]),
        ("XGROUP CREATE a group $", ["XGROUP CREATE a group $"]),
        ("XGROUP CREATE x group $", []),
        ("EVAL script 2 a a2", ["EVAL script 2 a a2"]),
        ("EVAL script 1 x a", []),
        ("LMPOP 2 x y LEFT", []),
        ("MSETEX 2 a 1 a2 2 PX 5", ["MSETEX 2 a 1 a2 2 PX 5"]),
        ("FLUSHALL", ["FLUSHALL"]),
        ("FLUSHDB ASYNC", ["FLUSHDB ASYNC"]),
        ("SCRIPT LOAD code", ["SCRIPT LOAD code"]),
        ("MOVE a 1", ["MOVE a 1"]),
        ("MOVE x 1", []),
        ("SWAPDB 0 1", ["SWAPDB 0 1"]),
    ],
)
def test_commands_of_several_keys(command: str, kept: list[str]) -> None:
    assert left(command, "key:a*") == (["SELECT 0", *kept] if kept else [])


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        ("MOVE a 1", ["DEL a"]),
        ("COPY a b DB 1", []),
        ("COPY a b", ["COPY a b"]),
        ("FLUSHALL", ["FLUSHALL"]),
        ("SWAPDB 1 2", []),
        ("SWAPDB 0 3", ["SWAPDB 0 3"]),
    ],
)
def test_commands_of_several_databases(command: str, kept: list[str]) -> None:
    assert left(command, "db:0", "db:3") == (["SELECT 0", *kept] if kept else [])


def test_another_databases_flush_goes() -> None:
    assert left("SELECT 1\nFLUSHDB", "db:0") == []


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("RENAME x a", "RENAME changes chosen keys together with others"),
        ("LMOVE x a LEFT LEFT", "LMOVE changes"),
        ("SUNIONSTORE a x a2", "SUNIONSTORE makes a chosen key from others"),
        ("COPY x a", "COPY makes"),
        ("SORT a BY weight_* STORE a2", "cannot tell which keys SORT touches"),
        ("EVAL script 2 a x", "EVAL changes"),
        ("EVAL script 0", "cannot tell which keys EVAL touches"),
        ("EVAL script many", "cannot tell which keys EVAL touches"),
        ("JSON.SET a $ 1", "cannot tell which keys JSON.SET touches"),
        ("MSETEX 2 a 1 x 2", "MSETEX changes"),
        ("ZUNIONSTORE a 3 a2", "cannot tell which keys ZUNIONSTORE touches"),
        ("SET", "cannot tell which keys SET touches"),
        ("EXPIRE a soon", "malformed"),
        ("SELECT", "malformed"),
    ],
)
def test_what_cannot_be_split_is_refused(command: str, message: str) -> None:
    with pytest.raises(CannotSplit, match=message) as caught:
        left(f"PING\n{command}", "key:a*")
    assert caught.value.offset == len(stream("PING"))


@pytest.mark.parametrize(
    ("command", "message"),
    [("SWAPDB 0 1", "SWAPDB exchanges"), ("SELECT 1\nMOVE k 0", "MOVE brings"), ("COPY a b DB 0", "")],
)
def test_what_mixes_databases_is_refused(command: str, message: str) -> None:
    if not message:
        command, message = f"SELECT 1\n{command}", "COPY makes"
    with pytest.raises(CannotSplit, match=message):
        left(command, "db:0")


def test_without_a_database_nothing_is_guessed() -> None:
    with pytest.raises(CannotSplit, match="which database"):
        left("SET a 1", "key:a", db=None)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("EXPIRE k 60", "PEXPIREAT k 1700000060000"),
        ("expire k 60 NX", "PEXPIREAT k 1700000060000 NX"),
        ("PEXPIRE k 60", "PEXPIREAT k 1700000000060"),
        ("EXPIRE k -1", "PEXPIREAT k 1699999999000"),
        ("SETEX k 60 v", "SET k v PXAT 1700000060000"),
        ("PSETEX k 60 v", "SET k v PXAT 1700000000060"),
        ("SET k v EX 60", "SET k v PXAT 1700000060000"),
        ("SET k v NX px 60 GET", "SET k v NX PXAT 1700000000060 GET"),
        ("SET k EX", "SET k EX"),
        ("SET k v KEEPTTL", "SET k v KEEPTTL"),
        ("SET k v PXAT 60", "SET k v PXAT 60"),
        ("SET k v IFEQ EX", "SET k v IFEQ EX"),
        ("SET k v IFEQ EX PX 60", "SET k v IFEQ EX PXAT 1700000000060"),
        ("GETEX k EX 60", "PEXPIREAT k 1700000060000"),
        ("GETEX k PXAT 60", "GETEX k PXAT 60"),
        ("GETEX k PERSIST", "GETEX k PERSIST"),
        ("RESTORE k 60 payload", "RESTORE k 1700000000060 payload ABSTTL"),
        ("RESTORE k 60 payload REPLACE", "RESTORE k 1700000000060 payload REPLACE ABSTTL"),
        ("RESTORE k 60 payload absttl", "RESTORE k 60 payload absttl"),
        ("RESTORE k 0 payload", "RESTORE k 0 payload"),
        ("PEXPIREAT k 60", "PEXPIREAT k 60"),
        ("HSET EXPIRE EX 60", "HSET EXPIRE EX 60"),
    ],
)
def test_relative_expiries_become_absolute(command: str, expected: str) -> None:
    assert absolute(command.encode().split(), NOW) == expected.encode().split()


def test_the_filter_makes_expiries_absolute() -> None:
    assert left("SETEX a 60 v", "key:a") == ["SELECT 0", "SET a v PXAT 1700000060000"]


def test_keys_changed_and_read() -> None:
    found = keys_of([b"GEORADIUS", b"from", b"0", b"0", b"1", b"km", b"STORE", b"one", b"STOREDIST", b"two"])
    assert (found.changed, found.read) == ([b"two"], [b"from"])
    found = keys_of([b"xreadgroup", b"GROUP", b"g", b"c", b"STREAMS", b"one", b"two", b">", b">"])
    assert (found.changed, found.read) == ([b"one", b"two"], [])
    with pytest.raises(UnknownCommand):
        keys_of([b"GEORADIUS", b"from", b"0", b"0", b"1", b"km"])
