"""An RDB as its parts, one after the other, from pieces of any size. No IO.

Each part carries its own bytes, so that it can be written again as it was. A part is parsed from its beginning once it
is in memory as a whole: what is held is the largest key with its value, and at most as much again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from planaria.drivers.redis.crc import crc64
from planaria.drivers.redis.rdb_scan import (
    MAGIC,
    MAGIC_SIZE,
    TYPE_OF,
    Opcode,
    RdbError,
    cut,
    length,
    skip_module,
    skip_value,
    string,
)
from planaria.drivers.redis.rdb_values import Value, decode, module_name
from planaria.drivers.redis.resp import Bytes

LARGEST = 4 * 1024 * 1024 * 1024
"""Bytes of one key with its value, unless asked otherwise."""
_LEAST = 256 * 1024
_FIRST_OPCODE = 0xF3
_LAST_DB = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Head:
    """The first part: `REDIS` or `VALKEY`, and the version of the format."""

    magic: str
    version: int
    record: bytes


@dataclass(frozen=True, slots=True)
class Aux:
    """What the server says of itself."""

    name: bytes
    value: bytes
    record: bytes


@dataclass(frozen=True, slots=True)
class Function:
    """A library of functions, as its source."""

    code: bytes
    record: bytes


@dataclass(frozen=True, slots=True)
class ModuleAux:
    """What a module keeps beside its keys."""

    module: str
    record: bytes


@dataclass(frozen=True, slots=True)
class SelectDb:
    """The keys that follow are of this database."""

    db: int
    record: bytes


@dataclass(frozen=True, slots=True)
class Hint:
    """Sizes that spare a loader some work; nothing is lost without them."""

    record: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The last part. `checksum` 0: the server wrote none. It is not verified here but by `RdbCheck`."""

    checksum: int
    record: bytes


class Key(NamedTuple):
    """A key. A tuple, because there are millions of them and tuples are made fastest."""

    db: int
    key: bytes
    kind: int
    expire_at: int | None
    """Milliseconds of the Unix epoch."""
    idle: int | None
    """Seconds without access, where the server evicts by LRU."""
    frequency: int | None
    """The logarithmic access counter, where the server evicts by LFU."""
    record: bytes
    """Everything: expiry, type, key and value as they were written."""
    start: int
    """Where in `record` the value begins."""
    version: int

    @property
    def type(self) -> str:
        """`string`, `list`, `set`, `zset`, `hash`, `stream` or `module`."""
        return TYPE_OF[self.kind]

    @property
    def raw(self) -> bytes:
        """The value as it was written, without its kind."""
        return self.record[self.start :]

    def value(self) -> Value:
        """Decoded. Raises RdbError, its offset counted in `raw`."""
        return decode(self.kind, self.raw, self.version)

    def dump(self) -> bytes:
        """As the command DUMP writes it, for RESTORE."""
        payload = b"%c%b%b" % (self.kind, self.raw, self.version.to_bytes(2, "little"))
        return payload + crc64(payload).to_bytes(8, "little")


Item = Head | Aux | Function | ModuleAux | SelectDb | Hint | Key | End


def items(pieces: Iterable[Bytes], *, largest: int = LARGEST) -> Iterator[Item]:
    """The parts of an RDB: Head first, End last. Raises RdbError with the offset in the whole RDB.

    `largest`: bytes that one key with its value may take in memory.
    """
    window = _Window(iter(pieces), largest)
    head = _head(window)
    yield head
    position, db = MAGIC_SIZE, 0
    while True:
        data = window.data
        try:
            while True:
                item, end = _item(data, position, db, head.version)
                yield item
                position = end
                if isinstance(item, SelectDb):
                    db = item.db
                elif isinstance(item, End):
                    window.close(position)
                    return
        except IndexError:
            window.more(position)
            position = 0
        except RdbError as error:
            raise RdbError(error.message, window.base + error.offset) from None


class _Window:
    """The part of the RDB that is in memory: `data`, which begins at offset `base`."""

    def __init__(self, pieces: Iterator[Bytes], largest: int) -> None:
        self.data = b""
        self.base = 0
        self._pieces = pieces
        self._largest = largest

    def more(self, start: int) -> None:
        """Forgets what is before `start` and at least doubles what is left. Raises RdbError at the end."""
        parts: list[Bytes] = [self.data[start:]]
        held = len(parts[0])
        if held > self._largest:
            raise RdbError(f"a key with its value takes more than {self._largest} bytes", self.base + start)
        wanted = max(_LEAST, 2 * held)
        for piece in self._pieces:
            parts.append(bytes(piece))
            held += len(piece)
            if held >= wanted:
                break
        if held == len(parts[0]):
            raise RdbError("the RDB is cut", self.base + len(self.data))
        self.base += start
        self.data = b"".join(parts)

    def close(self, end: int) -> None:
        if len(self.data) > end or any(len(piece) for piece in self._pieces):
            raise RdbError("something follows the end of the RDB", self.base + end)


def _head(window: _Window) -> Head:
    while len(window.data) < MAGIC_SIZE:
        window.more(0)
    match = MAGIC.match(window.data)
    if match is None:
        raise RdbError("this is not an RDB", 0)
    return Head((match[1] or match[3]).decode(), int(match[2] or match[4]), match[0])


def _item(data: bytes, start: int, db: int, version: int) -> tuple[Item, int]:
    """The part at `start`, and where it ends. Raises IndexError where it is cut."""
    position = start
    kind = data[position]
    expire_at = idle = frequency = None
    while kind >= _FIRST_OPCODE:
        position += 1
        if kind == Opcode.EXPIRE_AT_MS:
            expire_at = int.from_bytes(cut(data, position, position + 8), "little", signed=True)
            position += 8
        elif kind == Opcode.EXPIRE_AT:
            expire_at = int.from_bytes(cut(data, position, position + 4), "little", signed=True) * 1000
            position += 4
        elif kind == Opcode.IDLE:
            idle, position = length(data, position)
        elif kind == Opcode.FREQUENCY:
            frequency = data[position]
            position += 1
        elif position - 1 == start:
            return _other(kind, data, position, version)
        else:
            raise RdbError(f"the opcode {kind:#04x} between a key's attributes and the key", position - 1)
        kind = data[position]
    key, value = string(data, position + 1)
    end = skip_value(kind, data, value, version)
    return Key(db, key, kind, expire_at, idle, frequency, data[start:end], value - start, version), end


def _other(opcode: int, data: bytes, position: int, version: int) -> tuple[Item, int]:
    """A part that is no key. `position` is behind its opcode."""
    start = position - 1
    match opcode:
        case Opcode.AUX:
            name, position = string(data, position)
            value, position = string(data, position)
            return Aux(name, value, data[start:position]), position
        case Opcode.SELECT_DB:
            db, position = length(data, position)
            if db > _LAST_DB:
                raise RdbError(f"a database number of {db}", start)
            return SelectDb(db, data[start:position]), position
        case Opcode.RESIZE_DB | Opcode.SLOT_INFO:
            for _ in range(2 if opcode == Opcode.RESIZE_DB else 3):
                position = length(data, position)[1]
            return Hint(data[start:position]), position
        case Opcode.FUNCTION:
            code, position = string(data, position)
            return Function(code, data[start:position]), position
        case Opcode.MODULE_AUX:
            module, position = length(data, position)
            position = skip_module(data, position)
            return ModuleAux(module_name(module), data[start:position]), position
        case Opcode.EOF:
            checksum = cut(data, position, position + 8)
            return End(int.from_bytes(checksum, "little"), data[start : position + 8]), position + 8
    raise RdbError(f"the opcode {opcode} of RDB version {version}, which is not understood", start)
