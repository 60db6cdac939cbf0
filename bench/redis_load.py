"""What bench.redis_follow starts: a load, and what watches it, each in a process of its own; an answer in JSON each.

write PORT RATE SECONDS   so many commands a second, pipelined over four connections: {rate, cpu}
probe PORT SECONDS        one unpipelined SET every 2 ms: {p50, p99, worst, count} of its latency, in seconds
lag PORT SECONDS          a SET every 50 ms, and after its answer WAIT 1: {p50, p99, worst, count} of the time that the
                          server waited for its replica's word that all of it is durable, in seconds
"""

import json
import os
import random
import selectors
import socket
import sys
from collections import deque
from dataclasses import dataclass, field

from planaria.drivers.redis.resp import encode_command
from planaria.service.system_clock import SystemClock

CLOCK = SystemClock()
CONNECTIONS = 4
TICK = 0.002
KEYS = 200_000
PREPARED = 2.0
"""Seconds of different commands, sent again and again."""
PATIENCE = 30.0


def connected(port: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), PATIENCE)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def blocks(rate: int) -> list[tuple[bytes, int]]:
    """(commands of one tick, how many) for `PREPARED` seconds."""
    randomness, count = random.Random(7), max(1, round(rate * TICK))
    return [(b"".join(command(randomness) for _ in range(count)), count) for _ in range(round(PREPARED / TICK))]


def command(randomness: random.Random) -> bytes:
    """Keys and members come from bounded sets, so that the data does not grow for ever."""
    number, kind = randomness.randrange(KEYS), randomness.randrange(10)
    value = randomness.randbytes(32).hex().encode()
    if kind < 4:
        return encode_command(b"SET", b"load:s:%d" % number, value)
    if kind < 5:
        return encode_command(b"SET", b"load:e:%d" % number, value, b"EX", b"3600")
    if kind < 7:
        return encode_command(b"HSET", b"load:h:%d" % (number // 10), b"field%d" % (number % 10), value)
    if kind < 8:
        return encode_command(b"INCR", b"load:i:%d" % number)
    if kind < 9:
        return encode_command(b"ZADD", b"load:z:%d" % (number // 100), b"%d" % number, b"member%d" % (number % 100))
    return encode_command(b"DEL", b"load:s:%d" % number)


def write(port: int, rate: int, seconds: float) -> dict[str, float]:
    """Every answer is waited for; a command that was refused ends it."""
    prepared, sockets = blocks(rate), [connected(port) for _ in range(CONNECTIONS)]
    began, sent, answered = CLOCK.monotonic(), 0, 0
    for tick in range(round(seconds / TICK)):
        early = began + tick * TICK - CLOCK.monotonic()
        if early > 0:
            CLOCK.sleep(early)
        data, count = prepared[tick % len(prepared)]
        connection = sockets[tick % CONNECTIONS]
        connection.sendall(data)
        sent += count
        answered += _answers(connection, wait=False)
    while answered < sent:
        answered += sum(_answers(connection, wait=True) for connection in sockets)
    return {"rate": sent / (CLOCK.monotonic() - began)}


def _answers(connection: socket.socket, *, wait: bool) -> int:
    """How many have come; every answer to the load is one line."""
    connection.settimeout(0.05 if wait else 0)
    try:
        data = connection.recv(1 << 20)
    except (BlockingIOError, TimeoutError):
        data = b""
    connection.settimeout(PATIENCE)
    if b"-" in data:
        raise SystemExit(f"the server refused a command: {data[data.index(b'-') :][:200]!r}")
    return data.count(b"\n")


def probe(port: int, seconds: float) -> dict[str, float]:
    connection, found = connected(port), []
    ask = encode_command(b"SET", b"probe", b"x" * 64)
    end = CLOCK.monotonic() + seconds
    while (start := CLOCK.monotonic()) < end:
        connection.sendall(ask)
        if connection.recv(64) != b"+OK\r\n":
            raise SystemExit("the probe was refused")
        found.append(CLOCK.monotonic() - start)
        CLOCK.sleep(TICK)
    return shares(found)


@dataclass(slots=True)
class _Sample:
    """One connection of `lag`: a SET on its way, then a WAIT."""

    connection: socket.socket
    acknowledged: float = 0.0
    held: bytes = b""


@dataclass(slots=True)
class _Lag:
    port: int
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    free: "deque[_Sample]" = field(default_factory=deque)
    found: list[float] = field(default_factory=list)
    flying: int = 0

    def begin(self, number: int) -> None:
        """On a connection of its own, so that samples come at even distances, whatever the others wait for."""
        if not self.free:
            sample = _Sample(connected(self.port))
            self.selector.register(sample.connection, selectors.EVENT_READ, sample)
            self.free.append(sample)
        sample = self.free.popleft()
        sample.acknowledged, sample.held = 0.0, b""
        sample.connection.sendall(encode_command(b"SET", b"lag", b"%d" % number))
        self.flying += 1

    def attend(self, until: float) -> None:
        while (left := until - CLOCK.monotonic()) > 0:
            for key, _ in self.selector.select(left):
                self._heard(key.data)

    def _heard(self, sample: _Sample) -> None:
        sample.held += sample.connection.recv(256)
        now = CLOCK.monotonic()
        if sample.held == b"+OK\r\n":
            sample.acknowledged, sample.held = now, b""
            sample.connection.sendall(encode_command(b"WAIT", b"1", b"%d" % int(PATIENCE * 1000)))
        elif sample.held == b":1\r\n":
            self.found.append(now - sample.acknowledged)
            self.free.append(sample)
            self.flying -= 1
        elif sample.held.endswith(b"\r\n"):
            raise SystemExit(f"no replica said within {PATIENCE:g} s that it is durable: {sample.held!r}")


def lag(port: int, seconds: float, every: float = 0.05) -> dict[str, float]:
    watch = _Lag(port)
    began = CLOCK.monotonic()
    for number in range(round(seconds / every)):
        watch.begin(number)
        watch.attend(began + (number + 1) * every)
    while watch.flying:
        watch.attend(CLOCK.monotonic() + every)
    return shares(watch.found)


def shares(found: list[float]) -> dict[str, float]:
    ordered = sorted(found)
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99)]
    return {"p50": at[0], "p99": at[1], "worst": ordered[-1], "count": len(ordered)}


def main() -> None:
    what, port, *rest = sys.argv[1:]
    if what == "write":
        answer = write(int(port), int(rest[0]), float(rest[1]))
    else:
        answer = {"probe": probe, "lag": lag}[what](int(port), float(rest[0]))
    times = os.times()
    print(json.dumps({**answer, "cpu": times.user + times.system}))


if __name__ == "__main__":
    main()
