"""Which server loads which RDB: a loader refuses a version newer than its own, and some have flushed by then.

From librdb's src/redisver.h and the servers' rdb.h. Valkey 9 has a magic of its own and refuses RDB versions 12 to 79,
which are Redis' own after the two parted.
"""

from planaria.drivers.redis.capture import numbers

_REDIS = ((5, 0, 9), (7, 0, 10), (7, 2, 11), (7, 4, 12), (8, 6, 13), (8, 8, 14), (8, 10, 15))
"""(major, minor, the newest RDB version loaded from there on)."""
_SHARED = 11
"""The newest RDB version that Redis and Valkey share."""


def loads(kind: str, version: str, magic: str, rdb_version: int) -> bool:
    """Does this server load an RDB that begins with `magic` and this version?"""
    release = numbers(version)[:2]
    if kind == "valkey":
        if magic == "VALKEY":
            return release >= (9, 0)
        return rdb_version <= _SHARED
    newest = max((rdb for major, minor, rdb in _REDIS if (major, minor) <= release), default=0)
    return magic == "REDIS" and rdb_version <= newest


def oldest(magic: str, rdb_version: int) -> str:
    """The servers that load such an RDB, as people say it."""
    if magic == "VALKEY":
        return "Valkey 9.0 or later"
    found = [f"Redis {major}.{minor} or later" for major, minor, rdb in _REDIS if rdb >= rdb_version][:1]
    return " or ".join(found + (["Valkey"] if rdb_version <= _SHARED else []))
