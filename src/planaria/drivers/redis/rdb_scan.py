"""Where the parts of an RDB end, in bytes at hand. No IO, and nothing decoded that is not asked for.

Every function takes the bytes and a position, and returns the position behind what it read. IndexError: the bytes are
cut there, and more of them may help; RdbError: they are wrong, with the position as its offset. Lengths are only
believed as far as there are bytes, so a lie costs no memory (redis/redis src/rdb.h, src/rdb.c: rdbLoadObject).
"""

import re
from collections.abc import Callable
from enum import IntEnum

from planaria.drivers.redis.lzf import decompress
from planaria.drivers.redis.resp import MAX_BULK

MAGIC = re.compile(rb"(REDIS)(\d{4})|(VALKEY)(\d{3})")
MAGIC_SIZE = 9
VALKEY = 80
"""RDB versions from here on are Valkey's own."""


class RdbError(ValueError):
    """The bytes are no RDB that we understand; `offset` is where."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(f"{message} at offset {offset}")
        self.message = message
        self.offset = offset


class Opcode(IntEnum):
    """What stands in place of a kind, where no key follows or something of the key goes before it."""

    SLOT_INFO = 244
    FUNCTION = 245
    MODULE_AUX = 247
    IDLE = 248
    FREQUENCY = 249
    AUX = 250
    RESIZE_DB = 251
    EXPIRE_AT_MS = 252
    EXPIRE_AT = 253
    SELECT_DB = 254
    EOF = 255


class Kind(IntEnum):
    """How a value is written: the byte in front of its key."""

    STRING = 0
    LIST = 1
    SET = 2
    ZSET = 3
    HASH = 4
    ZSET_2 = 5
    MODULE_2 = 7
    HASH_ZIPMAP = 9
    LIST_ZIPLIST = 10
    SET_INTSET = 11
    ZSET_ZIPLIST = 12
    HASH_ZIPLIST = 13
    LIST_QUICKLIST = 14
    STREAM_LISTPACKS = 15
    HASH_LISTPACK = 16
    ZSET_LISTPACK = 17
    LIST_QUICKLIST_2 = 18
    STREAM_LISTPACKS_2 = 19
    SET_LISTPACK = 20
    STREAM_LISTPACKS_3 = 21
    HASH_22 = 22
    """Fields that expire: Valkey's `HASH_2` from version 80 on, else that of Redis 7.4's release candidates."""
    HASH_LISTPACK_EX_PRE_GA = 23
    HASH_METADATA = 24
    HASH_LISTPACK_EX = 25


TYPES = {
    "string": (Kind.STRING,),
    "list": (Kind.LIST, Kind.LIST_ZIPLIST, Kind.LIST_QUICKLIST, Kind.LIST_QUICKLIST_2),
    "set": (Kind.SET, Kind.SET_INTSET, Kind.SET_LISTPACK),
    "zset": (Kind.ZSET, Kind.ZSET_2, Kind.ZSET_ZIPLIST, Kind.ZSET_LISTPACK),
    "hash": (
        *(Kind.HASH, Kind.HASH_ZIPMAP, Kind.HASH_ZIPLIST, Kind.HASH_LISTPACK, Kind.HASH_22),
        *(Kind.HASH_LISTPACK_EX_PRE_GA, Kind.HASH_METADATA, Kind.HASH_LISTPACK_EX),
    ),
    "stream": (Kind.STREAM_LISTPACKS, Kind.STREAM_LISTPACKS_2, Kind.STREAM_LISTPACKS_3),
    "module": (Kind.MODULE_2,),
}
TYPE_OF: dict[int, str] = {kind: name for name, kinds in TYPES.items() for kind in kinds}
"""The logical type, as the command TYPE names it (a module's own types are all `module` here)."""


def length(data: bytes, position: int) -> tuple[int, int]:
    """A count or length, and the position behind it."""
    first = data[position]
    if first < 0x40:
        return first, position + 1
    if first < 0x80:
        return (first & 0x3F) << 8 | data[position + 1], position + 2
    if first in (0x80, 0x81):
        end = position + (5 if first == 0x80 else 9)
        return int.from_bytes(cut(data, position + 1, end), "big"), end
    raise RdbError(f"{first:#04x} begins no length", position)


def cut(data: bytes, start: int, end: int) -> bytes:
    """`data[start:end]`, all of it."""
    if end > len(data):
        raise IndexError
    return data[start:end]


def string(data: bytes, position: int) -> tuple[bytes, int]:
    """A string's content, unpacked, and the position behind it."""
    first = data[position]
    if first < 0x40:
        end = position + 1 + first
        return cut(data, position + 1, end), end
    if first < 0xC0:
        size, start = length(data, position)
        return cut(data, start, start + size), _fits(size, position) + start
    if first < 0xC3:
        end = position + 1 + (1 << (first & 3))
        return b"%d" % int.from_bytes(cut(data, position + 1, end), "little", signed=True), end
    start, packed, size = _compressed(data, position)
    try:
        return decompress(cut(data, start, start + packed), size), start + packed
    except ValueError as error:
        raise RdbError(str(error), position) from None


def skip_string(data: bytes, position: int) -> int:
    first = data[position]
    if first < 0x40:
        return position + 1 + first
    if first < 0xC0:
        size, start = length(data, position)
        return start + _fits(size, position)
    if first < 0xC3:
        return position + 1 + (1 << (first & 3))
    start, packed, _ = _compressed(data, position)
    return start + packed


def _compressed(data: bytes, position: int) -> tuple[int, int, int]:
    """(start of the packed bytes, how many, how many unpacked)."""
    if data[position] != 0xC3:
        raise RdbError(f"{data[position]:#04x} begins no string", position)
    packed, start = length(data, position + 1)
    size, start = length(data, start)
    return start, _fits(packed, position), _fits(size, position)


def _fits(size: int, position: int) -> int:
    if size > MAX_BULK:
        raise RdbError(f"a string of {size} bytes, more than {MAX_BULK}", position)
    return size


def skip_lengths(data: bytes, position: int, count: int) -> int:
    for _ in range(count):
        position = length(data, position)[1]
    return position


def skip_module(data: bytes, position: int) -> int:
    """A module's data up to its end mark: it says of every part what it is, so it can be skipped without the module."""
    while True:
        opcode, position = length(data, position)
        match opcode:
            case 0:
                return position
            case 1 | 2:
                position = length(data, position)[1]
            case 3:
                position += 4
            case 4:
                position += 8
            case 5:
                position = skip_string(data, position)
            case _:
                raise RdbError(f"{opcode} is no part of a module's data", position)
        if position > len(data):
            raise IndexError


def skip_value(kind: int, data: bytes, position: int, version: int) -> int:
    """Behind the value of that kind; all of it is in `data`."""
    skip = _SKIPS.get(kind)
    if skip is None:
        raise RdbError(f"a value of type {kind} of RDB version {version}, which is not understood", position)
    end = skip(data, position, version)
    if end > len(data):
        raise IndexError
    return end


Skip = Callable[[bytes, int, int], int]


def _one(data: bytes, position: int, _version: int) -> int:
    return skip_string(data, position)


def _strings(each: int) -> Skip:
    def skip(data: bytes, position: int, _version: int) -> int:
        count, position = length(data, position)
        for _ in range(count * each):
            position = skip_string(data, position)
        return position

    return skip


def _zset(data: bytes, position: int, _version: int) -> int:
    count, position = length(data, position)
    for _ in range(count):
        position = skip_string(data, position)
        size = data[position]
        position += 1 if size > 252 else 1 + size
    return position


def _zset_2(data: bytes, position: int, _version: int) -> int:
    count, position = length(data, position)
    for _ in range(count):
        position = skip_string(data, position) + 8
    return position


def _module(data: bytes, position: int, _version: int) -> int:
    return skip_module(data, length(data, position)[1])


def _quicklist_2(data: bytes, position: int, _version: int) -> int:
    count, position = length(data, position)
    for _ in range(count):
        position = skip_string(data, length(data, position)[1])
    return position


def _hash_22(data: bytes, position: int, version: int) -> int:
    count, position = length(data, position)
    for _ in range(count):
        if version >= VALKEY:
            position = skip_string(data, skip_string(data, position)) + 8
        else:
            position = skip_string(data, skip_string(data, length(data, position)[1]))
    return position


def _hash_metadata(data: bytes, position: int, _version: int) -> int:
    return _hash_22(data, position + 8, 0)


def _hash_listpack_ex(data: bytes, position: int, _version: int) -> int:
    return skip_string(data, position + 8)


def _stream(counters: int, group_counters: int, times: int) -> Skip:
    """`counters` behind the entries, `group_counters` of a group, `times` of a consumer: each version has more."""

    def skip(data: bytes, position: int, _version: int) -> int:
        position = _strings(2)(data, position, 0)
        groups, position = length(data, skip_lengths(data, position, counters))
        for _ in range(groups):
            pending, position = length(data, skip_lengths(data, skip_string(data, position), group_counters))
            for _ in range(pending):
                position = length(data, position + 24)[1]
            consumers, position = length(data, position)
            for _ in range(consumers):
                own, position = length(data, skip_string(data, position) + 8 * times)
                position += 16 * own
        return position

    return skip


_SKIPS: dict[int, Skip] = {
    Kind.STRING: _one,
    Kind.LIST: _strings(1),
    Kind.SET: _strings(1),
    Kind.ZSET: _zset,
    Kind.HASH: _strings(2),
    Kind.ZSET_2: _zset_2,
    Kind.MODULE_2: _module,
    Kind.HASH_ZIPMAP: _one,
    Kind.LIST_ZIPLIST: _one,
    Kind.SET_INTSET: _one,
    Kind.ZSET_ZIPLIST: _one,
    Kind.HASH_ZIPLIST: _one,
    Kind.LIST_QUICKLIST: _strings(1),
    Kind.STREAM_LISTPACKS: _stream(3, 2, 1),
    Kind.HASH_LISTPACK: _one,
    Kind.ZSET_LISTPACK: _one,
    Kind.LIST_QUICKLIST_2: _quicklist_2,
    Kind.STREAM_LISTPACKS_2: _stream(8, 3, 1),
    Kind.SET_LISTPACK: _one,
    Kind.STREAM_LISTPACKS_3: _stream(8, 3, 2),
    Kind.HASH_22: _hash_22,
    Kind.HASH_LISTPACK_EX_PRE_GA: _one,
    Kind.HASH_METADATA: _hash_metadata,
    Kind.HASH_LISTPACK_EX: _hash_listpack_ex,
}
