"""Streams as an RDB holds them: entries packed by the hundred against a master entry, and consumer groups. No IO.

(redis/redis src/t_stream.c: streamAppendItem; src/rdb.c: rdbLoadObject.)
"""

from dataclasses import dataclass, field

from planaria.drivers.redis.packed import listpack
from planaria.drivers.redis.rdb_scan import cut, length, string

Id = tuple[int, int]
"""(milliseconds, sequence number)."""

_DELETED = 1
_SAME_FIELDS = 2


@dataclass(slots=True)
class Consumer:
    """`seen_at` and `active_at` in milliseconds of the Unix epoch, -1: never; `pending` are ids of the group's."""

    seen_at: int
    active_at: int
    pending: list[Id] = field(default_factory=list)


@dataclass(slots=True)
class Group:
    """`read`: entries read so far, as far as the server knows. `pending`: id → (delivered at, how often)."""

    last_id: Id
    read: int | None
    pending: dict[Id, tuple[int, int]] = field(default_factory=dict)
    consumers: dict[bytes, Consumer] = field(default_factory=dict)


@dataclass(slots=True)
class Stream:
    """`entries`: id → field, value, field, value …; `added` counts all that ever were (None before Redis 7.0)."""

    entries: dict[Id, list[bytes]]
    last_id: Id
    added: int | None = None
    groups: dict[bytes, Group] = field(default_factory=dict)


def stream(raw: bytes, version: int) -> Stream:
    """`version` 1 to 3: `STREAM_LISTPACKS` and its successors. Raises IndexError where it is cut, ValueError."""
    entries: dict[Id, list[bytes]] = {}
    count, position = length(raw, 0)
    for _ in range(count):
        master, position = string(raw, position)
        packed, position = string(raw, position)
        if len(master) != 16:
            raise ValueError("a stream's entry has no id of 16 bytes")
        _entries(_id(master), listpack(packed), entries)
    total, position = length(raw, position)
    last_id, position = _two_lengths(raw, position)
    if total != len(entries):
        raise ValueError(f"a stream of {total} entries has {len(entries)}")
    found = Stream(entries, last_id)
    if version > 1:
        for _ in range(2):  # the first id, which the entries tell too, and the highest that was deleted
            position = _two_lengths(raw, position)[1]
        found.added, position = length(raw, position)
    groups, position = length(raw, position)
    for _ in range(groups):
        name, position = string(raw, position)
        if name in found.groups:
            raise ValueError("a stream has a group twice")
        found.groups[name], position = _group(raw, position, version)
    return found


def _id(raw: bytes) -> Id:
    return int.from_bytes(raw[:8], "big"), int.from_bytes(raw[8:], "big")


def _two_lengths(raw: bytes, position: int) -> tuple[Id, int]:
    milliseconds, position = length(raw, position)
    sequence, position = length(raw, position)
    return (milliseconds, sequence), position


def _entries(master: Id, flat: list[bytes], found: dict[Id, list[bytes]]) -> None:
    """Count, deleted, the master's fields, 0; then of each entry: flags, id less the master's, fields, its length."""
    there, gone, width = int(flat[0]), int(flat[1]), int(flat[2])
    names = flat[3 : 3 + width]
    if len(names) != width:
        raise IndexError
    position = 4 + width
    for _ in range(there + gone):
        flags = int(flat[position])
        entry = master[0] + int(flat[position + 1]), master[1] + int(flat[position + 2])
        position += 3
        if flags & _SAME_FIELDS:
            pairs = [one for pair in zip(names, flat[position : position + width], strict=True) for one in pair]
            position += width + 1
        else:
            size = 2 * int(flat[position])
            pairs = flat[position + 1 : position + 1 + size]
            position += 2 + size
            if len(pairs) != size:
                raise IndexError
        if not (0 <= entry[0] < 1 << 64 and 0 <= entry[1] < 1 << 64) or entry in found:
            raise ValueError("a stream's entry has an impossible id")
        if not flags & _DELETED:
            found[entry] = pairs
    if position != len(flat):
        raise ValueError("a stream's entries do not end where they say")


def _group(raw: bytes, position: int, version: int) -> tuple[Group, int]:
    last_id, position = _two_lengths(raw, position)
    read = None
    if version > 1:
        read, position = length(raw, position)
    group = Group(last_id, None if read == 2**64 - 1 else read)
    count, position = length(raw, position)
    for _ in range(count):
        entry = _id(cut(raw, position, position + 16))
        delivered = int.from_bytes(cut(raw, position + 16, position + 24), "little", signed=True)
        times, position = length(raw, position + 24)
        group.pending[entry] = delivered, times
    count, position = length(raw, position)
    for _ in range(count):
        name, position = string(raw, position)
        group.consumers[name], position = _consumer(raw, position, version)
    return group, position


def _consumer(raw: bytes, position: int, version: int) -> tuple[Consumer, int]:
    seen_at = int.from_bytes(cut(raw, position, position + 8), "little", signed=True)
    position += 8
    active_at = seen_at
    if version > 2:
        active_at = int.from_bytes(cut(raw, position, position + 8), "little", signed=True)
        position += 8
    count, position = length(raw, position)
    ends = range(position, position + 16 * count, 16)
    pending = [_id(cut(raw, start, start + 16)) for start in ends]
    return Consumer(seen_at, active_at, pending), position + 16 * count
