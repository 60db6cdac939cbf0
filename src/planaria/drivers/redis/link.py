"""The replication link: one socket that drives `psync.Replica`, with every wait bounded. For one thread at a time."""

import contextlib
import select
import ssl
from collections.abc import Callable, Iterator

from planaria.core.clock import Clock
from planaria.core.errors import ComponentRefused, ComponentUnavailable, Interrupted
from planaria.drivers.redis import psync
from planaria.drivers.redis.client import not_redis, refusal
from planaria.drivers.redis.endpoint import Access, Endpoint, dial, explained
from planaria.drivers.redis.resp import ProtocolError

BUFFER = 1024 * 1024
SMALL = 128 * 1024
GATHER = 0.002
"""Seconds in which an RDB's small reads gather: a diskless master sends 16 KiB at a time, and each costs us a turn."""
SLICE = 0.25
"""Seconds between two looks at `stopping` while nothing arrives."""

Started = psync.FullResync | psync.Continue


class Link:
    """An open link, asked to go on behind `resume` = (replication id, bytes held), or to send everything.

    `silence`: seconds without a byte after which the link counts as dead (a master pings every ten).
    """

    def __init__(
        self,
        endpoint: Endpoint,
        access: Access,
        clock: Clock,
        stopping: Callable[[], bool],
        *,
        resume: tuple[str, int] | None = None,
        version: str | None = None,
        silence: float = 60.0,
    ) -> None:
        self.endpoint = endpoint
        self._clock = clock
        self._stopping = stopping
        self._silence = silence
        self._patience = access.read_timeout
        self._tls = access.tls is not None
        login = psync.Login(access.password, access.username) if access.password is not None else None
        self._machine = psync.Replica(login, resume, version=version)
        self._buffer = bytearray(BUFFER)
        self._view = memoryview(self._buffer)
        self._early = b""
        self._events: Iterator[psync.Event] = iter(())
        self._heard = clock.monotonic()
        self._socket = dial(endpoint, access)
        self._socket.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def close(self) -> None:
        self._socket.close()

    def start(self) -> Started:
        """Shakes hands. Raises ComponentRefused, ComponentUnavailable, Interrupted."""
        self._send(self._machine.begin().data)
        for event in self._until(self._clock.monotonic() + self._patience):
            match event:
                case psync.SendBytes(data):
                    self._send(data)
                case psync.FullResync() | psync.Continue():
                    return event
                case psync.Refused(message, what):
                    raise self._refused(message, what)
                case psync.RetryLater(reason):
                    raise ComponentUnavailable(f"{self.endpoint} cannot serve replicas now: {reason}", hint="wait")
        raise ComponentUnavailable(f"{self.endpoint} closed the replication handshake")

    def rdb(self, begun: Callable[[int | None], None] = lambda size: None) -> Iterator[bytes]:
        """After FullResync: the RDB's bytes. `begun` is told its size, None for a diskless one. Then use `read`."""
        for event in self._until(None):
            match event:
                case psync.RdbBegin(size):
                    begun(size)
                case psync.RdbBytes(data):
                    yield bytes(data)
                    if len(data) < SMALL:
                        self._clock.sleep(GATHER)
                case psync.RdbEnd():
                    self._early = b"".join(bytes(e.data) for e in self._events if isinstance(e, psync.StreamBytes))
                    return
                case psync.RetryLater(reason):
                    raise ComponentUnavailable(f"{self.endpoint}: {reason}", hint="the server's log says why")

    def read(self, timeout: float) -> memoryview | bytes | None:
        """Stream bytes that arrive within `timeout` seconds; None: nothing did. Use them before the next call.

        Raises ComponentUnavailable when the link is cut, or has been silent for too long.
        """
        if self._early:
            early, self._early = self._early, b""
            return early
        for event in self._events:
            if isinstance(event, psync.StreamBytes):
                return event.data
        if not self._receive(timeout):
            return None
        return self.read(0)

    def acknowledge(self, offset: int) -> None:
        self._send(psync.acknowledgement(offset))

    def _until(self, deadline: float | None) -> Iterator[psync.Event]:
        """Events as bytes arrive, before the deadline."""
        while True:
            for event in self._events:  # noqa: UP028  (`yield from` would end them when our caller has seen enough)
                yield event
            if self._stopping():
                raise Interrupted(f"stopped while {self.endpoint} was read")
            self._receive(SLICE)
            if deadline is not None and self._clock.monotonic() > deadline:
                raise explained(self.endpoint, TimeoutError(), tls=self._tls)

    def _receive(self, timeout: float) -> bool:
        """Reads once into the buffer; False when nothing is there."""
        if not (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()):
            self._poll.poll(timeout * 1000)
        try:
            count = self._socket.recv_into(self._buffer)
            if count and isinstance(self._socket, ssl.SSLSocket):
                count = self._more(self._socket, count)
        except (BlockingIOError, ssl.SSLWantReadError):
            if self._clock.monotonic() - self._heard > self._silence:
                message = f"{self.endpoint} has sent nothing for {self._silence:.0f} s"
                raise ComponentUnavailable(message, hint="check the network between it and this host") from None
            return False
        except OSError as error:
            raise explained(self.endpoint, error, tls=self._tls) from error
        if count == 0:
            raise ComponentUnavailable(
                f"{self.endpoint} closed the replication link",
                hint="its log says why: often client-output-buffer-limit replica, a restart, or TLS wanted (rediss://)",
            )
        self._heard = self._clock.monotonic()
        self._events = self._classified(self._machine.receive(self._view[:count]))
        return True

    def _more(self, secure: ssl.SSLSocket, count: int) -> int:
        """TLS gives out one record of 16 KiB at a time: whatever else has arrived, up to a full buffer."""
        with contextlib.suppress(ssl.SSLWantReadError):
            while count < BUFFER and (more := secure.recv_into(self._view[count:])):
                count += more
        return count

    def _classified(self, events: Iterator[psync.Event]) -> Iterator[psync.Event]:
        try:
            yield from events
        except ProtocolError as error:
            raise not_redis(self.endpoint, str(error)) from error

    def _send(self, data: bytes) -> None:
        try:
            self._socket.settimeout(self._patience)
            self._socket.sendall(data)
            self._socket.setblocking(False)
        except OSError as error:
            raise explained(self.endpoint, error, tls=self._tls) from error

    def _refused(self, message: str, what: str) -> ComponentRefused | ComponentUnavailable:
        match what:
            case "protocol":
                made = not_redis(self.endpoint, message)
            case "command":
                return ComponentRefused(
                    f"{self.endpoint} does not offer PSYNC: {message}",
                    hint="managed services hide it; ask for replication access, or follow a server that offers it",
                )
            case "protected":
                hint = "set a password there, or have it bind the address that we reach"
                return ComponentRefused(f"{self.endpoint} is in protected mode", hint=hint)
            case _:
                made = refusal(self.endpoint, message)
        return made if isinstance(made, (ComponentRefused, ComponentUnavailable)) else ComponentRefused(str(made))
