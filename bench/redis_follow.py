"""Following a server under load: does the rate hold, what do its clients feel, how late is what is durable?

python -m bench.redis_follow [--rate N] [--keys N] [--seconds N] [--rounds N] [--family redis|valkey] [--work DIR]

Every round measures the same load three times: on a server that nobody follows, with a plain replica of the server's
own kind, and with `planaria follow` (into a new repository on the same disk, encrypted and durable). Load, probe and
follower are processes of their own on this one machine. Latency is that of a client of its own, which sends one SET
every 2 ms and waits for the answer. Durable lag is what the source itself says: with `ack: durable`, WAIT
returns when Planaria has acknowledged what the repository holds, fsync of file and directory included; a write every
50 ms waits so, on a connection of its own, from its own answer on.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.redis_keys import fill
from bench.redis_servers import CLOCK, FAMILIES, Planaria, Server, cores, running

ALONE, REPLICA, FOLLOWED = "nobody follows", "a plain replica", "planaria follow"
HERTZ = os.sysconf("SC_CLK_TCK")
SETTLING = 2.0
"""Seconds of load before anything is measured."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds, except `rate`; `core`: CPU seconds a second; `memory` in bytes, at its peak. Of the follower."""

    rate: float
    p50: float
    p99: float
    lag_p50: float | None = None
    lag_p99: float | None = None
    lag_worst: float | None = None
    core: float | None = None
    memory: int | None = None


def load(server: Server, rate: int, seconds: float, follower: "subprocess.Popen[bytes] | None") -> Measured:
    writing = child("write", server, str(rate), str(SETTLING + seconds + 1))
    CLOCK.sleep(SETTLING)
    before = cpu_of(follower), CLOCK.monotonic()
    watching = [child("probe", server, str(seconds))]
    watching += [child("lag", server, str(seconds))] if follower else []
    probe, *lags = [answer_of(one) for one in watching]
    core = (cpu_of(follower) - before[0]) / (CLOCK.monotonic() - before[1])
    rate_held = answer_of(writing)["rate"]
    if follower is None:
        return Measured(rate_held, probe["p50"], probe["p99"])
    lag = lags[0]
    return Measured(
        rate_held, probe["p50"], probe["p99"], lag["p50"], lag["p99"], lag["worst"], core, memory_of(follower.pid)
    )


def child(what: str, server: Server, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "bench.redis_load", what, str(server.port), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def answer_of(process: "subprocess.Popen[str]") -> dict[str, Any]:
    said, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{process.args!r} ended with {process.returncode}")
    answer: dict[str, Any] = json.loads(said)
    return answer


def cpu_of(process: "subprocess.Popen[bytes] | None") -> float:
    """Seconds that it has used so far, threads included."""
    if process is None:
        return 0.0
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / HERTZ


def memory_of(pid: int) -> int:
    """The peak of its resident memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))


@contextmanager
def followed(server: Server, folder: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """`planaria follow`, once its base is committed and what it acknowledges is durable."""
    planaria = Planaria(folder)
    folder.mkdir(parents=True)
    planaria.begin(server, "ack: durable")
    with planaria.following() as process:
        until = CLOCK.monotonic() + 120
        while server.ask("WAIT", "1", "100") != b"1":
            server.ask("SET", "waiting", "for the follower")
            if CLOCK.monotonic() > until or process.poll() is not None:
                raise SystemExit(f"planaria follow does not follow: see {folder}/follow.log")
        yield process


@contextmanager
def replicated(server: Server, folder: Path) -> Iterator[None]:
    with running(server.family, folder, "--replicaof", "127.0.0.1", str(server.port)) as replica:
        while replica.info("replication", "master_link_status") != "up":
            CLOCK.sleep(0.05)
        yield


def measure(server: Server, work: Path, rate: int, seconds: float, rounds: int) -> dict[str, list[Measured]]:
    found: dict[str, list[Measured]] = {ALONE: [], REPLICA: [], FOLLOWED: []}

    def add(what: str, one: Measured) -> None:
        found[what].append(one)
        print(f"{what:>16} {one}", file=sys.stderr)

    for number in range(1, rounds + 1):
        add(ALONE, load(server, rate, seconds, None))
        with replicated(server, work / f"replica-{number}"):
            add(REPLICA, load(server, rate, seconds, None))
        with followed(server, work / f"planaria-{number}") as process:
            add(FOLLOWED, load(server, rate, seconds, process))
    return found


def table(found: dict[str, list[Measured]]) -> str:
    """Medians; the latency also as least, because whatever else the machine does only ever adds to it."""
    lines = [
        "| | writes a second | client p50 / p99 ms | p99 times alone, least / median | durable lag p50 / p99 / worst s "
        "| core | memory |",
        "|---|---|---|---|---|---|---|",
    ]
    alone = [one.p99 for one in found[ALONE]]
    for what, runs in found.items():
        p99 = [one.p99 for one in runs]
        ratio = f"{min(p99) / min(alone):.2f} / {statistics.median(p99) / statistics.median(alone):.2f}"
        rate, p50 = (statistics.median(of) for of in ([one.rate for one in runs], [one.p50 for one in runs]))
        latency = f"{p50 * 1e3:.2f} / {statistics.median(p99) * 1e3:.2f}"
        lines.append(f"| {what} | {rate:,.0f} | {latency} | {'' if what == ALONE else ratio} {_of_follower(runs)}")
    return "\n".join(lines)


def _of_follower(runs: list[Measured]) -> str:
    def median(of: list[float | None]) -> float:
        return statistics.median(one for one in of if one is not None)

    if runs[0].core is None:
        return "| | | |"
    lags = [
        median([one.lag_p50 for one in runs]),
        median([one.lag_p99 for one in runs]),
        max(one.lag_worst or 0 for one in runs),
    ]
    memory = max(one.memory or 0 for one in runs)
    core = median([one.core for one in runs])
    return f"| {' / '.join(f'{lag:.2f}' for lag in lags)} | {core:.2f} | {memory >> 20} MiB |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=int, default=50_000)
    parser.add_argument("--keys", type=int, default=200_000, help="held when the load begins")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--family", choices=FAMILIES, default="redis")
    parser.add_argument("--work", type=Path, help="where the repository goes, on the disk to measure")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=options.work) as work,
        running(options.family, Path(work) / "server") as server,
    ):
        fill(server.port, options.keys, 1, CLOCK.now() // 1000)
        found = measure(server, Path(work), options.rate, options.seconds, options.rounds)
        version = server.info("server", "redis_version")
    print(
        f"{options.rate:,} writes a second asked for, {options.seconds:g} s × {options.rounds} rounds, "
        f"{options.keys:,} keys, {options.family} {version}, {cores()} cores\n"
    )
    print(table(found))


if __name__ == "__main__":
    main()
