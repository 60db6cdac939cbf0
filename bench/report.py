"""docs/benchmarks.md: what was measured goes between its marks; what people wrote around them stays."""

import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path

from planaria.core.instant import Instant, shown

BEGIN, END = "<!-- {}: measured -->", "<!-- {}: end -->"


def replaced(document: str, program: str, block: str) -> str:
    """The document with `block` as what `program` measured. Raises ValueError where it has no place for it."""
    begin, end = BEGIN.format(program), END.format(program)
    found = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    whole, count = found.subn(lambda _: f"{begin}\n{block.strip()}\n{end}", document)
    if count != 1:
        raise ValueError(f"the document has {count} places between {begin} and {end}, not one")
    return whole


def block(command: Sequence[str], at: Instant, machine: str, head: str, output: str) -> str:
    """`output` is what the program printed: sentences, then the rows of a table, whose `head` may be missing."""
    lines = output.strip().splitlines()
    first = next((number for number, line in enumerate(lines) if line.startswith("|")), len(lines))
    said, rows = "\n".join(lines[:first]).strip(), "\n".join(lines[first:])
    parts = [f"`{' '.join(command)}`, {shown(at)}, {machine}.", said, f"{head}\n{rows}" if head else rows]
    return "\n\n".join(part for part in parts if part)


def machine() -> str:
    """Cores, memory, and what runs there."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    busy = os.getloadavg()[1]
    return (
        f"{os.cpu_count()} cores ({model[1].strip() if model else platform.machine()}), {memory >> 30} GiB, "
        f"Linux {platform.release()}, Python {platform.python_version()}, load of the machine before {busy:.1f}"
    )
