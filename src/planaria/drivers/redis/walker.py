"""Following a replication stream without reading it: where commands end, where transactions are, which database.

A stream may be cut only where a command ends outside MULTI…EXEC: the walker knows the last such place. It looks at
every byte of a header and skips every byte of a value, so a core walks more than a million commands a second.
"""

import re
from dataclasses import dataclass

from planaria.drivers.redis.resp import MAX_ARGUMENTS, MAX_BULK, Bytes, ProtocolError

# Seven bytes from the CRLF that ends the previous item decide nearly every header by one dictionary look-up, and
# prove that CRLF on the way: `\r\n*3\r\n$` to 3 arguments, `\r\n$12\r\n` to the distance from this CRLF to the next.
_HEADS = {b"\r\n*%d\r\n$" % count: count for count in range(3, 10)}
_ARGUMENTS = {b"\r\n$%d\r\n" % length: 7 + length for length in range(10, 100)}
_ARGUMENTS |= {b"\r\n$%d\r\n%c" % (length, byte): 6 + length for length in range(10) for byte in range(256)}

_COUNT = re.compile(rb"\r\n(\n*)\*([1-9]\d{0,6})\r\n")
_COUNT_PREFIX = re.compile(rb"\r?|\r\n\n*(?:\*(?:[1-9]\d{0,6}\r?)?)?")
_LENGTH = re.compile(rb"\r\n\$(0|[1-9]\d{0,10})\r\n")
_LENGTH_PREFIX = re.compile(rb"\r?|\r\n(?:\$(?:0|[1-9]\d{0,10})?\r?)?")
_EMPTY_LINES = re.compile(rb"\r\n(\n*)")
_MULTI = b"\r\n$5\r\nMULTI\r\n"
_EXEC = b"\r\n$4\r\nEXEC\r\n"
_SELECT = b"\r\n$6\r\nSELECT\r\n"
_DATABASE = re.compile(rb"\$\d{1,2}\r\n(\d{1,10})\r\n")
_LONGEST_SPECIAL = 64


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a stream where parsing may start: a command boundary outside MULTI…EXEC, and the database there."""

    offset: int
    db: int | None


class Walker:
    """Walks a stream that starts at `offset`, a command boundary outside MULTI…EXEC with database `db` selected.

    `db` None: unknown until the first SELECT (a stream after a full resynchronisation begins with one).
    `max_bulk`: the source's proto-max-bulk-len. `feed` raises ProtocolError naming the offset; the walker is then
    useless.
    """

    def __init__(self, offset: int, *, db: int | None = None, max_bulk: int = MAX_BULK) -> None:
        self.offset = offset
        """Just behind the last byte fed."""
        self.boundary = offset
        """Just behind the last whole command."""
        self.db = db
        """Selected at `boundary`."""
        self.commands = 0
        """Whole commands so far, MULTI, EXEC, SELECT and PING included."""
        self._max_bulk = max_bulk
        self._before_multi: Place | None = None
        self._held = b"\r\n"  # as if a command had just ended
        self._base = offset - 2
        self._skip = 0
        self._left = 0
        self._within = False

    @property
    def in_multi(self) -> bool:
        return self._before_multi is not None

    @property
    def safe(self) -> int:
        """The last command boundary outside MULTI…EXEC: the stream may be cut here."""
        return self.boundary if self._before_multi is None else self._before_multi.offset

    @property
    def place(self) -> Place:
        """`safe`, with the database selected there."""
        return Place(self.boundary, self.db) if self._before_multi is None else self._before_multi

    def feed(self, data: Bytes) -> None:
        """The next bytes of the stream, any number of them."""
        self.offset += len(data)
        if self._skip:
            if self._skip >= len(data):
                self._skip -= len(data)
                self._base += len(data)
                return
            data = memoryview(data)[self._skip :]
            self._base += self._skip
            self._skip = 0
        buffer = b"".join((self._held, data)) if self._held else bytes(data)
        position = self._walk(buffer)
        self._held = buffer[position:]
        self._skip = max(0, position - len(buffer))
        self._base += min(position, len(buffer))
        if not self._within and self._held[2:3] == b"\n":
            kept = self._held[2:].lstrip(b"\n")
            self._base += len(self._held) - len(kept) - 2
            self._held = b"\r\n" + kept
            self.boundary = self._base + 2

    def _walk(self, buffer: bytes) -> int:
        """All that can be decided; returns where to go on. Positions are at the CRLF that ends the item before."""
        position, left, within = 0, self._left, self._within
        size, done, boundary = len(buffer), 0, -1
        heads, arguments = _HEADS.get, _ARGUMENTS.get
        while True:
            if not within:
                left = heads(buffer[position : position + 7]) or 0
                if left:
                    position += 4
                else:
                    step = self._head(buffer, position)
                    if step is None:
                        break
                    behind = _EMPTY_LINES.match(buffer, position)
                    if behind is not None and behind.end(1) > position + 2:
                        boundary = behind.end(1) - 2  # empty lines belong to what came before
                    position, left = step
                within = True
            while left:
                step_over = arguments(buffer[position : position + 7]) or self._argument(buffer, position)
                if not step_over:
                    break
                position += step_over
                left -= 1
            if left or position + 2 > size:
                break
            within = False
            boundary = position
            done += 1
        self._left, self._within = left, within
        self.commands += done
        if boundary >= 0:
            self.boundary = self._base + boundary + 2
        return position

    def _head(self, buffer: bytes, position: int) -> tuple[int, int] | None:
        """(where to go on, arguments to come) of the command behind the CRLF at `position`; None: not all is here."""
        match = _COUNT.match(buffer, position)
        if match is None:
            lines = _EMPTY_LINES.match(buffer, position)
            rest = position if lines is None else lines.end() - 2
            if len(buffer) - rest < 16 and _COUNT_PREFIX.fullmatch(buffer, position):
                return None
            raise ProtocolError("this is not a command", self._base + rest + 2)
        count = int(match[2])
        if count > MAX_ARGUMENTS:
            raise ProtocolError(f"a command of {count} arguments", self._base + match.end(1))
        behind = match.end() - 2
        return (behind, count) if count > 2 else self._short(buffer, behind, count, match.end(1))

    def _short(self, buffer: bytes, behind: int, count: int, start: int) -> tuple[int, int] | None:
        """Commands of one or two arguments, among them the three that matter here."""
        if count == 1:
            for name, begins in ((_MULTI, True), (_EXEC, False)):
                seen = buffer[behind : behind + len(name)].upper()
                if seen == name:
                    self._transaction(begins, self._base + start)
                    return behind + len(name) - 2, 0
                if name.startswith(seen):
                    return None
            return behind, count
        seen = buffer[behind : behind + len(_SELECT)].upper()
        if seen == _SELECT:
            match = _DATABASE.match(buffer, behind + len(_SELECT))
            if match is not None:
                self.db = int(match[1])
                return match.end() - 2, 0
            if len(buffer) - behind >= _LONGEST_SPECIAL:
                raise ProtocolError("a SELECT of no database", self._base + start)
            return None
        return None if _SELECT.startswith(seen) else (behind, count)

    def _transaction(self, begins: bool, offset: int) -> None:
        if begins == self.in_multi:
            raise ProtocolError("MULTI inside MULTI" if begins else "EXEC without MULTI", offset)
        self._before_multi = Place(offset, self.db) if begins else None

    def _argument(self, buffer: bytes, position: int) -> int:
        """Bytes from the CRLF at `position` to the CRLF behind the argument that follows; 0: not known yet."""
        match = _LENGTH.match(buffer, position)
        if match is None:
            if len(buffer) - position < 16 and _LENGTH_PREFIX.fullmatch(buffer, max(0, min(position, len(buffer)))):
                return 0
            raise ProtocolError("a command's argument is malformed", self._base + position)
        length = int(match[1])
        if length > self._max_bulk:
            raise ProtocolError(f"an argument of {length} bytes, more than {self._max_bulk}", self._base + position + 2)
        return match.end() - position + length
