"""The compact arrays inside an RDB's strings (listpack, ziplist, zipmap, intset) as lists of byte strings. No IO.

Sources: redis/redis src/listpack.c, src/ziplist.c, src/zipmap.c, src/intset.c. Integers come as their decimal text, as
Redis answers them. All raise ValueError where the bytes are not what they should be.
"""

from struct import unpack

from planaria.drivers.redis.resp import Bytes

END = 0xFF
_EDGES = (2**14 - 1, 2**21 - 1, 2**28 - 1)
"""Entry lengths which fill their seven-bit groups: Redis, not Valkey 9.1, puts a group of zeros in front of them."""


def listpack(data: bytes) -> list[bytes]:
    """Header: total bytes (4) and count (2, 65535: unknown). An entry is followed by its own length, for going back."""
    if len(data) < 7 or int.from_bytes(data[:4], "little") != len(data):
        raise ValueError("a listpack does not have the size that it says")
    found: list[bytes] = []
    position, last = 6, len(data) - 1
    try:
        while position < last:
            first = data[position]
            if first < 0x80:
                found.append(b"%d" % first)
                position += 2
                continue
            if first < 0xC0:
                start, end = position + 1, position + 1 + (first & 0x3F)
                found.append(data[start:end])
            elif first < 0xE0:
                end = position + 2
                number = (first & 0x1F) << 8 | data[position + 1]
                found.append(b"%d" % (number - 0x2000 if number >= 0x1000 else number))
            else:
                end = _listpack_long(data, position, first, found)
            size = end - position
            position = end + 1
            if size > 127:
                position += 1 + (size > _EDGES[0]) + (size > _EDGES[1]) + (size > _EDGES[2])
                if size in _EDGES and not data[end]:
                    position += 1
    except IndexError:
        raise ValueError("a listpack is cut") from None
    if position != last or data[last] != END:
        raise ValueError("a listpack does not end where it says")
    count = int.from_bytes(data[4:6], "little")
    if count not in (len(found), 65535):
        raise ValueError(f"a listpack of {count} entries has {len(found)}")
    return found


_LISTPACK_INTEGERS = {0xF1: 2, 0xF2: 3, 0xF3: 4, 0xF4: 8}


def _listpack_long(data: bytes, position: int, first: int, found: list[bytes]) -> int:
    """The rarer entries; returns where the entry ends, without the length behind it."""
    width = _LISTPACK_INTEGERS.get(first)
    if width is not None:
        end = position + 1 + width
        found.append(b"%d" % int.from_bytes(data[position + 1 : end], "little", signed=True))
        return end
    if first < 0xF0:
        start = position + 2
        end = start + ((first & 0x0F) << 8 | data[position + 1])
    elif first == 0xF0:
        start = position + 5
        end = start + int.from_bytes(data[position + 1 : start], "little")
    else:
        raise ValueError(f"{first:#04x} begins no entry of a listpack")
    if end > len(data):
        raise IndexError
    found.append(data[start:end])
    return end


_ZIPLIST_INTEGERS = {0xC0: 2, 0xD0: 4, 0xE0: 8, 0xF0: 3, 0xFE: 1}


def ziplist(data: bytes) -> list[bytes]:
    """Header: total bytes (4), offset of the last entry (4), count (2). An entry begins with the length of the last."""
    if len(data) < 11 or int.from_bytes(data[:4], "little") != len(data) or data[-1] != END:
        raise ValueError("a ziplist does not have the size that it says")
    found: list[bytes] = []
    position, last = 10, len(data) - 1
    try:
        while position < last:
            position += 5 if data[position] == 0xFE else 1
            first = data[position]
            width = _ZIPLIST_INTEGERS.get(first)
            if first < 0xC0:
                start, size = _ziplist_string(data, position)
                end = start + size
                found.append(data[start:end])
            elif width is not None:
                end = position + 1 + width
                found.append(b"%d" % int.from_bytes(data[position + 1 : end], "little", signed=True))
            elif 0xF1 <= first <= 0xFD:
                end = position + 1
                found.append(b"%d" % (first - 0xF1))
            else:
                raise ValueError(f"{first:#04x} begins no entry of a ziplist")
            position = end
    except IndexError:
        raise ValueError("a ziplist is cut") from None
    count = int.from_bytes(data[8:10], "little")
    if position != last or count not in (len(found), 65535):
        raise ValueError("a ziplist does not end where it says")
    return found


def _ziplist_string(data: bytes, position: int) -> tuple[int, int]:
    first = data[position]
    if first < 0x40:
        return position + 1, first
    if first < 0x80:
        return position + 2, (first & 0x3F) << 8 | data[position + 1]
    return position + 5, int.from_bytes(data[position + 1 : position + 5], "big")


def zipmap(data: bytes) -> list[bytes]:
    """Fields and values in turn. A value is followed by free bytes, whose count stands in front of it."""
    found: list[bytes] = []
    position = 1
    try:
        while data[position] != END:
            free = 0
            size, position = _zipmap_length(data, position)
            if len(found) % 2:
                free = data[position]
                position += 1
            if position + size + free > len(data):
                raise IndexError
            found.append(data[position : position + size])
            position += size + free
    except IndexError:
        raise ValueError("a zipmap is cut") from None
    if position != len(data) - 1 or len(found) % 2:
        raise ValueError("a zipmap does not end where it says")
    return found


def _zipmap_length(data: bytes, position: int) -> tuple[int, int]:
    first = data[position]
    if first < 0xFE:
        return first, position + 1
    return int.from_bytes(data[position + 1 : position + 5], "little"), position + 5


def intset(data: Bytes) -> list[bytes]:
    """Header: bytes of an integer (4) and count (4)."""
    width, count = int.from_bytes(data[:4], "little"), int.from_bytes(data[4:8], "little")
    if width not in (2, 4, 8) or len(data) != 8 + width * count:
        raise ValueError("an intset does not have the size that it says")
    code = {2: "h", 4: "i", 8: "q"}[width]
    return [b"%d" % number for number in unpack(f"<{count}{code}", data[8:])]
