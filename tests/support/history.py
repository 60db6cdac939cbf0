"""What a server under load held, moment by moment, and the proof that an instant was brought back as it was then."""

import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from scripts.demo_load import SEQUENCE, Load, Moment

from planaria.cli.progress import nothing
from planaria.core.instant import SECOND, Instant, rfc3339
from planaria.drivers.contract import Surroundings, Target
from planaria.drivers.redis.driver import create
from planaria.drivers.redis.options import RedisOptions
from planaria.drivers.registry import options_models
from planaria.repository.journal_catalogue import load as load_catalogue
from planaria.service.environment import Host, open_environment
from planaria.service.system_clock import SystemClock, system_randomness
from planaria.settings.load import load
from tests.support.cli_host import CliHost, now
from tests.support.redis_running import poll
from tests.support.redis_server import Server, Servers

KEYS = 3_000
SLACK = 2 * SECOND
"""Bytes are stamped as they reach Planaria: later than the load was answered, by what a busy machine takes."""


@dataclass
class History:
    """Writes to `source`, which is empty, until it is killed; then knows what it held."""

    source: Server
    seed: int
    load: Load = field(init=False)
    _clients: list["redis.Redis"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.load = Load(self._connect, SystemClock(), random.Random(self.seed), KEYS)
        self.load.fill()

    def _connect(self, db: int) -> "redis.Redis":
        client = self.source.client(db)
        client.set_retry(Retry(NoBackoff(), 0))
        self._clients.append(client)
        return self._clients[-1]

    @contextmanager
    def writing(self) -> Iterator[Instant]:
        """From an instant when the first writes are done, to the source's end: SIGKILL, in the middle of others."""
        thread = threading.Thread(target=self.load.write)
        thread.start()
        try:
            poll(lambda: len(self.load.history) > 10, "the first writes")
            yield now()
        finally:
            self.source.kill()
            thread.join(30)
            for client in self._clients:
                client.close()
        assert not thread.is_alive(), "the load did not end"

    def proven(self, host: CliHost, servers: Servers, at: Instant) -> dict[str, Any]:
        """Recovers `at` by the program and starts a server on it; what `recover` says of the component."""
        target = host.directory / f"restored-{at}"
        done = host("recover", "redis", "--to", rfc3339(at), "--target", f"redis={target}", "--json").result
        server = servers(self.source.family, directory=target, settings={"include": str(target / "start.conf")})
        try:
            with server.client() as client:
                sequence = int(client.get(SEQUENCE) or 0)
            held = fingerprint(server)
        finally:
            server.kill()
        last, following = self._moments(sequence)
        assert held == f"{last.fingerprint:064x}", f"transaction {sequence} is not as it was"
        assert last.confirmed_at <= at + SLACK, f"transaction {sequence} came after {rfc3339(at)}"
        assert following.confirmed_at >= at - SLACK, f"transaction {sequence + 1} came before {rfc3339(at)}"
        return {**done["components"]["redis"], "sequence": sequence}

    def _moments(self, sequence: int) -> tuple[Moment, Moment]:
        """Of transaction `sequence` and of the next."""
        return self.load.history[sequence - 1], self.load.history[sequence]


def fingerprint(server: Server) -> str:
    around = Surroundings(SystemClock(), lambda what, done, total: None, lambda sentence: None, lambda: False)
    options = RedisOptions.model_validate({"driver": "redis", "url": server.url})
    return create(options, around, os.environ).fingerprint(Target(url=server.url))


def windows(host: CliHost) -> list[dict[str, str]]:
    return [dict(one) for one in host("points", "redis", "--json").result["components"]["redis"]["windows"]]


def inside(host: CliHost, draw: random.Random, count: int, since: Instant, until: Instant) -> list[Instant]:
    """Instants between two, each in some window, in order."""
    held = [one for one in windows(host) if one["from"] < one["to"]]
    assert held, "nothing can be chosen"
    found: list[Instant] = []
    while len(found) < count:
        at = Instant(draw.randrange(since, until))
        if any(one["from"] <= rfc3339(at) <= one["to"] for one in held):
            found.append(at)
    return sorted(found)


def overlapping(host: CliHost) -> bool:
    """Are there two followers, by what lies in the repository, each of which saw the same time as it happened?"""
    around = Host(SystemClock(), system_randomness, os.environ, lambda said: None, nothing, lambda: False)
    environment = open_environment(load(host.config, options_models()), around)
    exact = [
        span
        for one in load_catalogue(environment.repository, "redis", None).objects
        for span in one.spans
        if span.exact
    ]
    exact.sort(key=lambda span: span.first_at)
    return any(after.first_at < before.last_at for before, after in pairwise(exact))


def second_host(host: CliHost, name: str) -> CliHost:
    """Another machine with the same configuration: its own state, cache and spool."""
    directory = host.directory / name
    directory.mkdir()
    (directory / "planaria.yaml").write_text(host.config.read_text())
    identity = Path("planaria-identity")
    (directory / identity).write_text((host.directory / identity).read_text())
    (directory / identity).chmod(0o600)
    return CliHost(directory, host.capture, host.environ)
