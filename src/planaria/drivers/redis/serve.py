"""A target's master for the time of one restore: it asks, and is sent an RDB and the stream behind it.

Whoever connects could ask for all data, so nothing is given without the password that the target was told.
"""

import secrets
import select
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from planaria.core.clock import Clock
from planaria.core.errors import ComponentRefused, ComponentUnavailable, Interrupted
from planaria.drivers.contract import Bytes
from planaria.drivers.redis.psync import PING, Acknowledged, Master, SendBytes, SyncAsked, payload_header
from planaria.drivers.redis.resp import ProtocolError

SLICE = 0.25
PING_SECONDS = 5.0
"""A replica whose master says nothing for `repl-timeout` (60 s) turns away."""
CONNECT_SECONDS = 60.0
"""A target connects within a second; one that was busy takes longer."""
SILENCE_SECONDS = 600.0
"""Without an acknowledgement or room to send: loading a large RDB takes minutes in which a replica is mute."""
ROOM = 1 << 20


@dataclass(slots=True)
class Payload:
    """What a target is to hold: an RDB, which ends at `offset`, and the stream from there.

    `size` in bytes; None: known when the last piece of `rdb` has been given.
    """

    replid: str
    offset: int
    size: int | None
    rdb: Iterable[Bytes]
    stream: Iterable[Bytes]
    """Pieces that end outside MULTI…EXEC, so that PINGs may be sent between them."""


class Listener:
    """A listening socket on `host`, where one target will connect; `with` closes it."""

    def __init__(self, host: str, clock: Clock, stopping: Callable[[], bool]) -> None:
        self._clock = clock
        self._stopping = stopping
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, 0), family=family, backlog=4)
        self._socket.setblocking(False)
        self.host = host
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def serve(self, payload: Payload, password: str, progress: Callable[[int], None]) -> int:
        """Until the target has acknowledged everything; the offset that it acknowledged.

        Raises ComponentUnavailable when it does not come or goes away, Interrupted. `payload` is used up.
        """
        deadline = self._clock.monotonic() + CONNECT_SECONDS
        while True:
            connection = self._accepted(deadline)
            session = _Session(connection, payload, password, progress, self._clock, self._stopping)
            with connection:
                if session.greeted(deadline):
                    return session.run()

    def _accepted(self, deadline: float) -> socket.socket:
        while True:
            if self._stopping():
                raise Interrupted("stopped while the target was awaited")
            if self._clock.monotonic() > deadline:
                raise ComponentUnavailable(
                    f"the target did not connect to {self.host}:{self.port} within {CONNECT_SECONDS:.0f} s",
                    hint="it must be able to reach this host; see its log, or recover into a directory instead",
                )
            if select.select([self._socket], [], [], SLICE)[0]:
                connection, _ = self._socket.accept()
                connection.setblocking(False)
                return connection


class _Session:
    """One connection from a target."""

    def __init__(
        self,
        connection: socket.socket,
        payload: Payload,
        password: str,
        progress: Callable[[int], None],
        clock: Clock,
        stopping: Callable[[], bool],
    ) -> None:
        self._socket = connection
        self._payload = payload
        self._master = Master(payload.replid, payload.offset, password=password)
        self._progress = progress
        self._clock = clock
        self._stopping = stopping
        self._end = payload.offset
        self._acknowledged = -1

    def greeted(self, deadline: float) -> bool:
        """The handshake, up to its question for the data; False: somebody else, or it thought better of it."""
        while self._clock.monotonic() < deadline:
            if self._stopping():
                raise Interrupted("stopped before the target asked for its data")
            try:
                for event in self._master.receive(self._received(SLICE)):
                    if isinstance(event, SendBytes):
                        self._send(event.data)
                    elif isinstance(event, SyncAsked):
                        return True
            except (ProtocolError, ComponentUnavailable):
                return False  # a health check, say: the target itself connects again
        return False

    def run(self) -> int:
        self._send_rdb()
        spoken = self._clock.monotonic()
        for piece in self._payload.stream:
            self._send(piece)
            self._end += len(piece)
            self._listen(0)
            spoken = self._clock.monotonic()
        heard = spoken
        while self._acknowledged < self._end:
            before = self._acknowledged
            self._listen(SLICE)
            now = self._clock.monotonic()
            heard = now if self._acknowledged > before else heard
            if now - spoken > PING_SECONDS:
                self._send(PING)
                self._end += len(PING)
                spoken = now
            if now - heard > SILENCE_SECONDS:
                raise ComponentUnavailable("the target has stopped acknowledging", hint="see its log")
        return self._end

    def _send_rdb(self) -> None:
        """Behind an RDB of unknown size a replica reads on for its end mark: the stream must wait until it has it."""
        size, mark = self._payload.size, secrets.token_hex(20).encode()
        self._send(payload_header(size) if size is not None else b"$EOF:" + mark + b"\r\n")
        for piece in self._payload.rdb:
            self._send(piece)
            self._listen(0)
        if size is not None:
            return
        self._send(mark)
        patience = self._clock.monotonic() + SILENCE_SECONDS
        while self._acknowledged < 0:
            self._listen(SLICE)
            if self._clock.monotonic() > patience:
                raise ComponentUnavailable("the target does not say that it has loaded the dump", hint="see its log")

    def _listen(self, timeout: float) -> None:
        data = self._received(timeout)
        if not data:
            return
        try:
            for event in self._master.receive(data):
                if isinstance(event, Acknowledged):
                    self._acknowledged = event.offset
                elif isinstance(event, SyncAsked):
                    raise ComponentUnavailable("the target asked for everything again", hint="see its log")
                else:
                    self._send(event.data)
        except ProtocolError as error:
            raise ComponentRefused(f"the target does not speak as a replica does: {error}") from error

    def _received(self, timeout: float) -> bytes:
        """Empty: nothing came within `timeout`."""
        if self._stopping():
            raise Interrupted("stopped while the target was being served")
        if not select.select([self._socket], [], [], timeout)[0]:
            return b""
        try:
            data = self._socket.recv(64 * 1024)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise _gone(error) from error
        if not data:
            raise _gone(None)
        return data

    def _send(self, data: Bytes) -> None:
        view = memoryview(data)
        began = self._clock.monotonic()
        while view:
            if self._stopping():
                raise Interrupted("stopped while the target was being served")
            if not select.select([], [self._socket], [], SLICE)[1]:
                if self._clock.monotonic() - began > SILENCE_SECONDS:
                    raise ComponentUnavailable("the target has stopped reading", hint="see its log")
                continue
            try:
                count = self._socket.send(view[:ROOM])
            except BlockingIOError:
                continue
            except OSError as error:
                raise _gone(error) from error
            view = view[count:]
            self._progress(count)


def _gone(error: OSError | None) -> ComponentUnavailable:
    reason = f": {error.strerror}" if error and error.strerror else ""
    return ComponentUnavailable(f"the target closed its replication link{reason}", hint="its log says why")
