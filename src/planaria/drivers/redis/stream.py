"""A replication stream with only the commands that touch chosen keys. No IO.

What mixes chosen keys and others is split where each half is exact (DEL, MSET, RENAME away …), and refused where it is
not: a partial restore must not guess.
"""

from planaria.drivers.redis.commands import Keys, UnknownCommand, keys_of
from planaria.drivers.redis.patterns import Selection
from planaria.drivers.redis.resp import Command, encode_command
from planaria.drivers.redis.ttl import absolute

_NO_DATA = {b"PING", b"REPLCONF", b"PUBLISH", b"SPUBLISH", b"FUNCTION"}
"""Dropped: keep-alives, messages, and functions, which belong to no key."""
_SPLIT = {b"DEL": 1, b"UNLINK": 1, b"MSET": 2, b"MSETNX": 2}
"""Every key is a matter of its own: so many arguments each."""


class CannotSplit(ValueError):
    """A command from which the chosen keys cannot be told apart; `offset` is where it begins in the stream."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(f"{message} (at offset {offset} of the stream)")
        self.offset = offset


class StreamFilter:
    """Takes one command after the other. `db`: selected where the stream begins; None: unknown, a SELECT must come.

    What comes out begins with a SELECT of its own, keeps transactions together, and has absolute expiries only.
    """

    def __init__(self, selection: Selection, *, db: int | None = None) -> None:
        self._selection = selection
        self._db = db
        self._told_db: int | None = None
        self._in_multi = False
        self._told_multi = False

    def take(self, command: Command, at_ms: int) -> bytes:
        """What is left of a command that arrived at `at_ms` (milliseconds of the Unix epoch); often nothing.

        Raises CannotSplit.
        """
        try:
            args = absolute(command.args, at_ms)
            name = args[0].upper()
            if name in _NO_DATA:
                return b""
            if name in (b"SELECT", b"MULTI", b"EXEC"):
                return self._framing(name, args)
            if name in (b"FLUSHALL", b"FLUSHDB", b"SWAPDB", b"SCRIPT"):
                return self._told(args) if self._keeps_whole(name, args) else b""
            kept = self._kept(name, args)
            return b"" if kept is None else self._told(kept)
        except (ValueError, IndexError) as error:
            reason = str(error) if isinstance(error, UnknownCommand | _Mixed) else "a command is malformed"
            raise CannotSplit(reason, command.start) from None

    def _framing(self, name: bytes, args: list[bytes]) -> bytes:
        if name == b"SELECT":
            self._db = int(args[1])
        elif name == b"MULTI":
            self._in_multi, self._told_multi = True, False
        else:
            told, self._in_multi, self._told_multi = self._told_multi, False, False
            return encode_command(b"EXEC") if told else b""
        return b""

    def _told(self, args: list[bytes]) -> bytes:
        """The command, behind the MULTI and SELECT that it needs."""
        before = b""
        if self._in_multi and not self._told_multi:
            before, self._told_multi = encode_command(b"MULTI"), True
        if self._db != self._told_db:
            before += encode_command(b"SELECT", b"%d" % self._current())
            self._told_db = self._db
        return before + encode_command(*args)

    def _current(self) -> int:
        if self._db is None:
            raise _Mixed("the stream does not say which database it begins in")
        return self._db

    def _keeps_whole(self, name: bytes, args: list[bytes]) -> bool:
        if name == b"FLUSHDB":
            return self._selection.keeps_db(self._current())
        if name == b"SWAPDB":
            one, other = (self._selection.keeps_db(int(arg)) for arg in args[1:3])
            if one != other:
                raise _Mixed("SWAPDB exchanges a chosen database with another")
            return one
        return True

    def _kept(self, name: bytes, args: list[bytes]) -> list[bytes] | None:
        keys = keys_of(args)
        db = self._current()
        if name == b"MOVE":
            return self._moved(args, db, int(args[2]))
        to_db = _copied_to(args, db) if name == b"COPY" else db
        changed = [self._selection.keeps(to_db, key) for key in keys.changed]
        if not any(changed):
            return None
        if all(changed):
            if all(self._selection.keeps(db, key) for key in keys.read):
                return args
            raise _Mixed(f"{name.decode()} makes a chosen key from others")
        return _half(name, args, keys, changed)

    def _moved(self, args: list[bytes], db: int, to_db: int) -> list[bytes] | None:
        here, there = self._selection.keeps(db, args[1]), self._selection.keeps(to_db, args[1])
        if there and not here:
            raise _Mixed("MOVE brings a key into a chosen database from another")
        if here and not there:
            return [b"DEL", args[1]]
        return args if here else None


class _Mixed(ValueError):
    pass


def _copied_to(args: list[bytes], db: int) -> int:
    rest = [arg.upper() for arg in args[3:]]
    return int(args[3 + rest.index(b"DB") + 1]) if b"DB" in rest else db


def _half(name: bytes, args: list[bytes], keys: Keys, chosen: list[bool]) -> list[bytes]:
    """What a command that changes chosen and other keys does to the chosen ones."""
    if name in _SPLIT:
        each = _SPLIT[name]
        kept = [args[1 + each * index : 1 + each * (index + 1)] for index, keep in enumerate(chosen) if keep]
        return [args[0], *(arg for one in kept for arg in one)]
    if len(keys.changed) == 2:
        here = chosen[0]
        source, target = keys.changed
        if name == b"SMOVE":
            return [b"SREM", source, args[3]] if here else [b"SADD", target, args[3]]
        if name in (b"RENAME", b"RENAMENX") and here:
            return [b"DEL", source]
        if name in (b"RPOPLPUSH", b"BRPOPLPUSH") and here:
            return [b"RPOP", source]
        if name in (b"LMOVE", b"BLMOVE") and here:
            return [b"LPOP" if args[3].upper() == b"LEFT" else b"RPOP", source]
    raise _Mixed(f"{name.decode()} changes chosen keys together with others")
