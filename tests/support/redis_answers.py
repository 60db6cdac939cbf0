"""What a live server says that its keys hold, read with the commands that any client uses, in the decoder's classes."""

from typing import Any

import redis

from planaria.drivers.redis.rdb_streams import Consumer, Group, Id, Stream
from planaria.drivers.redis.rdb_values import Hash, Module, Value

Json = Any


def ask(client: "redis.Redis", *words: Any) -> Any:
    """The answer as it is on the wire: the client's own conversions lose fields that a stream's entry has twice."""
    client.response_callbacks.clear()
    return client.execute_command(*words)  # type: ignore[no-untyped-call]


def keys(client: "redis.Redis", db: int) -> list[bytes]:
    ask(client, "SELECT", db)
    return sorted(ask(client, "KEYS", "*"))


def value(client: "redis.Redis", key: bytes) -> tuple[str, Value]:
    """(type, value) of a key in the selected database."""
    kind = ask(client, "TYPE", key).decode()
    match kind:
        case "string":
            return kind, ask(client, "GET", key)
        case "list":
            return kind, ask(client, "LRANGE", key, 0, -1)
        case "set":
            return kind, set(ask(client, "SMEMBERS", key))
        case "zset":
            flat = ask(client, "ZRANGE", key, 0, -1, "WITHSCORES")
            return kind, {member: float(score) for member, score in zip(flat[::2], flat[1::2], strict=True)}
        case "hash":
            return kind, _hash(client, key)
        case "stream":
            return kind, _stream(client, key)
    raise AssertionError(f"a key of type {kind}")


def _hash(client: "redis.Redis", key: bytes) -> Hash:
    flat = ask(client, "HGETALL", key)
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    try:
        times = ask(client, "HPEXPIRETIME", key, "FIELDS", len(fields), *fields)
    except redis.ResponseError:
        return Hash(fields)
    return Hash(fields, {name: time for name, time in zip(fields, times, strict=True) if time >= 0})


def _stream(client: "redis.Redis", key: bytes) -> Stream:
    told = _pairs(ask(client, "XINFO", "STREAM", key, "FULL", "COUNT", 0))
    entries = {_id(id): fields for id, fields in told[b"entries"]}
    added = told.get(b"entries-added")
    groups = {}
    for group in map(_pairs, told[b"groups"]):
        pending = {_id(id): (at, times) for id, _, at, times in group[b"pending"]}
        found = Group(_id(group[b"last-delivered-id"]), group.get(b"entries-read"), pending)
        for one in map(_pairs, group[b"consumers"]):
            own = [_id(id) for id, *_ in one[b"pending"]]
            seen = one[b"seen-time"]
            found.consumers[one[b"name"]] = Consumer(seen, one.get(b"active-time", seen), own)
        groups[group[b"name"]] = found
    return Stream(entries, _id(told[b"last-generated-id"]), added, groups)


def _pairs(flat: list[Any]) -> dict[bytes, Any]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _id(text: bytes) -> Id:
    milliseconds, sequence = text.split(b"-")
    return int(milliseconds), int(sequence)


def plain(value: Value) -> Json:
    """For a file of expected values: every byte as one character, sets in order."""
    match value:
        case bytes():
            return value.decode("latin-1")
        case list():
            return [plain(one) for one in value]
        case set():
            return sorted(one.decode("latin-1") for one in value)
        case dict():
            return {member.decode("latin-1"): repr(score) for member, score in sorted(value.items())}
        case Hash():
            expires = {name.decode("latin-1"): time for name, time in sorted(value.expires.items())}
            fields = {name.decode("latin-1"): one.decode("latin-1") for name, one in sorted(value.fields.items())}
            return {"fields": fields, "expires": expires}
        case Stream():
            groups = {name.decode(): _plain_group(group) for name, group in sorted(value.groups.items())}
            entries = [[_shown(id), plain(fields)] for id, fields in value.entries.items()]
            return {"entries": entries, "last": _shown(value.last_id), "added": value.added, "groups": groups}
        case Module():
            return {"module": value.name, "raw": value.raw.decode("latin-1")}


def _plain_group(group: Group) -> Json:
    pending = [[_shown(id), *how] for id, how in group.pending.items()]
    consumers = {
        name.decode(): {"seen": one.seen_at, "active": one.active_at, "pending": [_shown(id) for id in one.pending]}
        for name, one in sorted(group.consumers.items())
    }
    return {"last": _shown(group.last_id), "read": group.read, "pending": pending, "consumers": consumers}


def _shown(id: Id) -> str:
    return f"{id[0]}-{id[1]}"
