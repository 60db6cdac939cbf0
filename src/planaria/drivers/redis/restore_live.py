"""Recovery into a running server: it is told `REPLICAOF` us, is sent base and journal, and cut loose at the point.

What was in it goes when it has received the RDB and loads it.
"""

import contextlib
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from planaria.core.errors import DamagedData, Failed, PlanariaError
from planaria.drivers.contract import Finding, Recovery, Restored, Surroundings
from planaria.drivers.redis.base import prefix
from planaria.drivers.redis.capture import keys_per_db
from planaria.drivers.redis.client import Commands
from planaria.drivers.redis.endpoint import dial
from planaria.drivers.redis.patterns import selection
from planaria.drivers.redis.rdb_filter import filtered
from planaria.drivers.redis.replay import Replay, whole
from planaria.drivers.redis.serve import Listener, Payload
from planaria.drivers.redis.source import Source


@dataclass(slots=True)
class LiveRestore:
    """`run` once, after the plan has refused what can be refused."""

    recovery: Recovery
    target: Source
    surroundings: Surroundings
    _sent: int = 0
    _size: int = 0
    _checks: list[Finding] = field(default_factory=list)

    def run(self) -> Restored:
        """Raises Failed when the target does not hold what it was sent; then, as after any error, it is cut loose."""
        (stream,) = self.recovery.base.facts.positions
        endpoint = self.target.address.endpoints[0]
        facts = self.recovery.base.facts
        replay = Replay(self.recovery, stream, facts.positions[stream], facts.at)
        payload = self._payload(stream, replay)
        with Commands(endpoint, self.target.access) as commands:
            password = secrets.token_hex(24)
            clock, stopping = self.surroundings.clock, self.surroundings.stopping
            listener = Listener(self._own_address(), clock, stopping)
            with listener, self._following(commands, listener, password):
                end = listener.serve(payload, password, self._progress)
                self._verified(commands, end)
        return Restored({stream: replay.position}, replay.at, self._sent, None, tuple(self._checks))

    def _payload(self, stream: str, replay: Replay) -> Payload:
        base = self.recovery.base
        path = f"{prefix(stream)}dump.rdb"
        entry = next((one for one in base.entries() if one.path == path), None)
        if entry is None:
            raise DamagedData(f"{path} is not in this base", object_name=path)
        self._size = entry.size
        rdb: Iterable[bytes] = base.read(path)
        size: int | None = entry.size
        if self.recovery.only:
            rdb, size = filtered(rdb, selection(self.recovery.only).keeps), None
        # A replication id of its own: the target's replicas must not think that they know this history already.
        replid = secrets.token_hex(20)
        stream_bytes: Iterable[bytes] = replay if whole(self.recovery) else ()
        return Payload(replid, base.facts.positions[stream].offset, size, rdb, stream_bytes)

    def _own_address(self) -> str:
        """The address at which the target sees this host."""
        endpoint = self.target.address.endpoints[0]
        if endpoint.path is not None:
            return "127.0.0.1"
        with contextlib.closing(dial(endpoint, self.target.access)) as connection:
            host: str = connection.getsockname()[0]
            return host

    def _progress(self, count: int) -> None:
        self._sent += count
        self.surroundings.progress(f"into {self.target.address.endpoints[0]}", self._sent, self._size)

    @contextlib.contextmanager
    def _following(self, commands: Commands, listener: Listener, password: str) -> Iterator[None]:
        """The target follows us and logs in with `password`; it is cut loose again, whatever happens."""
        before = commands.settings("masterauth").get("masterauth", "")
        commands.ask("CONFIG", "SET", "masterauth", password)
        undo: list[tuple[str | int, ...]] = [("CONFIG", "SET", "masterauth", before)]
        try:
            undo.insert(0, ("REPLICAOF", "NO", "ONE"))
            commands.ask("REPLICAOF", listener.host, listener.port)
            yield
        except PlanariaError as error:
            error.hint = (
                f"{commands.endpoint} may be empty or incomplete now: recover again. {error.hint or ''}".strip()
            )
            self._undo(commands, undo)
            raise
        for command in undo:
            commands.ask(*command)

    def _undo(self, commands: Commands, undo: list[tuple[str | int, ...]]) -> None:
        """After a failure: the target must not go on asking us."""
        for command in undo:
            try:
                commands.ask(*command)
            except PlanariaError as error:
                what = "CONFIG SET masterauth (to what it was)" if command[0] == "CONFIG" else "REPLICAOF NO ONE"
                self.surroundings.warn(f"{commands.endpoint} must be told {what}: {error.message}")

    def _verified(self, commands: Commands, end: int) -> None:
        info = commands.info("replication")
        offset = int(info.get("slave_repl_offset", "-1"))
        if offset < end:
            raise Failed(f"the target stands at {offset}, not at {end}", hint="recover again")
        self._checks.append(Finding("acknowledged", True, f"the target holds everything up to {end}"))
        keys = keys_per_db(commands.info("keyspace"))
        held = ", ".join(f"{count} in database {db}" for db, count in sorted(keys.items())) or "none"
        self._checks.append(Finding("keys", True, held))
