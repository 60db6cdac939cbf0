"""A base of a million varied keys against `redis-cli --rdb - | zstd -1`, side by side.

python -m bench.redis_base [--keys N] [--rounds N] [--family redis|valkey] [--work DIR]

Both read the same server over loopback and write to the same disk, in turn; Planaria's is the whole command line, into
a new repository, encrypted and durable; the pipe's file is neither. MB are those of the RDB.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import zstandard

from bench.directory import Run, timed
from bench.redis_keys import fill
from bench.redis_servers import CLOCK, FAMILIES, Planaria, Server, cores, running, versions

PLANARIA, PIPE = "planaria backup", "redis-cli, zstd -1"


def measure(server: Server, work: Path, rounds: int) -> tuple[int, dict[str, list[Run]]]:
    """(bytes of the RDB, runs by tool)."""
    runs: dict[str, list[Run]] = {PLANARIA: [], PIPE: []}
    size = 0
    for number in range(rounds + 1):
        planaria = Planaria(work / f"{number}")
        planaria.folder.mkdir()
        planaria.begin(server)
        dump = work / f"{number}.rdb.zst"
        pipe = f"redis-cli -p {server.port} --rdb - 2>/dev/null | zstd -1 -q -o {dump}"
        for name, run in (
            (PLANARIA, planaria.timed("--quiet", "backup")),
            (PIPE, timed(["bash", "-o", "pipefail", "-c", pipe])),
        ):
            if number:  # the first is for the caches
                runs[name].append(run)
            print(f"{name:>20} {run.seconds:6.2f} s {run.cpu:6.2f} s CPU {run.memory >> 20:5} MiB", file=sys.stderr)
        size = size or rdb_size(dump)
    return size, runs


def rdb_size(dump: Path) -> int:
    """Bytes of the RDB that was compressed."""
    with dump.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as reader:
        return sum(len(piece) for piece in iter(lambda: reader.read(1 << 20), b""))


def table(size: int, runs: dict[str, list[Run]]) -> str:
    lines = [
        "| tool | seconds, least / median | MB/s | CPU s | memory | speed against redis-cli, least / median |",
        "|---|---|---|---|---|---|",
    ]
    other = [run.seconds for run in runs[PIPE]]
    for name, found in runs.items():
        seconds = [run.seconds for run in found]
        ratio = f"{min(other) / min(seconds):.2f} / {statistics.median(other) / statistics.median(seconds):.2f}"
        lines.append(
            f"| {name} | {min(seconds):.2f} / {statistics.median(seconds):.2f} | {size / 1e6 / min(seconds):.0f} "
            f"| {min(run.cpu for run in found):.2f} "
            + (f"| {max(run.memory for run in found) >> 20} MiB | {ratio} |" if name == PLANARIA else "| | |")
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--family", choices=FAMILIES, default="redis")
    parser.add_argument("--work", type=Path, help="where repositories go, on the disk to measure")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=options.work) as work,
        running(options.family, Path(work) / "server") as server,
    ):
        fill(server.port, options.keys, 1, CLOCK.now() // 1000)
        size, runs = measure(server, Path(work), options.rounds)
        about = versions(["redis-cli", "--version"], ["zstd", "--version"])
        version = server.info("server", "redis_version")
    print(f"{options.keys:,} keys, {size / 1e6:.0f} MB of RDB, {options.family} {version}, {cores()} cores; {about}\n")
    print(table(size, runs))


if __name__ == "__main__":
    main()
