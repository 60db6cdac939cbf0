"""Which keys a command of the replication stream changes, and which it only reads. No IO.

From the key specifications that servers tell with COMMAND (Redis 6.2 to 8, Valkey 7.2 to 9), for commands that write:
only these are replicated.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    changed: list[bytes]
    read: list[bytes]


class UnknownCommand(ValueError):
    """Its keys cannot be told."""


_TABLE = """
1 1 1: append bitfield decr decrby delex delifeq expire expireat geoadd getdel getex getset hdel hexpire hexpireat
 hgetdel hgetex hincrby hincrbyfloat hmset hpersist hpexpire hpexpireat hset hsetex hsetnx incr incrby incrbyfloat
 linsert lpop lpush lpushx lrem lset ltrim move persist pexpire pexpireat pfadd psetex restore restore-asking rpop
 rpush rpushx sadd set setbit setex setnx setrange spop srem vadd vrem vsetattr xack xackdel xadd xautoclaim xcfgset
 xclaim xdel xdelex xsetid xtrim zadd zincrby zpopmax zpopmin zrem zremrangebylex zremrangebyrank zremrangebyscore
1 2 1: blmove brpoplpush lmove rename renamenx rpoplpush smove
1 -2 1: blpop brpop bzpopmax bzpopmin
1 -1 1: del unlink
1 -1 2: mset msetnx
2 2 1: pfdebug xgroup
"""
_STORES = """
1 2 1: geosearchstore zrangestore
1 -1 1: pfmerge sdiffstore sinterstore sunionstore
2 -1 1: bitop
"""
"""The first of their keys is written, from the others."""


def _parsed(text: str) -> dict[bytes, tuple[int, int, int]]:
    found: dict[bytes, tuple[int, int, int]] = {}
    for line in text.replace("\n ", " ").strip().splitlines():
        place, _, names = line.partition(":")
        first, last, step = map(int, place.split())
        found |= {name.encode(): (first, last, step) for name in names.split()}
    return found


_PLACES = _parsed(_TABLE)
_STORE_PLACES = _parsed(_STORES)


def keys_of(args: list[bytes]) -> Keys:
    """Raises UnknownCommand, also for a known command that is not as it should be."""
    name = args[0].lower()
    try:
        if name in _PLACES:
            found = Keys(_slice(args, _PLACES[name]), [])
        elif name in _STORE_PLACES:
            target, *sources = _slice(args, _STORE_PLACES[name])
            found = Keys([target], sources)
        else:
            found = _SPECIAL[name](args)
    except (KeyError, ValueError, IndexError):
        raise UnknownCommand(f"cannot tell which keys {_shown(name)} touches") from None
    if not found.changed:
        raise UnknownCommand(f"cannot tell which keys {_shown(name)} touches")
    return found


def _shown(name: bytes) -> str:
    return name[:40].decode("ascii", "backslashreplace").upper()


def _slice(args: list[bytes], place: tuple[int, int, int]) -> list[bytes]:
    first, last, step = place
    stop = last + 1 if last >= 0 else len(args) + last + 1
    if stop > len(args):
        raise IndexError
    return args[first:stop:step]


def _counted(at: int, step: int = 1) -> Callable[[list[bytes]], Keys]:
    """The number of keys stands at `at`, the keys behind it."""

    def keys(args: list[bytes]) -> Keys:
        found = args[at + 1 : at + 1 + step * int(args[at]) : step]
        if len(found) != int(args[at]):
            raise IndexError
        return Keys(found, [])

    return keys


def _counted_store(args: list[bytes]) -> Keys:
    return Keys([args[1]], _counted(2)(args).changed)


def _copy(args: list[bytes]) -> Keys:
    return Keys([args[2]], [args[1]])


def _stored(*words: bytes) -> Callable[[list[bytes]], Keys]:
    """Reads the first key, and writes the one behind the last of `words`; BY and GET of SORT read others unseen."""

    def keys(args: list[bytes]) -> Keys:
        upper = [arg.upper() for arg in args]
        if args[0].lower() == b"sort" and (b"BY" in upper[2:] or b"GET" in upper[2:]):
            raise ValueError
        last = max(index for index in range(2, len(args) - 1) if upper[index] in words)
        return Keys([args[last + 1]], [args[1]])

    return keys


def _streams(args: list[bytes]) -> Keys:
    rest = args[[arg.upper() for arg in args].index(b"STREAMS") + 1 :]
    return Keys(rest[: len(rest) // 2], [])


_SPECIAL: dict[bytes, Callable[[list[bytes]], Keys]] = {
    b"bzmpop": _counted(2),
    b"blmpop": _counted(2),
    b"copy": _copy,
    b"eval": _counted(2),
    b"evalsha": _counted(2),
    b"fcall": _counted(2),
    b"georadius": _stored(b"STORE", b"STOREDIST"),
    b"georadiusbymember": _stored(b"STORE", b"STOREDIST"),
    b"lmpop": _counted(1),
    b"msetex": _counted(1, 2),
    b"sort": _stored(b"STORE"),
    b"xreadgroup": _streams,
    b"zdiffstore": _counted_store,
    b"zinterstore": _counted_store,
    b"zmpop": _counted(1),
    b"zunionstore": _counted_store,
}
