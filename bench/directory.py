"""The directory driver against restic, side by side: python -m bench.directory [--data DIR] [--rounds N] [--work DIR]

Both back up the same PostgreSQL data files, warm in the page cache, into an encrypted repository on the same disk, each
in a process of its own: first base, a second one after 1 % has changed in one place, restore. Rounds alternate, so that
what else the machine does falls on both. CPU seconds and the peak of memory are the kernel's (wait4). Planaria's
restore ends with all of it durable; restic does not wait for the disk, so it is also shown with a `sync` behind it.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.postgres_files import make
from planaria.service.system_clock import SystemClock

WORKS = ("base", "second", "restore")
CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Run:
    """One process: seconds on the clock, seconds of CPU, peak of memory in bytes."""

    seconds: float
    cpu: float
    memory: int


def timed(command: Sequence[str], environ: dict[str, str] | None = None) -> Run:
    start = CLOCK.monotonic()
    process = subprocess.Popen(command, env={**os.environ, **(environ or {})}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = CLOCK.monotonic() - start
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10)


@dataclass(frozen=True, slots=True)
class Planaria:
    """One component `tree` in a new repository; zstd-1, AES-256-GCM, fsync."""

    repository: Path

    def _child(self, *words: str) -> Run:
        return timed([sys.executable, "-m", "bench.directory_child", str(self.repository), *words])

    def begin(self) -> None:
        self._child("create")

    def backup(self, source: Path) -> Run:
        return self._child("base", str(source))

    def restore(self, target: Path) -> Run:
        return self._child("restore", str(target))


@dataclass(frozen=True, slots=True)
class Restic:
    repository: Path

    def _restic(self, *words: str) -> Run:
        command = ["restic", "--quiet", "--repo", str(self.repository), "--cache-dir", f"{self.repository}.cache"]
        return timed([*command, *words], {"RESTIC_PASSWORD": "bench"})

    def begin(self) -> None:
        self._restic("init")

    def backup(self, source: Path) -> Run:
        return self._restic("backup", str(source))

    def restore(self, target: Path) -> Run:
        return self._restic("restore", "latest", "--target", str(target))


@dataclass(slots=True)
class Results:
    bytes: int
    runs: dict[tuple[str, str], list[Run]] = field(default_factory=dict)
    """By (tool, work)."""

    def add(self, tool: str, work: str, run: Run) -> None:
        self.runs.setdefault((tool, work), []).append(run)
        print(
            f"{tool:>9} {work:<13} {run.seconds:6.2f} s {run.cpu:6.2f} s CPU {run.memory >> 20:5} MiB", file=sys.stderr
        )

    def of(self, tool: str, work: str, what: Callable[[Run], float]) -> tuple[float, float]:
        """(least, median)."""
        values = [what(run) for run in self.runs[tool, work]]
        return min(values), statistics.median(values)

    def table(self) -> str:
        """The last column compares medians of CPU seconds, which other work on the machine disturbs least."""
        head = "| work | tool | s, least / median | MB/s | MB/s a core | peak | times restic, least / median "
        head += "| CPU |"
        lines = [head, "|---|---|---|---|---|---|---|---|"]
        rest = [work for _, work in self.runs if work not in WORKS]
        for work in (*WORKS, *dict.fromkeys(rest)):
            lines += [self._line(tool, work) for tool in ("planaria", "restic") if (tool, work) in self.runs]
        return "\n".join(lines)

    def _line(self, tool: str, work: str) -> str:
        least, median = self.of(tool, work, lambda run: run.seconds)
        cpu, cpu_median = self.of(tool, work, lambda run: run.cpu)
        memory = max(run.memory for run in self.runs[tool, work])
        megabytes = self.bytes / 1e6
        ratio, saved = "", ""
        if tool == "planaria":
            other_least, other_median = self.of("restic", work, lambda run: run.seconds)
            ratio = f"{other_least / least:.1f} / {other_median / median:.1f}"
            saved = f"{self.of('restic', work, lambda run: run.cpu)[1] / cpu_median:.1f}"
        return (
            f"| {work} | {tool} | {least:.2f} / {median:.2f} | {megabytes / least:.0f} | {megabytes / cpu:.0f} "
            f"| {memory >> 20} MiB | {ratio} | {saved} |"
        )


def change_one_percent(source: Path, total: int, seed: int) -> None:
    """In one place: so many bytes of the largest files, from their beginning."""
    left = total // 100
    for file in sorted((path for path in source.rglob("*") if path.is_file()), key=lambda path: -path.stat().st_size):
        with file.open("r+b") as opened:
            data = opened.read(left)
            opened.seek(0)
            opened.write(_turned(data, seed))
        left -= len(data)
        if left <= 0:
            return


def _turned(data: bytes, seed: int) -> bytes:
    """Every byte another, compressible as before."""
    return data.translate(bytes(byte ^ seed for byte in range(256)))


def tree_size(source: Path) -> int:
    return sum(path.stat().st_size for path in source.rglob("*") if path.is_file())


def measure(data: Path, work: Path, rounds: int) -> Results:
    source = work / "source"
    subprocess.run(["cp", "-a", str(data), str(source)], check=True)
    results = Results(tree_size(source))
    for number in range(1, rounds + 1):
        folder = work / f"{number}"
        folder.mkdir()
        tools: dict[str, Planaria | Restic] = {
            "planaria": Planaria(folder / "planaria"),
            "restic": Restic(folder / "restic"),
        }
        for name, tool in tools.items():
            tool.begin()
            os.sync()
            results.add(name, "base", tool.backup(source))
        change_one_percent(source, results.bytes, number)
        for name, tool in tools.items():
            os.sync()
            results.add(name, "second", tool.backup(source))
        for name, tool in tools.items():
            os.sync()
            _restored(results, name, tool, source, work / "out")
        shutil.rmtree(folder)
    return results


def _restored(results: Results, name: str, tool: Planaria | Restic, source: Path, target: Path) -> None:
    run = tool.restore(target)
    results.add(name, "restore", run)
    if name == "restic":
        synced = timed(["sync"])
        results.add(name, "restore + sync", Run(run.seconds + synced.seconds, run.cpu + synced.cpu, run.memory))
    copy = target if name == "planaria" else target / source.relative_to("/")
    subprocess.run(["diff", "-r", str(source), str(copy)], check=True)
    shutil.rmtree(target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="a directory to back up; made when none is named")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", type=Path, help="where repositories and copies go, on the disk to measure")
    options = parser.parse_args()
    if shutil.which("restic") is None:
        raise SystemExit("restic is not installed: apt-get install restic")
    data = options.data or make(Path(tempfile.gettempdir()) / "planaria-bench")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.work) as work:
        results = measure(data, Path(work), options.rounds)
    print(f"{results.bytes / 1e6:.0f} MB in {data}, {os.cpu_count()} cores, {options.rounds} rounds\n")
    print(results.table())


if __name__ == "__main__":
    main()
