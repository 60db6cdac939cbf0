"""The fingerprint of a data set: one number that two servers share if they hold the same keys. No IO.

Every key counts as BLAKE3(database, key, type, expiry, BLAKE3(type, value)), and the fingerprint is the sum of these
modulo 2^256. So keys may come in any order, can be added and taken away one at a time, and the sums of parts add up.

Covered: database numbers, keys, types, the expiry to the millisecond, strings byte by byte, lists in order, sets,
hashes with the expiries of their fields, scores of sorted sets (as IEEE 754 doubles; -0 counts as 0, because Redis
keeps the sign in some encodings only), streams (entries in order, last id; groups with last id, consumers and pending
entries with their consumer, time and count of delivery), functions (their source), what modules write of their values.

Not covered, because equal servers differ in it: how a value is encoded, order within sets and hashes, idle times and
access counters, when a consumer was last seen; and because older servers do not know it: a stream's count of entries
ever added and its highest deleted id, a group's count of entries read. Nor is what is no data: settings, ACL users.
The sum proves against accidents and damage, not against someone who can choose keys to make it fit.
"""

from collections.abc import Iterable
from struct import Struct, pack

from blake3 import blake3

from planaria.drivers.redis.rdb_read import Function, Key, items
from planaria.drivers.redis.rdb_streams import Id, Stream
from planaria.drivers.redis.rdb_values import Hash, Module, Value, parse_dump
from planaria.drivers.redis.resp import Bytes

_MODULO = 1 << 256
_FOREVER = -(1 << 63)
_SIZE = Struct("<Q").pack
_DOUBLE = Struct("<d").pack
_ENTRY = Struct("<IqQ").pack
_TYPES = {name: name.encode() + b"\0" for name in ("string", "list", "set", "zset", "hash", "stream", "module")}


class Digest:
    """A sum of entries. Empty: all zeros."""

    __slots__ = ("_sum",)

    def __init__(self) -> None:
        self._sum = 0

    def add(self, db: int, key: bytes, type: str, expire_at: int | None, value: Value) -> None:
        """`expire_at` in milliseconds of the Unix epoch; `value` as `value_digest` takes it."""
        self._sum += entry(db, key, expire_at, value_digest(type, value))

    def remove(self, db: int, key: bytes, type: str, expire_at: int | None, value: Value) -> None:
        """Undoes an `add` of the same."""
        self._sum -= entry(db, key, expire_at, value_digest(type, value))

    def add_entry(self, entry: int) -> None:
        """Of `entry`, `function_entry` or `digest_of_dump`; minus one of these takes it away."""
        self._sum += entry

    def add_all(self, other: "Digest") -> None:
        """The keys of another part of the data set, another shard say."""
        self._sum += other._sum

    def hexdigest(self) -> str:
        """64 hexadecimal digits."""
        return f"{self._sum % _MODULO:064x}"


def entry(db: int, key: bytes, expire_at: int | None, value_digest: bytes) -> int:
    """What a key counts."""
    head = _ENTRY(db, _FOREVER if expire_at is None else expire_at, len(key))
    return int.from_bytes(blake3(b"key\0" + head + key + value_digest).digest(), "little")


def function_entry(code: bytes) -> int:
    """What a library of functions counts: `library_code` of FUNCTION LIST WITHCODE."""
    return int.from_bytes(blake3(b"function\0" + code).digest(), "little")


def value_digest(type: str, value: Value) -> bytes:
    """32 bytes. `type` as TYPE names it; a hash may be given as a plain dict. Raises ValueError if they disagree."""
    match type, value:
        case "string", bytes():
            return blake3(b"string\0" + value).digest()
        case "list", list():
            return _parts("list", value)
        case "set", set() | frozenset():
            return _parts("set", sorted(value))
        case "zset", dict():
            scores = sorted(value.items())
            return _parts("zset", [part for member, score in scores for part in (member, _DOUBLE(float(score) + 0.0))])
        case "hash", dict():
            return _hash(Hash(value))  # type: ignore[arg-type]
        case "hash", Hash():
            return _hash(value)
        case "stream", Stream():
            return _parts("stream", _stream(value))
        case "module", Module():
            return _parts("module", [value.name.encode(), value.raw])
    raise ValueError(f"a {value.__class__.__name__} is no value of type {type}")


def digest_of_dump(db: int, key: bytes, expire_at: int | None, payload: bytes, at_ms: int | None = None) -> int:
    """What a live key counts, from DUMP and PEXPIRETIME (None for -1). 0: it holds nothing any more at `at_ms`.

    Raises RdbError for a payload that is not understood.
    """
    dump = parse_dump(payload)
    return _counted(db, key, dump.type, expire_at, dump.value(), at_ms)


def digest_of_rdb(pieces: Iterable[Bytes], at_ms: int | None = None) -> tuple[str, dict[int, int]]:
    """(fingerprint, keys per database) of an RDB given in pieces of any size; its checksum is not verified here.

    `at_ms`: keys and fields of hashes that expire at or before that instant (milliseconds of the Unix epoch) are left
    out, as a server leaves them out of its answers. Raises RdbError.
    """
    total = 0
    counts: dict[int, int] = {}
    for item in items(pieces):
        if isinstance(item, Key):
            one = _counted(item.db, item.key, item.type, item.expire_at, item.value(), at_ms)
            total += one
            if one:
                counts[item.db] = counts.get(item.db, 0) + 1
        elif isinstance(item, Function):
            total += function_entry(item.code)
    return f"{total % _MODULO:064x}", counts


def _counted(db: int, key: bytes, type: str, expire_at: int | None, value: Value, at_ms: int | None) -> int:
    if at_ms is not None:
        if expire_at is not None and expire_at <= at_ms:
            return 0
        if isinstance(value, Hash) and value.expires:
            value = _without_expired(value, at_ms)
            if not value.fields:
                return 0
    return entry(db, key, expire_at, value_digest(type, value))


def _without_expired(value: Hash, at_ms: int) -> Hash:
    gone = {name for name, expiry in value.expires.items() if expiry <= at_ms}
    fields = {name: content for name, content in value.fields.items() if name not in gone}
    return Hash(fields, {name: expiry for name, expiry in value.expires.items() if name not in gone})


def _parts(type: str, parts: list[bytes]) -> bytes:
    """Parts with their lengths, so that no two lists of parts are the same bytes."""
    joined = [_TYPES[type]]
    for part in parts:
        joined += (_SIZE(len(part)), part)
    return blake3(b"".join(joined)).digest()


def _hash(value: Hash) -> bytes:
    parts: list[bytes] = []
    if not value.expires:
        for name, content in sorted(value.fields.items()):
            parts += (name, content, b"")
    else:
        for name, content in sorted(value.fields.items()):
            expiry = value.expires.get(name)
            parts += (name, content, b"" if expiry is None else pack("<q", expiry))
    return _parts("hash", parts)


def _stream(value: Stream) -> list[bytes]:
    parts = [_id(value.last_id), _SIZE(len(value.entries))]
    for id, pairs in sorted(value.entries.items()):
        parts += (_id(id), _SIZE(len(pairs)), *pairs)
    parts.append(_SIZE(len(value.groups)))
    for name, group in sorted(value.groups.items()):
        owners = {id: owner for owner, consumer in group.consumers.items() for id in consumer.pending}
        parts += (name, _id(group.last_id), _SIZE(len(group.consumers)), *sorted(group.consumers))
        parts.append(_SIZE(len(group.pending)))
        for id, (delivered_at, times) in sorted(group.pending.items()):
            parts += (_id(id), owners.get(id, b""), pack("<qQ", delivered_at, times))
    return parts


def _id(id: Id) -> bytes:
    return pack(">QQ", *id)
