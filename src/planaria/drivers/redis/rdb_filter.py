"""An RDB with some of its keys. No IO."""

from collections.abc import Callable, Iterable, Iterator

from planaria.drivers.redis.crc import Crc64
from planaria.drivers.redis.rdb_read import Aux, End, Head, Item, Key, SelectDb, items
from planaria.drivers.redis.resp import Bytes

PIECE = 256 * 1024


def filtered(pieces: Iterable[Bytes], keep: Callable[[int, bytes], bool]) -> Iterator[bytes]:
    """The same RDB with only those keys for which `keep(db, key)` is true, each byte for byte as it was.

    Functions and what modules keep beside their keys belong to no key and are left out. Raises RdbError.
    """
    crc = Crc64()
    held: list[bytes] = []
    size = 0
    for record in _records(items(pieces), keep):
        held.append(record)
        size += len(record)
        if size >= PIECE:
            piece = b"".join(held)
            crc.feed(piece)
            yield piece
            held, size = [], 0
    last = b"".join(held)
    crc.feed(last)
    yield last + crc.value().to_bytes(8, "little")


def _records(parts: Iterator[Item], keep: Callable[[int, bytes], bool]) -> Iterator[bytes]:
    """What is written: a database is selected when its first key is; sizes of databases are hints and go."""
    select: bytes | None = None
    for part in parts:
        match part:
            case Key():
                if keep(part.db, part.key):
                    if select is not None:
                        yield select
                        select = None
                    yield part.record
            case SelectDb():
                select = part.record
            case Head() | Aux():
                yield part.record
            case End():
                yield part.record[:1]
