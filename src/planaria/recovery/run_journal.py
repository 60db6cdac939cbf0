"""A run's journal on this host: one line of JSON before and after each step, fsynced, so that a crash can be resumed.

`<state>/runs/<run>.jsonl`; a lock on `<state>/runs/<run>.lock` is held while it runs, and one for each target.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import blake3

from planaria.core.errors import DamagedData, SafetyRefusal
from planaria.core.nearest import the_only

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Every run that this host knows, below `directory`."""

    directory: Path

    def ids(self) -> list[str]:
        """Oldest first."""
        return sorted(path.stem for path in self.directory.glob("*.jsonl"))

    def is_known(self, run: str) -> bool:
        return (self.directory / f"{run}.jsonl").exists()

    def find(self, run: str) -> str:
        """By its id or an unambiguous beginning of it. Raises UnknownName, UsageError."""
        return the_only("run", run, self.ids())

    def append(self, run: str, event: Json) -> None:
        """Durable on return."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.directory / f"{run}.jsonl"
        fresh = not path.exists()
        with path.open("a+b") as file:
            _drop_cut_line(file)
            file.write(json.dumps(event).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if fresh:
            descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def events(self, run: str) -> list[Json]:
        """All whole lines: a crash may have cut the last one. Raises DamagedData."""
        path = self.directory / f"{run}.jsonl"
        lines = path.read_bytes().split(b"\n")
        try:
            return [json.loads(line) for line in lines[:-1]]
        except ValueError:
            raise DamagedData(f"{path} is unreadable", object_name=str(path)) from None

    def state(self, run: str) -> str:
        """`done`, `failed`, `running` or `interrupted`."""
        turns = [event for event in self.events(run) if event["event"] in ("planned", "resumed", "ended")]
        if turns and turns[-1]["event"] == "ended":
            return str(turns[-1]["state"])
        return "running" if _is_locked(self.directory / f"{run}.lock") else "interrupted"

    @contextmanager
    def locked(self, run: str, targets: list[str]) -> Iterator[None]:
        """For the length of a run. Raises SafetyRefusal while another one holds the run or a target."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with ExitStack() as stack:
            stack.enter_context(_lock(self.directory / f"{run}.lock", f"run {run} is under way in another process"))
            for target in sorted(targets):
                name = blake3.blake3(target.encode()).hexdigest()[:16]
                busy = f"another run is recovering into {target}"
                stack.enter_context(_lock(self.directory / f"target-{name}.lock", busy))
            yield


def _drop_cut_line(file: BinaryIO) -> None:
    """A crash may have cut the last line: what is written next must not become its end."""
    file.seek(0)
    data = file.read()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        file.truncate(whole)


@contextmanager
def _lock(path: Path, refusal: str) -> Iterator[None]:
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SafetyRefusal(refusal, hint="wait for it, or end it: planaria runs") from None
        yield


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
