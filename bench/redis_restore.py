"""Back to the last instant, into files, against the server loading its own: base and a million commands behind it.

python -m bench.redis_restore [--keys N] [--commands N] [--rounds N] [--family redis|valkey] [--work DIR]

One server holds the keys, rewrites its append-only file (so that its base is an RDB), and then takes the commands,
while Planaria follows it into a repository on the same disk. Then it is stopped. In turn: a server starts on what it
wrote itself; `planaria recover --to latest --target redis=DIR` (a process of its own, everything durable when it
ends) and a server of the same kind starts on that. Both are timed until PING is answered with PONG; both hold the same
data by DEBUG DIGEST. All files are warm in the page cache.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.directory import Run
from bench.redis_follow import answer_of, child, followed
from bench.redis_keys import fill
from bench.redis_servers import CLOCK, FAMILIES, Planaria, cores, running, size_of

RATE = 50_000
KEEPS = ("--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", "0")


@dataclass(frozen=True, slots=True)
class Round:
    """`own`, `loading`: seconds of a server's start, on its own files and on ours."""

    own: float
    recover: Run
    loading: float

    @property
    def ours(self) -> float:
        return self.recover.seconds + self.loading


def prepare(family: str, work: Path, keys: int, count: int) -> bytes:
    """The server's files in work/own, the repository below work/planaria; the digest of what both hold."""
    with running(family, work / "own") as server:
        fill(server.port, keys, 1, CLOCK.now() // 1000)
        server.ask("CONFIG", "SET", "auto-aof-rewrite-percentage", "0")
        server.ask("CONFIG", "SET", "appendfsync", "no")
        server.ask("CONFIG", "SET", "appendonly", "yes")
        while server.info("persistence", "aof_rewrite_in_progress") != "0":
            CLOCK.sleep(0.05)
        with followed(server, work / "planaria"):
            answer_of(child("write", server, str(RATE), str(count / RATE)))
            if server.ask("WAIT", "1", "60000") != b"1":
                raise SystemExit("the commands did not become durable")
        digest = server.ask("DEBUG", "DIGEST")
        server.process.terminate()
        server.process.wait()
    return digest


def measure(family: str, work: Path, rounds: int, digest: bytes) -> list[Round]:
    found = []
    planaria = Planaria(work / "planaria")
    for number in range(rounds + 1):
        own = started(family, work / "own", digest, None)
        target = work / f"restored-{number}"
        recover = planaria.timed("--quiet", "recover", "--to", "latest", "--target", f"redis={target}")
        loading = started(family, target, digest, target / "start.conf")
        if number:  # the first is for the caches
            found.append(Round(own, recover, loading))
        print(
            f"own {own:.2f} s; recover {recover.seconds:.2f} s ({recover.cpu:.2f} s CPU, {recover.memory >> 20} MiB), "
            f"loading {loading:.2f} s",
            file=sys.stderr,
        )
        shutil.rmtree(target)
    return found


def started(family: str, folder: Path, digest: bytes, configuration: Path | None) -> float:
    with running(family, folder, *KEEPS, configuration=configuration) as server:
        held = server.ask("DEBUG", "DIGEST")
        if held != digest:
            raise SystemExit(f"{folder} holds {held!r}, not {digest!r}")
        return server.seconds


def table(found: list[Round]) -> str:
    def line(what: str, seconds: list[float], ratio: str = "") -> str:
        return f"| {what} | {min(seconds):.2f} / {statistics.median(seconds):.2f} | {ratio} |"

    own, ours = [one.own for one in found], [one.ours for one in found]
    speeds = f"{min(own) / min(ours):.2f} / {statistics.median(own) / statistics.median(ours):.2f}"
    return "\n".join(
        [
            "| | seconds, least / median | speed against its own, least / median |",
            "|---|---|---|",
            line("the server loads its own files", own),
            line("`planaria recover`", [one.recover.seconds for one in found]),
            line("the server loads what was recovered", [one.loading for one in found]),
            line("recover and load", ours, speeds),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--commands", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--family", choices=FAMILIES, default="redis")
    parser.add_argument("--work", type=Path, help="where everything goes, on the disk to measure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.work) as name:
        work = Path(name)
        digest = prepare(options.family, work, options.keys, options.commands)
        found = measure(options.family, work, options.rounds, digest)
        size, stored = size_of(work / "own"), size_of(work / "planaria" / "repository")
    cpu, memory = min(one.recover.cpu for one in found), max(one.recover.memory for one in found)
    print(
        f"{options.keys:,} keys and {options.commands:,} commands, {size / 1e6:.0f} MB of files, {stored / 1e6:.0f} MB "
        f"in the repository; {options.family}, {cores()} cores, {options.rounds} rounds; recover: {cpu:.2f} s of CPU, "
        f"{memory >> 20} MiB\n"
    )
    print(table(found))


if __name__ == "__main__":
    main()
