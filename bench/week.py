"""A week of following, compacted as the days go by, and how long it then takes to say what can be recovered.

`python bench/week.py [--segments N] [--keep DIR]` prints one row of the table in docs/benchmarks.md. The segments are
sealed and put straight, a second apart by a clock that is moved, without fsync: what is measured is reading. Each
measurement runs in a process of its own: `load` of the catalogue and `reach`, with the host's cache empty, then full.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from planaria.core.instant import SECOND, Instant
from planaria.core.position import Position
from planaria.core.windows import BasePoint, Span, reach
from planaria.repository.codec import Encoder
from planaria.repository.compaction import compact, sweep
from planaria.repository.journal_catalogue import load
from planaria.repository.recipients import new_identity
from planaria.repository.repository import Repository, create, open_repository
from planaria.repository.sealed import Sealer
from planaria.repository.segments import SegmentFacts, seal_segment
from planaria.storage.contract import Bytes, ObjectInfo
from planaria.storage.local import LocalStore

COMPONENT, LINEAGE = "redis", "8d6ce2b1e1c4b1a0c0ffee00c0ffee00c0ffee00"
BEGAN = Instant(1_760_000_000 * SECOND)
OFTEN = 600
"""Seconds between two compactions."""
PAYLOAD = 64


class Moved:
    """A clock that the simulation moves."""

    def __init__(self) -> None:
        self.seconds = 0

    def now(self) -> Instant:
        return Instant(BEGAN + self.seconds * SECOND)

    def monotonic(self) -> float:
        return float(self.seconds)

    def sleep(self, seconds: float) -> None:
        self.seconds += round(seconds)


class Unsynced:
    """A local store whose puts are not made durable, and carry the simulated time."""

    def __init__(self, root: Path, clock: Moved) -> None:
        self._root, self._clock, self._local = root, clock, LocalStore(root)

    @property
    def url(self) -> str:
        return self._local.url

    def put(self, name: str, data: Bytes) -> None:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        at = self._clock.now() / SECOND
        os.utime(path, (at, at))

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        return self._local.get(name, start, length)

    def head(self, name: str) -> ObjectInfo:
        return self._local.head(name)

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        return self._local.list(prefix, after)

    def delete(self, name: str) -> None:
        (self._root / name).unlink(missing_ok=True)


def follow(repository: Repository, clock: Moved, count: int, cache: Path) -> None:
    """One segment a second; now and then what a service does now and then."""
    key, sealer, encoder = repository.new_data_key(COMPONENT), Sealer(1 << 16), Encoder()
    source = {"replid": LINEAGE, "address": "redis-0.internal:6379", "begun": 0, "safe": 0, "db": 0}
    for number in range(count):
        begin, at = number * PAYLOAD, clock.now()
        span = Span(
            LINEAGE, begin, begin + PAYLOAD, at, Instant(at + SECOND), number > 0, "", (at, Instant(at + SECOND - 1))
        )
        source["safe"] = begin
        facts = SegmentFacts("main", span, secrets.token_hex(32), source, {"safe": begin, "db": 0})
        stamps = [(Instant(at + SECOND - 1), span.end)]
        data = secrets.token_bytes(PAYLOAD)
        name, whole = seal_segment(repository, COMPONENT, key, sealer, encoder, facts, stamps, data)
        repository.store.put(name, whole)
        clock.seconds += 1
        if clock.seconds % OFTEN == 0:
            compact(repository, COMPONENT, cache)
            sweep(repository, COMPONENT, cache)
            if sys.stderr.isatty():
                print(f"\r{number + 1:,} of {count:,} segments", end="", file=sys.stderr)


def measured(folder: Path, cache: Path) -> dict[str, float]:
    """Seconds and resident bytes of one reading, in a new process."""
    command = [sys.executable, __file__, "--read", str(folder), "--cache", str(cache)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def read(folder: Path, cache: Path) -> None:
    """In the process of its own: a host that may write, as `points` and `status` run on."""
    clock = Moved()
    key = (folder / "writer.key").read_text()
    repository = open_repository(LocalStore(folder / "repository"), clock, secrets.token_bytes, writer_key=key)
    began = time.perf_counter()
    catalogue = load(repository, COMPONENT, cache)
    loaded = time.perf_counter()
    found = reach([BasePoint("base", BEGAN, {"main": Position(LINEAGE, 0)})], catalogue.streams())
    ended = time.perf_counter()
    status = Path("/proc/self/status").read_text()  # ru_maxrss would be the parent's, if that was larger
    peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    facts = {
        "seconds": ended - began,
        "load": loaded - began,
        "peak": peak,
        "reach": ended - loaded,
        "objects": len(catalogue.objects) + len(catalogue.superseded),
        "windows": len(found.windows),
        "covered": (found.windows[-1].last - found.windows[-1].first) / SECOND,
    }
    print(json.dumps(facts))


def made(folder: Path, count: int) -> float:
    """The repository below `folder`; how long it took, in seconds."""
    began, clock = time.perf_counter(), Moved()
    (folder / "repository").mkdir()
    _, recipient = new_identity(secrets.token_bytes)
    repository = create(Unsynced(folder / "repository", clock), clock, secrets.token_bytes, [recipient])
    (folder / "writer.key").write_text(repository.keys.writer_text())
    follow(repository, clock, count, folder / "cache-of-the-follower")
    return time.perf_counter() - began


def row(folder: Path, count: int) -> str:
    generated = made(folder, count)
    cold, warm = (measured(folder, folder / "cache") for _ in range(2))
    assert cold["covered"] >= count - 2, "what was followed can be reached"
    size = sum(path.stat().st_size for path in (folder / "repository").rglob("*") if path.is_file())
    return (
        f"| {count:,} one-second flushes, compacted: catalogue and windows | {cold['objects']:,.0f} objects, "
        f"{size >> 20:,} MiB | {warm['seconds']:.2f} s warm | {cold['seconds']:.2f} s cold | "
        f"{max(cold['peak'], warm['peak']) / (1 << 20):.0f} MiB | made in {generated:.0f} s |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=600_000)
    parser.add_argument("--keep", type=Path, help="an empty directory to leave the repository in")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        read(given.read, given.cache)
    elif given.keep:
        print(row(given.keep, given.segments))
    else:
        with tempfile.TemporaryDirectory() as folder:
            print(row(Path(folder), given.segments))


if __name__ == "__main__":
    main()
