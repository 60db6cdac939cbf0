"""Every measurement, and its rows put into docs/benchmarks.md: python -m bench [--quick] [PART…]

PART is directory, redis or week; all when none is named. --quick takes seconds and proves that it runs: its figures
mean nothing, so they are printed only.
"""

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.report import block, machine, replaced
from planaria.service.system_clock import SystemClock

DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Program:
    """`head`: of its table, where it prints rows only."""

    name: str
    quick: tuple[str, ...]
    head: str = ""


WEEK = "| work | repository | warm | cold | memory | |\n|---|---|---|---|---|---|"
PARTS = {
    "directory": (Program("bench.directory", ("--rounds", "1", "--data", "src")),),
    "redis": (
        Program("bench.redis_base", ("--keys", "20000", "--rounds", "1")),
        Program("bench.redis_follow", ("--keys", "2000", "--rounds", "1", "--seconds", "2", "--rate", "5000")),
        Program("bench.redis_restore", ("--keys", "20000", "--commands", "20000", "--rounds", "1")),
    ),
    "week": (Program("bench.week", ("--segments", "2000"), WEEK),),
}


def measured(program: Program, *, quick: bool) -> str:
    """What goes into the document."""
    words = ["python", "-m", program.name, *(program.quick if quick else ())]
    print(" ".join(words), file=sys.stderr)
    at, where = CLOCK.now(), machine()
    ended = subprocess.run([sys.executable, *words[1:]], stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {ended.returncode}")
    return block(words, at, where, program.head, ended.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", nargs="*", help=f"{', '.join(PARTS)}; all when none is named")
    parser.add_argument("--quick", action="store_true", help="small, for a try: nothing is written down")
    options = parser.parse_args()
    if unknown := set(options.part) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    for part in options.part or PARTS:
        for program in PARTS[part]:
            found = measured(program, quick=options.quick)
            print(f"{found}\n", flush=True)
            if not options.quick:
                DOCUMENT.write_text(replaced(DOCUMENT.read_text(), program.name, found))


if __name__ == "__main__":
    main()
