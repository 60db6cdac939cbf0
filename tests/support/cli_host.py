"""A host on which `planaria` is used: a directory with a configuration, the program, and what it said."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from planaria.cli.main import run
from planaria.core.instant import Instant, rfc3339
from planaria.service.system_clock import SystemClock
from tests.support.redis_server import Server

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).parent / "planaria"
OWN_PLACES = (
    "\nlocal: {state: local/state, cache: local/cache, spool: local/spool}\nfollow: {flush: 200ms, idle: 300ms}\n"
)


@dataclass(frozen=True)
class Told:
    """What one call of the program came to."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object of `--json`."""
        found = json.loads(self.out)
        assert self.out.count("\n") == 1, f"more than one line: {self.out}"
        assert list(found) == ["planaria", "verb", "ok", "result", "errors"]
        return dict(found)

    @property
    def result(self) -> Any:
        assert self.status == 0, f"{self.status}: {self.out}{self.err}"
        return self.json["result"]


@dataclass
class CliHost:
    """Call it for the verb in this process; `program` for the real program in one of its own."""

    directory: Path
    capture: pytest.CaptureFixture[str]
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.directory / "planaria.yaml"

    def configure(self, components: str, more: str = "") -> None:
        """A repository with a fresh identity, and these components (YAML, indented by two)."""
        assert self("init", "--environment", "demo", "--url", f"file://{self.directory}/repository").status == 0
        self.components(components, more)

    def components(self, components: str, more: str = "") -> None:
        text = self.config.read_text()
        head = text[: text.index("# Upstream first")].replace("  rpo: 5m ", "  rpo: 1h ")
        self.config.write_text(f"{head}components:\n{components}{OWN_PLACES}{more}")

    def __call__(self, *arguments: str) -> Told:
        self.capture.readouterr()
        status = run(list(arguments))
        said = self.capture.readouterr()
        return Told(status, said.out, said.err)

    def _environ(self, environ: Mapping[str, str] | None) -> dict[str, str]:
        return {**os.environ, **self.environ, **(environ or {})}

    def program(self, *arguments: str, environ: Mapping[str, str] | None = None, wrapper: tuple[str, ...] = ()) -> Told:
        """The real program; below `wrapper`, a command that runs what follows it."""
        done = subprocess.run(
            [*wrapper, PROGRAM, *arguments],
            cwd=self.directory,
            env=self._environ(environ),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        return Told(done.returncode, done.stdout.decode(), done.stderr.decode())

    def dying(self, how: signal.Signals, place: str | Path, number: int, *arguments: str) -> "subprocess.Popen[str]":
        """The program, which ends or stops itself at a place: see `tests.support.dying`."""
        command = [sys.executable, "-m", "tests.support.dying", how.name, str(place), str(number), *arguments]
        return self._started(command, {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])})

    def start(self, *arguments: str, environ: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
        return self._started([str(PROGRAM), *arguments], environ)

    def _started(self, command: list[str], environ: Mapping[str, str] | None) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            command,
            cwd=self.directory,
            env=self._environ(environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def await_followed(self, component: str, since: Instant, seconds: float = 30) -> None:
        """Until every second goes on being recoverable beyond `since`."""
        deadline, pause, asked = time.monotonic() + seconds, Event(), rfc3339(since)
        while not any(one["from"] < one["to"] and asked <= one["to"] for one in self._windows(component)):
            assert time.monotonic() < deadline, f"{component} is not followed beyond {asked}: {self('points')}"
            pause.wait(0.05)

    def _windows(self, component: str) -> list[dict[str, str]]:
        windows = self("points", component, "--json").json["result"]["components"][component]["windows"]
        return [dict(one) for one in windows]


def now() -> Instant:
    return SystemClock().now()


def end(process: "subprocess.Popen[str]", how: signal.Signals = signal.SIGTERM) -> Told:
    """Signals the program, and waits for what it has to say."""
    process.send_signal(how)
    out, err = process.communicate(timeout=30)
    return Told(process.returncode, out, err)


def ended(process: "subprocess.Popen[str]") -> Told:
    """What it said until it ended by itself (a negative status: by that signal)."""
    out, err = process.communicate(timeout=60)
    return Told(process.returncode, out, err)


def await_stopped(process: "subprocess.Popen[str]") -> None:
    """Until the process has stopped itself; it must not end before."""
    _, how = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(how), f"it ended: {how}"


def redis_component(server: Server) -> str:
    return f"  redis: {{driver: redis, url: '{server.url}'}}\n"
