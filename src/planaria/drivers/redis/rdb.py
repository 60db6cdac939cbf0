"""An RDB on its way: is it whole and undamaged, and what does its head say? Looks at no key, so it costs little. No IO.

`REDIS` + four digits (or Valkey 9's `VALKEY` + three), auxiliary fields, …, the opcode EOF, and since version 5 a
CRC-64 of all before it, little endian; zero where the server was told to write none (redis src/rdb.c: rdbSaveRio).
"""

import re

from planaria.drivers.redis.crc import Crc64
from planaria.drivers.redis.lzf import decompress
from planaria.drivers.redis.resp import Bytes

AUX = 0xFA
EOF = 0xFF
OLDEST = 5
"""The oldest version with a checksum (Redis 2.6)."""

_MAGIC = re.compile(rb"(REDIS)(\d{4})|(VALKEY)(\d{3})")
_HEAD = 16 * 1024
"""More than any server writes in front of its keys."""
_TRAILER = 9


class RdbError(ValueError):
    """The bytes are no RDB that we know; `offset` is where."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(f"{message} at offset {offset}")
        self.message = message
        self.offset = offset


class RdbCheck:
    """Fed any slices of an RDB. `feed` and `finish` raise RdbError; `finish` only returns if the RDB is whole."""

    def __init__(self) -> None:
        self.magic = ""
        self.version = 0
        self.aux: dict[str, str] = {}
        """What the head says of the server: `redis-ver`, `ctime`, `used-mem`, `repl-id`, …"""
        self._crc = Crc64()
        self._size = 0
        self._tail = b""
        self._head: bytes | None = b""

    @property
    def stream_db(self) -> int | None:
        """The database selected in the replication stream behind this RDB."""
        value = self.aux.get("repl-stream-db", "")
        return int(value) if value.isdigit() else None

    def feed(self, data: Bytes) -> None:
        """The next bytes of the RDB, any number of them."""
        self._size += len(data)
        if self._head is not None:
            self._look(self._head + bytes(data[:_HEAD]))
        if len(data) < _TRAILER:
            data = self._tail + data
            self._crc.feed(data[: max(0, len(data) - _TRAILER)])
            self._tail = bytes(data[-_TRAILER:])
        else:
            self._crc.feed(self._tail)
            self._crc.feed(memoryview(data)[:-_TRAILER])
            self._tail = bytes(data[-_TRAILER:])

    def finish(self) -> None:
        """All bytes have been fed."""
        if self._head is not None:
            self._look(self._head, ended=True)
        if not self.version or self._size < _TRAILER + 9 or self._tail[0] != EOF:
            raise RdbError("the RDB is cut: it does not end with its end mark", self._size)
        self._crc.feed(self._tail[:1])
        written = int.from_bytes(self._tail[1:], "little")
        if written and written != self._crc.value():
            raise RdbError(
                f"the RDB is damaged: its checksum says {written:016x}, it is {self._crc.value():016x}", self._size
            )

    def _look(self, head: bytes, *, ended: bool = False) -> None:
        """The magic and the auxiliary fields, once they are here."""
        self._head = head
        if not self.version and (len(head) >= 9 or ended):
            match = _MAGIC.match(head)
            if match is None:
                raise RdbError("this is not an RDB", 0)
            self.magic = (match[1] or match[3]).decode()
            self.version = int(match[2] or match[4])
            if self.version < OLDEST:
                raise RdbError(f"an RDB of version {self.version}, older than Redis 2.6", 5)
        if not self.version:
            return
        position = 9
        try:
            while head[position] == AUX:
                name, position = _string(head, position + 1)
                value, position = _string(head, position)
                self.aux[name.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
        except IndexError:
            if len(head) < _HEAD:
                return  # more is to come
        self._head = None


def _string(data: bytes, position: int) -> tuple[bytes, int]:
    """A string as rdb.c's rdbSaveRawString writes it, and where it ends. IndexError: it is cut."""
    first = data[position]
    kind = first >> 6
    if first in (0xC0, 0xC1, 0xC2):
        end = position + 1 + (1 << (first & 3))
        value: bytes = b"%d" % int.from_bytes(_slice(data, position + 1, end), "little", signed=True)
        return value, end
    if first == 0xC3:
        packed, position = _length(data, position + 1)
        size, position = _length(data, position)
        if size > _HEAD:
            raise IndexError
        try:
            return decompress(_slice(data, position, position + packed), size), position + packed
        except ValueError as error:
            raise RdbError(str(error), position) from None
    if kind == 3:
        raise RdbError("an unknown encoding of a string", position)
    length, position = _length(data, position)
    return _slice(data, position, position + length), position + length


def _length(data: bytes, position: int) -> tuple[int, int]:
    first = data[position]
    if first < 0x40:
        return first, position + 1
    if first < 0x80:
        return (first & 0x3F) << 8 | data[position + 1], position + 2
    if first in (0x80, 0x81):
        end = position + (5 if first == 0x80 else 9)
        return int.from_bytes(_slice(data, position + 1, end), "big"), end
    raise RdbError("an unknown encoding of a length", position)


def _slice(data: bytes, start: int, end: int) -> bytes:
    if end > len(data):
        raise IndexError
    return data[start:end]
