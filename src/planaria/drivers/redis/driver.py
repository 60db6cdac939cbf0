"""The Redis and Valkey driver: replica in, master out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from planaria.core.base import CommittedBase
from planaria.core.errors import Interrupted
from planaria.core.position import Position
from planaria.drivers.contract import (
    MAIN,
    Archive,
    Capabilities,
    Change,
    Driver,
    Finding,
    Recovery,
    Restored,
    Surroundings,
    Target,
)
from planaria.drivers.redis.base import take_base
from planaria.drivers.redis.client import Commands
from planaria.drivers.redis.discover import by_stream, settled, shards
from planaria.drivers.redis.endpoint import parse_url
from planaria.drivers.redis.fingerprint import fingerprint_of, fingerprint_of_files
from planaria.drivers.redis.following import Following, known_streams
from planaria.drivers.redis.options import RedisOptions
from planaria.drivers.redis.probe import probe
from planaria.drivers.redis.restore_files import restore_files
from planaria.drivers.redis.restore_live import LiveRestore
from planaria.drivers.redis.restore_live_plan import plan_live
from planaria.drivers.redis.restore_plan import plan_files
from planaria.drivers.redis.source import Source, at_url

CAPABILITIES = Capabilities(
    kind="redis",
    title="Redis and Valkey",
    journal=True,
    targets=("directory", "live"),
    partial=("db:N", "key:PATTERN"),
)
PROVEN_AT_ONCE = 32 << 20
"""Bytes sent to a live target, up to which its fingerprint is taken at once: it reads every key, 70,000 a second, and
nobody who waits for a large service to be back should wait for that too."""


@dataclass(frozen=True, slots=True)
class RedisDriver:
    """See `drivers.contract.Driver`."""

    options: RedisOptions
    surroundings: Surroundings
    environ: Mapping[str, str]

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def _source(self) -> Source:
        return self.options.resolved(self.environ)

    def probe(self) -> list[Finding]:
        return probe(self._source(), self.surroundings)

    def position(self) -> Mapping[str, Position]:
        source = settled(self._source())
        positions = {}
        for shard in shards(source):
            with Commands(shard.master, source.access) as commands:
                info = commands.info("replication")
            stream = shard.names[0] if source.cluster else MAIN
            positions[stream] = Position(info["master_replid"], int(info["master_repl_offset"]))
        return positions

    def base(self, archive: Archive) -> CommittedBase:
        if self.surroundings.stopping():
            raise Interrupted("stopped before a base was begun")
        source = settled(self._source())
        named = by_stream(shards(source), known_streams(archive, source))
        return take_base(archive, source, named, self.surroundings)

    def follow(self, archive: Archive) -> None:
        Following(archive, self._source(), self.surroundings).run()

    def plan(self, recovery: Recovery, target: Target) -> list[Change]:
        if target.directory is not None:
            return plan_files(recovery, target.directory, replace=target.replace)
        return plan_live(recovery, self._target(target), replace=target.replace)

    def restore(self, recovery: Recovery, target: Target) -> Restored:
        """A live target that is not large is fingerprinted too; files are proven by the server that loads them."""
        self.plan(recovery, target)
        if target.directory is not None:
            return restore_files(recovery, target.directory, self.surroundings, replace=target.replace)
        source = self._target(target)
        restored = LiveRestore(recovery, source, self.surroundings).run()
        if restored.bytes > PROVEN_AT_ONCE:
            return restored
        return replace(restored, fingerprint=fingerprint_of(source, self.surroundings))

    def _target(self, target: Target) -> Source:
        """The configured user and password are for the configured service only; another's are in its URL."""
        configured = self._source()
        if target.url is None:
            return replace(configured, cluster=False)
        same = parse_url(target.url).endpoints == configured.address.endpoints
        access = configured.access if same else replace(configured.access, username=None, password=None)
        return replace(at_url(target.url, access), cluster=False)

    def fingerprint(self, target: Target | None) -> str:
        if target is None:
            return fingerprint_of(settled(self._source()), self.surroundings)
        if target.directory is not None:
            return fingerprint_of_files(target.directory, self.surroundings)
        return fingerprint_of(settled(replace(self._target(target), cluster=None)), self.surroundings)


def create(options: RedisOptions, surroundings: Surroundings, environ: Mapping[str, str]) -> Driver:
    return RedisDriver(options, surroundings, environ)
