"""Recovery into a running server: it is told `REPLICAOF` us, is sent base and journal, and cut loose at the point.

What was in it goes when it has received the RDB and loads it.
"""

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

from planaria.core.errors import DamagedData, Failed, PlanariaError
from planaria.core.instant import Instant
from planaria.core.position import Position
from planaria.drivers.contract import Finding, Recovery, Restored, Surroundings
from planaria.drivers.redis.base import prefix
from planaria.drivers.redis.client import Commands
from planaria.drivers.redis.cut import Stretch
from planaria.drivers.redis.endpoint import dial
from planaria.drivers.redis.intake import ANY_BULK
from planaria.drivers.redis.resp import ProtocolError, encode_command
from planaria.drivers.redis.serve import Listener, Payload
from planaria.drivers.redis.source import Source
from planaria.drivers.redis.walker import Place, Walker


@dataclass(slots=True)
class Reached:
    """Where the stream was cut: known when all of it has been given out."""

    position: Position
    at: Instant


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
        reached = Reached(self.recovery.base.facts.positions[stream], self.recovery.base.facts.at)
        payload = self._payload(stream, reached)
        with Commands(endpoint, self.target.access) as commands:
            password = secrets.token_hex(24)
            clock, stopping = self.surroundings.clock, self.surroundings.stopping
            listener = Listener(self._own_address(), clock, stopping)
            with listener, self._following(commands, listener, password):
                end = listener.serve(payload, password, self._progress)
                self._verified(commands, end)
        return Restored({stream: reached.position}, reached.at, self._sent, None, tuple(self._checks))

    def _payload(self, stream: str, reached: Reached) -> Payload:
        path = f"{prefix(stream)}dump.rdb"
        entry = next((one for one in self.recovery.base.entries() if one.path == path), None)
        if entry is None:
            raise DamagedData(f"{path} is not in this base", object_name=path)
        self._size = entry.size
        position = self.recovery.base.facts.positions[stream]
        # A replication id of its own: the target's replicas must not think that they know this history already.
        replid = secrets.token_hex(20)
        return Payload(
            replid, position.offset, entry.size, self.recovery.base.read(path), self._stream(stream, reached)
        )

    def _stream(self, stream: str, reached: Reached) -> Iterator[bytes]:
        """SELECT, then the journal up to the cut, in pieces that end outside MULTI…EXEC."""
        recovery = self.recovery
        if recovery.until is None and not recovery.latest:
            return
        start = recovery.base.facts.positions[stream]
        db = int(recovery.base.facts.source["streams"][stream]["stream_db"])
        until = recovery.until
        limit = until if isinstance(until, int) or until is None else until[stream]
        stretch = Stretch(recovery.journals[stream], start, limit, Place(start.offset, db), recovery.base.facts.at)
        walker = Walker(start.offset, db=db, max_bulk=ANY_BULK)
        held = bytearray()
        yield encode_command(b"SELECT", b"%d" % db)
        for data, _ in stretch:
            try:
                walker.feed(data)
            except ProtocolError as error:
                raise DamagedData(f"the journal is no stream of commands: {error}", object_name=stream) from error
            held += data
            ready = len(held) - (walker.offset - walker.safe)
            if ready > 0:
                yield bytes(held[:ready])
                del held[:ready]
            reached.position, reached.at = Position(start.lineage, walker.safe), stretch.at
        reached.at = stretch.at

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
