"""An RDB on its way: is it whole and undamaged, and what does its head say? Looks at no key, so it costs little. No IO.

`REDIS` + four digits (or Valkey 9's `VALKEY` + three), auxiliary fields, …, the opcode EOF, and since version 5 a
CRC-64 of all before it, little endian; zero where the server was told to write none (redis src/rdb.c: rdbSaveRio).
"""

from planaria.drivers.redis.crc import Crc64
from planaria.drivers.redis.rdb_scan import MAGIC, MAGIC_SIZE, Opcode, RdbError, string
from planaria.drivers.redis.resp import Bytes

__all__ = ["RdbCheck", "RdbError"]

OLDEST = 5
"""The oldest version with a checksum (Redis 2.6)."""

_HEAD = 16 * 1024
"""More than any server writes in front of its keys."""
_TRAILER = 9


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
        if not self.version or self._size < MAGIC_SIZE + _TRAILER or self._tail[0] != Opcode.EOF:
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
        if not self.version and (len(head) >= MAGIC_SIZE or ended):
            match = MAGIC.match(head)
            if match is None:
                raise RdbError("this is not an RDB", 0)
            self.magic = (match[1] or match[3]).decode()
            self.version = int(match[2] or match[4])
            if self.version < OLDEST:
                raise RdbError(f"an RDB of version {self.version}, older than Redis 2.6", 5)
        if not self.version:
            return
        position = MAGIC_SIZE
        try:
            while head[position] == Opcode.AUX:
                name, position = string(head, position + 1)
                value, position = string(head, position)
                self.aux[name.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
        except IndexError:
            if len(head) < _HEAD:
                return  # more is to come
        self._head = None
