"""What `--only` names: databases (`db:3`) and keys by the patterns of KEYS (`key:user:*`). No IO."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from planaria.core.errors import UsageError

_STAR = 0x2A
_MARK = 0x3F
_OPEN = 0x5B
_ESCAPE = 0x5C
_CLOSE = 0x5D
_NOT = 0x5E
_RANGE = 0x2D


@dataclass(frozen=True, slots=True)
class Selection:
    """Keys in any of `dbs` (None: all) that match any of `patterns` (none: all)."""

    dbs: frozenset[int] | None = None
    patterns: tuple[re.Pattern[bytes], ...] = ()

    def keeps_db(self, db: int) -> bool:
        """Is anything of this database kept?"""
        return self.dbs is None or db in self.dbs

    def keeps(self, db: int, key: bytes) -> bool:
        if self.dbs is not None and db not in self.dbs:
            return False
        return not self.patterns or any(pattern.match(key) for pattern in self.patterns)


def selection(only: Iterable[str]) -> Selection:
    """From `db:N` and `key:PATTERN`, any number of either. Raises UsageError."""
    dbs, patterns = set(), []
    for one in only:
        kind, colon, rest = one.partition(":")
        if kind == "db" and rest.isascii() and rest.isdigit():
            dbs.add(int(rest))
        elif kind == "key" and colon and rest:
            patterns.append(glob(rest.encode("utf-8", "surrogateescape")))
        else:
            raise UsageError(f"--only {one}: not a part of Redis", hint="name a database, db:0, or keys, 'key:user:*'")
    return Selection(frozenset(dbs) if dbs else None, tuple(patterns))


def glob(pattern: bytes) -> re.Pattern[bytes]:
    """`*`, `?`, `[a-z]`, `[^a-z]`, `\\x` as in KEYS (redis/redis src/util.c: stringmatchlen); use its `match`.

    What stands between two stars has one length, so its first place is as good as any: no way back is kept (atomic
    groups), and matching takes time proportional to the key's length times the pattern's, whatever they are.
    """
    first, *rest = _between_stars(pattern)
    parts = [first]
    if rest:
        parts += [b"(?>.*?%b)" % one for one in rest[:-1]]
        parts.append(b".*" + rest[-1])
    return re.compile(b"".join(parts) + rb"\Z", re.DOTALL)


def _between_stars(pattern: bytes) -> list[bytes]:
    """Regular expressions of what stands before, between and behind the stars."""
    found = [b""]
    position = 0
    while position < len(pattern):
        byte = pattern[position]
        position += 1
        if byte == _STAR:
            if found[-1] or len(found) == 1:
                found.append(b"")
        elif byte == _MARK:
            found[-1] += b"."
        elif byte == _OPEN:
            one, position = _class(pattern, position)
            found[-1] += one
        else:
            if byte == _ESCAPE and position < len(pattern):
                byte = pattern[position]
                position += 1
            found[-1] += _literal(byte)
    return found


def _class(pattern: bytes, position: int) -> tuple[bytes, int]:
    """One byte of a set; the set may lack its bracket at the end of the pattern."""
    negated = pattern[position : position + 1] == bytes((_NOT,))
    position += negated
    members: set[int] = set()
    while position < len(pattern):
        byte = pattern[position]
        if byte == _ESCAPE and position + 1 < len(pattern):
            members.add(pattern[position + 1])
            position += 2
        elif byte == _CLOSE:
            break
        elif position + 2 < len(pattern) and pattern[position + 1] == _RANGE:
            low, high = sorted((byte, pattern[position + 2]))
            members.update(range(low, high + 1))
            position += 3
        else:
            members.add(byte)
            position += 1
    if not members:
        return (b"." if negated else rb"(?!)"), position + 1
    return b"[%b%b]" % (b"^" if negated else b"", b"".join(map(_literal, sorted(members)))), position + 1


def _literal(byte: int) -> bytes:
    return rb"\x%02x" % byte
