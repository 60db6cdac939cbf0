"""The values of an RDB's keys, decoded: what the server would answer, whatever way it was written. No IO.

A string is bytes, a list a list, a set a set, a sorted set a dict of scores; hashes, streams and modules have classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from struct import unpack_from

from planaria.drivers.redis.packed import intset, listpack, ziplist, zipmap
from planaria.drivers.redis.rdb_scan import TYPE_OF, VALKEY, Kind, RdbError, cut, length, skip_value, string
from planaria.drivers.redis.rdb_streams import Stream, stream


@dataclass(slots=True)
class Hash:
    """`expires`: the milliseconds of the Unix epoch at which a field goes; fields that stay are not in it."""

    fields: dict[bytes, bytes]
    expires: dict[bytes, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Module:
    """A value that only its module understands; `raw` is what the module wrote."""

    name: str
    raw: bytes


Value = bytes | list[bytes] | set[bytes] | dict[bytes, float] | Hash | Stream | Module


def decode(kind: int, raw: bytes, version: int) -> Value:
    """The value written as `raw`, of which `skip_value` has said that it is all. Raises RdbError."""
    try:
        if kind == Kind.STRING:
            return string(raw, 0)[0]
        if kind == Kind.HASH_22:
            return _valkey_hash(raw) if version >= VALKEY else _hash_metadata(raw, 0, 1)
        return _DECODERS[kind](raw)
    except RdbError:
        raise
    except (ValueError, IndexError) as error:
        raise RdbError(str(error) or "the value is cut", 0) from None


@dataclass(frozen=True, slots=True)
class Dump:
    """What the command DUMP answered: a value as in an RDB of `version`."""

    kind: int
    raw: bytes
    version: int

    @property
    def type(self) -> str:
        return TYPE_OF[self.kind]

    def value(self) -> Value:
        """Decoded. Raises RdbError."""
        return decode(self.kind, self.raw, self.version)


def parse_dump(payload: bytes) -> Dump:
    """Kind, value, version (2 bytes) and checksum (8 bytes, not looked at: it came from the server just now).

    Raises RdbError.
    """
    if len(payload) < 12:
        raise RdbError("this is no answer of DUMP", 0)
    kind, raw, version = payload[0], payload[1:-10], int.from_bytes(payload[-10:-8], "little")
    try:
        end = skip_value(kind, raw, 0, version)
    except IndexError:
        raise RdbError("the value is cut", len(raw)) from None
    if end != len(raw):
        raise RdbError("something follows the value", end)
    return Dump(kind, raw, version)


_NAME = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def module_name(number: int) -> str:
    """A module's type: nine letters of six bits each, and a version of ten bits behind them (src/module.c)."""
    return "".join(_NAME[number >> 10 + 6 * (8 - place) & 63] for place in range(9))


def _strings(raw: bytes, each: int = 1) -> list[bytes]:
    count, position = length(raw, 0)
    found = []
    for _ in range(count * each):
        one, position = string(raw, position)
        found.append(one)
    return found


def _set(elements: Sequence[bytes]) -> set[bytes]:
    found = set(elements)
    if len(found) != len(elements):
        raise ValueError("a set has an element twice")
    return found


def _pairs(flat: list[bytes]) -> dict[bytes, bytes]:
    if len(flat) % 2:
        raise ValueError("a field has no value")
    found = dict(zip(flat[::2], flat[1::2], strict=True))
    if 2 * len(found) != len(flat):
        raise ValueError("a field or member is there twice")
    return found


def _scores(flat: list[bytes]) -> dict[bytes, float]:
    return {member: float(score) for member, score in _pairs(flat).items()}


def _zset(raw: bytes) -> dict[bytes, float]:
    """Scores as decimal text behind its length; 253 to 255 in place of a length: not a number, and both infinities."""
    count, position = length(raw, 0)
    flat = []
    for _ in range(count):
        member, position = string(raw, position)
        size = raw[position]
        special = {253: b"nan", 254: b"inf", 255: b"-inf"}.get(size)
        score = special or cut(raw, position + 1, position + 1 + size)
        position += 1 if special else 1 + size
        flat += [member, score]
    return _scores(flat)


def _zset_2(raw: bytes) -> dict[bytes, float]:
    count, position = length(raw, 0)
    found: dict[bytes, float] = {}
    for _ in range(count):
        member, position = string(raw, position)
        found[member] = unpack_from("<d", raw, position)[0]
        position += 8
    if len(found) != count:
        raise ValueError("a member is there twice")
    return found


def _quicklist(raw: bytes) -> list[bytes]:
    return [element for node in _strings(raw) for element in ziplist(node)]


def _quicklist_2(raw: bytes) -> list[bytes]:
    """Each node is one large element (1), or a listpack of them (2)."""
    count, position = length(raw, 0)
    found: list[bytes] = []
    for _ in range(count):
        container, position = length(raw, position)
        if container not in (1, 2):
            raise RdbError(f"a list's node of type {container}", position)
        node, position = string(raw, position)
        if container == 1:
            found.append(node)
        else:
            found += listpack(node)
    return found


def _hash(fields: list[tuple[bytes, bytes, int]]) -> Hash:
    """From (field, value, expiry or 0)."""
    found = Hash({name: value for name, value, _ in fields}, {name: expiry for name, _, expiry in fields if expiry})
    if len(found.fields) != len(fields):
        raise ValueError("a field is there twice")
    if not all(0 < expiry < 1 << 63 for expiry in found.expires.values()):
        raise ValueError("a field expires at an impossible time")
    return found


def _valkey_hash(raw: bytes) -> Hash:
    """Field, value, expiry (8 bytes, -1: none)."""
    count, position = length(raw, 0)
    fields = []
    for _ in range(count):
        name, position = string(raw, position)
        value, position = string(raw, position)
        expiry = unpack_from("<q", raw, position)[0]
        position += 8
        fields.append((name, value, 0 if expiry == -1 else expiry))
    return _hash(fields)


def _hash_metadata(raw: bytes, position: int, least: int) -> Hash:
    """Expiry, field, value; an expiry that is not 0 counts from `least`, the hash's earliest, and is one too high."""
    count, position = length(raw, position)
    fields = []
    for _ in range(count):
        ahead, position = length(raw, position)
        name, position = string(raw, position)
        value, position = string(raw, position)
        fields.append((name, value, ahead + least - 1 if ahead else 0))
    return _hash(fields)


def _triples(flat: list[bytes]) -> Hash:
    """Field, value, expiry (0: none) in a listpack."""
    if len(flat) % 3:
        raise ValueError("a field has no expiry")
    names, values, expiries = flat[::3], flat[1::3], flat[2::3]
    return _hash(list(zip(names, values, map(int, expiries), strict=True)))


def _module(raw: bytes) -> Module:
    number, position = length(raw, 0)
    return Module(module_name(number), raw[position:])


def _text(raw: bytes, position: int = 0) -> bytes:
    return string(raw, position)[0]


_DECODERS: dict[int, Callable[[bytes], Value]] = {
    Kind.LIST: _strings,
    Kind.SET: lambda raw: _set(_strings(raw)),
    Kind.ZSET: _zset,
    Kind.HASH: lambda raw: Hash(_pairs(_strings(raw, 2))),
    Kind.ZSET_2: _zset_2,
    Kind.MODULE_2: _module,
    Kind.HASH_ZIPMAP: lambda raw: Hash(_pairs(zipmap(_text(raw)))),
    Kind.LIST_ZIPLIST: lambda raw: ziplist(_text(raw)),
    Kind.SET_INTSET: lambda raw: _set(intset(_text(raw))),
    Kind.ZSET_ZIPLIST: lambda raw: _scores(ziplist(_text(raw))),
    Kind.HASH_ZIPLIST: lambda raw: Hash(_pairs(ziplist(_text(raw)))),
    Kind.LIST_QUICKLIST: _quicklist,
    Kind.STREAM_LISTPACKS: lambda raw: stream(raw, 1),
    Kind.HASH_LISTPACK: lambda raw: Hash(_pairs(listpack(_text(raw)))),
    Kind.ZSET_LISTPACK: lambda raw: _scores(listpack(_text(raw))),
    Kind.LIST_QUICKLIST_2: _quicklist_2,
    Kind.STREAM_LISTPACKS_2: lambda raw: stream(raw, 2),
    Kind.SET_LISTPACK: lambda raw: _set(listpack(_text(raw))),
    Kind.STREAM_LISTPACKS_3: lambda raw: stream(raw, 3),
    Kind.HASH_LISTPACK_EX_PRE_GA: lambda raw: _triples(listpack(_text(raw))),
    Kind.HASH_METADATA: lambda raw: _hash_metadata(raw, 8, int.from_bytes(raw[:8], "little", signed=True)),
    Kind.HASH_LISTPACK_EX: lambda raw: _triples(listpack(_text(raw, 8))),
}
