"""RESP: commands and replies from bytes, and the walker that follows a replication stream at speed. No IO.

The replication stream is a plain sequence of RESP arrays of bulk strings
(`*2\\r\\n$6\\r\\nSELECT\\r\\n$1\\r\\n0\\r\\n`); empty lines between them are keep-alives. Redis' own replica takes no
more than 1 Mi arguments, and bulk strings up to `proto-max-bulk-len` (512 MiB unless configured); the same bounds
hold here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

Bytes = bytes | bytearray | memoryview

MAX_ARGUMENTS = 1024 * 1024
MAX_BULK = 512 * 1024 * 1024
MAX_LINE = 64 * 1024


class ProtocolError(ValueError):
    """The bytes are not the protocol; `offset` is where, counted as the caller counts."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(f"{message} at offset {offset}")
        self.offset = offset


def encode_command(*args: bytes) -> bytes:
    """One command as an array of bulk strings."""
    parts = [b"*%d\r\n" % len(args)]
    for arg in args:
        parts.append(b"$%d\r\n" % len(arg))
        parts.append(arg)
        parts.append(b"\r\n")
    return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a stream: `start` and `end` are offsets in the stream, `end` just behind it."""

    args: list[bytes]
    start: int
    end: int


_EMPTY_LINES = re.compile(rb"\n*")
_COUNT = re.compile(rb"\*([1-9]\d{0,6})\r\n")
_LENGTH = re.compile(rb"\$(0|[1-9]\d{0,10})\r\n")
_COUNT_PREFIX = re.compile(rb"(?:\*(?:[1-9]\d{0,6}\r?)?)?")
_LENGTH_PREFIX = re.compile(rb"(?:\$(?:0|[1-9]\d{0,10})?\r?)?")


def commands(data: bytes, at_offset: int, *, max_bulk: int = MAX_BULK) -> Iterator[Command]:
    """Every whole command of `data`, which starts at a command boundary; a cut command at the end is left out.

    Raises ProtocolError.
    """
    position = 0
    while True:
        match = _EMPTY_LINES.match(data, position)
        position = match.end() if match else position
        parsed = _whole(data, position, at_offset, max_bulk)
        if parsed is None:
            return
        args, end = parsed
        yield Command(args, at_offset + position, at_offset + end)
        position = end


_SHORT = {b"$%d\r\n" % length: (5, length) for length in range(10, 100)}
_SHORT |= {b"$%d\r\n%c" % (length, byte): (4, length) for length in range(10) for byte in range(256)}


def _whole(data: bytes, start: int, at_offset: int, max_bulk: int) -> tuple[list[bytes], int] | None:
    """The command that starts at `start` and the place behind it; None: not all of it is here."""
    head = _number(_COUNT, _COUNT_PREFIX, data, start, at_offset, MAX_ARGUMENTS)
    if head is None:
        return None
    count, position = head
    args: list[bytes] = []
    short = _SHORT.get
    for _ in range(count):
        known = short(data[position : position + 5])
        if known is None:
            length = _number(_LENGTH, _LENGTH_PREFIX, data, position, at_offset, max_bulk)
            if length is None:
                return None
            begin, end = length[1], length[0] + length[1]
        else:
            begin = position + known[0]
            end = begin + known[1]
        position = end + 2
        if data[end:position] != b"\r\n":
            _closing(data, end, at_offset)
            return None
        args.append(data[begin:end])
    return args, position


def _closing(data: bytes, end: int, at_offset: int) -> None:
    if not b"\r\n".startswith(data[end : end + 2]):
        raise ProtocolError("a bulk string does not end where it says", at_offset + end)


def _number(
    pattern: re.Pattern[bytes], prefix: re.Pattern[bytes], data: bytes, position: int, at_offset: int, most: int
) -> tuple[int, int] | None:
    match = pattern.match(data, position)
    if match is None:
        if prefix.fullmatch(data, position, position + 16) and len(data) - position < 16:
            return None
        raise ProtocolError("this is not a command", at_offset + position)
    number = int(match[1])
    if number > most:
        raise ProtocolError(f"a length of {number} is more than {most}", at_offset + position)
    return number, match.end()


class CommandParser:
    """`commands` over arbitrary slices. Holds at most one command (bounded by `max_command` bytes)."""

    def __init__(self, offset: int, *, max_bulk: int = MAX_BULK, max_command: int = 2 * MAX_BULK) -> None:
        self.offset = offset
        """Just behind the last whole command."""
        self._max_bulk = max_bulk
        self._max_command = max_command
        self._held = bytearray()
        self._at = offset  # of the first byte held
        self._wanted = 0  # bytes held before another look is worth it
        self._left = 0
        self._args: list[bytes] = []

    def feed(self, data: Bytes) -> list[Command]:
        """The commands that these bytes completed. Raises ProtocolError."""
        self._held += data
        if len(self._held) < self._wanted:
            self._check_size()
            return []
        whole = bytes(self._held)
        found: list[Command] = []
        position = 0
        if self._left or self._wanted:
            position = self._go_on(whole, 0, found)
        if not self._left:
            found += commands(whole[position:] if position else whole, self._at + position, max_bulk=self._max_bulk)
            position = found[-1].end - self._at if found else position
            match = _EMPTY_LINES.match(whole, position)
            position = self._go_on(whole, match.end() if match else position, found)
        del self._held[:position]
        self._at += position
        self._check_size()
        return found

    def _check_size(self) -> None:
        if self._at + len(self._held) - self.offset > self._max_command:
            raise ProtocolError(f"a command is longer than {self._max_command} bytes", self.offset)

    def _go_on(self, whole: bytes, position: int, found: list[Command]) -> int:
        """As far as the command that is cut goes; its arguments are kept, so that none is parsed twice."""
        if not self._left:
            self.offset = self._at + position
            head = _number(_COUNT, _COUNT_PREFIX, whole, position, self._at, MAX_ARGUMENTS)
            if head is None:
                return position
            self._left, position = head
            self._args = []
        while self._left:
            length = _number(_LENGTH, _LENGTH_PREFIX, whole, position, self._at, self._max_bulk)
            if length is None:
                self._wanted = 0
                return position
            end = length[1] + length[0]
            if len(whole) < end + 2:
                _closing(whole, end, self._at)
                self._wanted = end + 2 - position
                return position
            _closing(whole, end, self._at)
            self._args.append(whole[length[1] : end])
            self._left -= 1
            position = end + 2
        self._wanted = 0
        found.append(Command(self._args, self.offset, self._at + position))
        self.offset = self._at + position
        return position


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """A `-CODE message` answer, without the dash."""

    message: str

    @property
    def code(self) -> str:
        return self.message.partition(" ")[0]


Reply = bytes | int | None | ErrorReply | list["Reply"]


class ReplyParser:
    """RESP2 answers from arbitrary slices, for small answers only: `limit` bounds what is held."""

    def __init__(self, limit: int = 1024 * 1024) -> None:
        self._held = b""
        self._limit = limit

    def feed(self, data: Bytes) -> list[Reply]:
        """The answers that these bytes completed. Raises ProtocolError (its offset counts within what is held)."""
        self._held += data
        found: list[Reply] = []
        position = 0
        while (parsed := self._reply(position, 0)) is not None:
            reply, position = parsed
            found.append(reply)
        self._held = self._held[position:]
        if len(self._held) > self._limit:
            raise ProtocolError(f"an answer is longer than {self._limit} bytes", 0)
        return found

    def _reply(self, position: int, depth: int) -> tuple[Reply, int] | None:
        while self._held[position : position + 1] == b"\n":
            position += 1
        end = self._held.find(b"\r\n", position)
        if end < 0:
            if len(self._held) - position > MAX_LINE:
                raise ProtocolError("an answer's line does not end", position)
            return None
        kind, rest = self._held[position : position + 1], self._held[position + 1 : end]
        if kind == b"+":
            return rest, end + 2
        if kind == b"-":
            return ErrorReply(rest.decode("utf-8", "replace")), end + 2
        if kind not in (b":", b"$", b"*") or not re.fullmatch(rb"-?\d{1,19}", rest) or depth > 7:
            raise ProtocolError("this is not an answer of Redis", position)
        number = int(rest)
        if kind == b":":
            return number, end + 2
        if number < 0:
            return None, end + 2
        if number > self._limit:
            raise ProtocolError(f"an answer of length {number} is more than {self._limit}", position)
        return self._bulk(end + 2, number) if kind == b"$" else self._array(end + 2, number, depth)

    def _bulk(self, position: int, length: int) -> tuple[Reply, int] | None:
        end = position + length
        if len(self._held) < end + 2:
            return None
        if self._held[end : end + 2] != b"\r\n":
            raise ProtocolError("a bulk string does not end where it says", end)
        return self._held[position:end], end + 2

    def _array(self, position: int, count: int, depth: int) -> tuple[Reply, int] | None:
        items: list[Reply] = []
        for _ in range(count):
            parsed = self._reply(position, depth + 1)
            if parsed is None:
                return None
            items.append(parsed[0])
            position = parsed[1]
        return items, position
