"""The replication handshake and payload, both sides, as state machines: bytes in, events out. No IO.

As a replica (`Replica`): `[AUTH] PING [REPLCONF version] REPLCONF capa eof capa psync2, PSYNC`, one question at a
time. No listening-port is announced (a Sentinel could promote us), and no second channel. Answers: `+FULLRESYNC <id>
<offset>` then the RDB as `$<length>\\r\\n` + bytes, or `$EOF:<40 bytes>\\r\\n` + bytes + the same 40 bytes, then the
stream; or `+CONTINUE[ <id>]` then the stream. Empty lines are keep-alives before any answer and before the payload
(redis/redis src/replication.c: syncWithMaster, slaveTryPartialResynchronization, readSyncBulkPayload).

As a master (`Master`): whatever the target's replica asks on the way is granted, and any PSYNC is answered FULLRESYNC.
"""

import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass

from planaria.drivers.redis.resp import (
    MAX_LINE,
    Bytes,
    CommandParser,
    ProtocolError,
    encode_command,
)

GETACK = encode_command(b"REPLCONF", b"GETACK", b"*")
"""What a master sends for an answer `REPLCONF ACK <offset>`; its bytes count in the offset."""
PING = encode_command(b"PING")


def acknowledgement(offset: int) -> bytes:
    """What a replica sends each second, and at once after a full resynchronisation: a diskless master waits for it."""
    return encode_command(b"REPLCONF", b"ACK", b"%d" % offset)


@dataclass(frozen=True, slots=True)
class SendBytes:
    data: bytes


@dataclass(frozen=True, slots=True)
class FullResync:
    """The stream will go on behind the RDB with the byte after `offset`."""

    replid: str
    offset: int


@dataclass(frozen=True, slots=True)
class Continue:
    """The stream goes on where it was asked to; `replid` is the new id where the master named one."""

    replid: str | None


@dataclass(frozen=True, slots=True)
class RetryLater:
    """The server cannot serve replicas now (loading, cut from its own master, too many clients)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """`what`: `password`, `permission`, `protected`, `protocol` (not a Redis), or `command` (PSYNC not offered)."""

    message: str
    what: str


@dataclass(frozen=True, slots=True)
class RdbBegin:
    """`size` in bytes; None: diskless, known at its end."""

    size: int | None


@dataclass(frozen=True, slots=True)
class RdbBytes:
    data: memoryview


@dataclass(frozen=True, slots=True)
class RdbEnd:
    pass


@dataclass(frozen=True, slots=True)
class StreamBytes:
    data: memoryview


Event = (
    SendBytes | FullResync | Continue | RetryLater | Refused | RdbBegin | RdbBytes | RdbEnd | StreamBytes
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Login:
    password: str
    user: str | None = None


_LATER = ("NOMASTERLINK", "LOADING", "MASTERDOWN", "BUSY", "TRYAGAIN", "ERR max number of clients", "ERR Can't SYNC")
_REFUSALS = (
    (
        "password",
        ("NOAUTH", "WRONGPASS", "ERR invalid password", "ERR AUTH", "ERR Client sent AUTH", "ERR operation not"),
    ),
    ("permission", ("NOPERM",)),
    ("protected", ("DENIED",)),
)
_FULLRESYNC = re.compile(rb"\+FULLRESYNC ([0-9a-zA-Z]{40}) (\d{1,19})")
_CONTINUE = re.compile(rb"\+CONTINUE(?: ([0-9a-zA-Z]{40}))?")
_MARKER = 40


class Replica:
    """Our side of a link to a master. `begin` once, then `receive` with whatever was read.

    `resume`: (replication id, offset of the last byte held), or None for a full resynchronisation. `version`:
    announced to Valkey 9 and later so that it sends what its RDB format can say; leave it out for an RDB that older
    servers load. After `RetryLater` or `Refused` the link is over. Raises ProtocolError for a payload that is not the
    protocol.
    """

    def __init__(self, login: Login | None, resume: tuple[str, int] | None, *, version: str | None = None) -> None:
        self._questions: list[tuple[str, bytes]] = []
        if login is not None:
            names = (login.user.encode(),) if login.user is not None else ()
            self._questions.append(("auth", encode_command(b"AUTH", *names, login.password.encode())))
        self._questions.append(("ping", PING))
        if version is not None:
            self._questions.append(("replconf", encode_command(b"REPLCONF", b"version", version.encode())))
        self._questions.append(("replconf", encode_command(b"REPLCONF", b"capa", b"eof", b"capa", b"psync2")))
        replid, offset = (resume[0].encode(), b"%d" % (resume[1] + 1)) if resume else (b"?", b"-1")
        self._questions.append(("psync", encode_command(b"PSYNC", replid, offset)))
        self._resuming = resume is not None
        self._phase = "answers"  # then: header, sized, marked, stream; or over
        self._held = b""
        self._remaining = 0
        self._marker = b""
        self._received = 0

    @property
    def streaming(self) -> bool:
        return self._phase == "stream"

    def begin(self) -> SendBytes:
        """The first question."""
        return SendBytes(self._questions[0][1])

    def receive(self, data: Bytes) -> Iterator[Event]:
        """Events in order. The memoryviews are into `data` (or a copy): use them before the next call."""
        view = memoryview(data).toreadonly()
        while len(view):
            match self._phase:
                case "stream":
                    self._received += len(view)
                    yield StreamBytes(view)
                    return
                case "sized":
                    taken = min(self._remaining, len(view))
                    yield RdbBytes(view[:taken])
                    view = view[taken:]
                    self._received += taken
                    self._remaining -= taken
                    if not self._remaining:
                        self._phase = "stream"
                        yield RdbEnd()
                case "marked":
                    body, rest = self._until_marker(view)
                    self._received += len(view)
                    view = rest
                    if len(body):
                        yield RdbBytes(body)
                    if self.streaming:
                        yield RdbEnd()
                case "over":
                    return
                case _:
                    line, view = self._line(view)
                    if line is not None:
                        yield from self._answered(line) if self._phase == "answers" else self._header(line)

    def _line(self, view: memoryview) -> tuple[bytes | None, memoryview]:
        """The next line that is not empty, without its end, and what follows it."""
        while len(view):
            end = bytes(view[:MAX_LINE]).find(b"\n")
            piece = view if end < 0 else view[: end + 1]
            self._held += piece
            view = view[len(piece) :]
            if len(self._held) > MAX_LINE:
                raise ProtocolError("the master's answer has no end", self._received)
            if end >= 0:
                self._received += len(self._held)
                line, self._held = self._held.rstrip(b"\r\n"), b""
                if line:
                    return line, view
        return None, view

    def _answered(self, line: bytes) -> Iterator[Event]:
        question = self._questions.pop(0)[0]
        text = line.decode("utf-8", "replace")
        if line[:1] not in (b"+", b"-"):
            yield self._over(Refused(f"it answered {text[:80]!r}, as no Redis does", "protocol"))
        elif line[:1] == b"-" and (ending := _failure(text[1:], question)) is not None:
            yield self._over(ending)
        elif question != "psync":
            yield SendBytes(self._questions[0][1])
        elif match := _FULLRESYNC.fullmatch(line):
            self._phase = "header"
            yield FullResync(match[1].decode(), int(match[2]))
        elif (match := _CONTINUE.fullmatch(line)) and self._resuming:
            self._phase = "stream"
            yield Continue(match[1].decode() if match[1] else None)
        else:
            yield self._over(Refused(f"it answered PSYNC with {text[:120]!r}", "protocol"))

    def _header(self, line: bytes) -> Iterator[Event]:
        if line[:1] == b"-":
            yield self._over(RetryLater(f"the master gave up its dump: {line[1:].decode('utf-8', 'replace')}"))
        elif match := re.fullmatch(rb"\$(\d{1,18})", line):
            self._remaining = int(match[1])
            self._phase = "sized" if self._remaining else "stream"
            yield RdbBegin(self._remaining)
            if not self._remaining:
                yield RdbEnd()
        elif match := re.fullmatch(rb"\$EOF:(.{%d})" % _MARKER, line, re.DOTALL):
            self._marker, self._phase = match[1], "marked"
            yield RdbBegin(None)
        else:
            raise ProtocolError(f"an RDB was to come, not {line[:40]!r}", self._received)

    def _until_marker(self, view: memoryview) -> tuple[memoryview, memoryview]:
        """(RDB bytes that are surely no part of the marker, what follows the marker)."""
        data = self._held + bytes(view) if self._held else bytes(view)
        found = data.find(self._marker)
        whole = memoryview(data)
        if found >= 0:
            self._phase, self._held = "stream", b""
            return whole[:found], whole[found + _MARKER :]
        held = next((n for n in range(min(_MARKER - 1, len(data)), 0, -1) if data.endswith(self._marker[:n])), 0)
        self._held = data[len(data) - held :]
        return whole[: len(data) - held], whole[len(data) :]

    def _over(self, event: Refused | RetryLater) -> Refused | RetryLater:
        self._phase = "over"
        return event


def _failure(message: str, question: str) -> RetryLater | Refused | None:
    """What an error answer means; None: go on (old servers know fewer REPLCONF options, PING may be forbidden)."""
    if message.startswith(_LATER):
        return RetryLater(message)
    for what, beginnings in _REFUSALS:
        if message.startswith(beginnings) and not (question == "ping" and what == "permission"):
            return Refused(message, what)
    if question == "psync":
        return Refused(message, "command")
    if question == "auth":
        return Refused(message, "password")
    return None


@dataclass(frozen=True, slots=True)
class SyncAsked:
    """The target wants the data: after `SendBytes` of FULLRESYNC send `payload_header(size)`, the RDB, the stream."""

    replid: str
    offset: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    offset: int


MasterEvent = SendBytes | SyncAsked | Acknowledged


def payload_header(size: int) -> bytes:
    """In front of an RDB of `size` bytes; nothing follows the RDB but the stream."""
    return b"$%d\r\n" % size


class Master:
    """Our side of a link from a target that was told `REPLICAOF` us.

    `replid` (40 characters) and `offset` are what the target will hold after the RDB. With a `password`, nothing is
    given without it (the target's masterauth; its masteruser is not looked at). Raises ProtocolError.
    """

    def __init__(self, replid: str, offset: int, *, password: str | None = None) -> None:
        if not re.fullmatch(r"[0-9a-zA-Z]{40}", replid):
            raise ValueError("a replication id has 40 characters")
        self._replid = replid
        self._offset = offset
        self._password = password
        self._open = password is None
        self._synced = False
        self._parser = CommandParser(0, max_bulk=MAX_LINE, max_command=2 * MAX_LINE)
        self._inline = b""
        self._arrays = False

    def receive(self, data: Bytes) -> Iterator[MasterEvent]:
        """Events in order. Before 6.2 a replica asks inline (`PING\\r\\n`), and acknowledges in arrays."""
        if not self._arrays:
            self._inline += bytes(data)
            data = b""
            while not self._arrays and (line := self._inline_command()) is not None:
                yield from self._asked(line)
            if self._arrays:
                data, self._inline = self._inline, b""
        if self._arrays:
            for command in self._parser.feed(data):
                yield from self._asked(command.args)

    def _inline_command(self) -> list[bytes] | None:
        self._inline = self._inline.lstrip(b"\r\n")
        if self._inline[:1] == b"*":
            self._arrays = True
            return None
        line, end, rest = self._inline.partition(b"\n")
        if not end:
            if len(line) > MAX_LINE:
                raise ProtocolError("the target's question has no end", 0)
            return None
        self._inline = rest
        return line.split()

    def _asked(self, args: list[bytes]) -> Iterator[MasterEvent]:
        name = args[0].upper()
        if name == b"REPLCONF" and len(args) >= 3 and args[1].upper() == b"ACK" and args[2].isdigit():
            if self._synced:
                yield Acknowledged(int(args[2]))
        elif name == b"AUTH" and len(args) in (2, 3):
            self._open = self._password is None or hmac.compare_digest(args[-1], self._password.encode())
            answer = b"+OK\r\n" if self._open else b"-WRONGPASS invalid username-password pair\r\n"
            yield SendBytes(answer)
        elif not self._open:
            yield SendBytes(b"-NOAUTH Authentication required.\r\n")
        elif name == b"PING":
            yield SendBytes(b"+PONG\r\n")
        elif name == b"REPLCONF":
            yield SendBytes(b"+OK\r\n")
        elif name in (b"PSYNC", b"SYNC"):
            self._synced = True
            if name == b"PSYNC":
                yield SendBytes(b"+FULLRESYNC %s %d\r\n" % (self._replid.encode(), self._offset))
            yield SyncAsked(self._replid, self._offset)
        else:
            yield SendBytes(b"-ERR unknown command\r\n")
