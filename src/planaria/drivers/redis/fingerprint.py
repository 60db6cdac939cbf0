"""The fingerprint of a live service: of the RDB that it sends a replica, so of one instant, whatever is written."""

from collections.abc import Iterator
from pathlib import Path

from planaria.core.errors import ComponentUnavailable, DamagedData, UsageError
from planaria.drivers.contract import Surroundings
from planaria.drivers.redis import psync
from planaria.drivers.redis.capture import announced
from planaria.drivers.redis.client import Commands
from planaria.drivers.redis.digest import digest_of_rdb
from planaria.drivers.redis.discover import chosen, shards
from planaria.drivers.redis.endpoint import Endpoint
from planaria.drivers.redis.link import Link
from planaria.drivers.redis.rdb import RdbError
from planaria.drivers.redis.source import Source

MODULO = 1 << 256


def fingerprint_of(source: Source, surroundings: Surroundings) -> str:
    """Of all shards together. Functions count once for each shard. Raises ComponentUnavailable, ComponentRefused."""
    total = 0
    for shard in shards(source):
        total += int(_one(source, chosen(source, shard), surroundings), 16)
    return f"{total % MODULO:064x}"


def _one(source: Source, endpoint: Endpoint, surroundings: Surroundings) -> str:
    with Commands(endpoint, source.access) as commands:
        version = announced(commands.info("server"))
        seconds, micros = (int(part) for part in commands.ask("TIME"))
    link = Link(
        endpoint, source.access, surroundings.clock, surroundings.stopping, version=version, silence=source.silence
    )
    try:
        if not isinstance(link.start(), psync.FullResync):
            raise ComponentUnavailable(f"{endpoint} did not answer a full resynchronisation")
        return digest_of_rdb(_told(link, endpoint, surroundings), seconds * 1000 + micros // 1000)[0]
    except RdbError as error:
        raise ComponentUnavailable(f"the dump of {endpoint} could not be read: {error}") from error
    finally:
        link.close()


def _told(link: Link, endpoint: Endpoint, surroundings: Surroundings) -> Iterator[bytes]:
    sizes: list[int | None] = [None]
    done = 0
    for piece in link.rdb(lambda size: sizes.__setitem__(0, size)):
        done += len(piece)
        surroundings.progress(f"fingerprint of {endpoint}", done, sizes[0])
        yield piece


def fingerprint_of_files(directory: Path, surroundings: Surroundings) -> str:
    """Of a `dump.rdb`. Raises UsageError where a stream of commands lies beside: only a server can run that."""
    dump = directory / "dump.rdb"
    if (directory / "appendonlydir").exists() or (directory / "appendonly.aof").exists() or not dump.is_file():
        raise UsageError(
            f"{directory} has no dump.rdb that says it all", hint="start a server on it and give its URL instead"
        )
    now = surroundings.clock.now() // 1000
    try:
        with dump.open("rb") as file:
            return digest_of_rdb(iter(lambda: file.read(1 << 20), b""), now)[0]
    except RdbError as error:
        raise DamagedData(f"{dump} is damaged: {error}", object_name=str(dump)) from error
