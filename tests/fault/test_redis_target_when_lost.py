"""A recovery into a running server that is cut, killed or stopped: never a false success, and the target is let go."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from planaria.core.errors import ComponentUnavailable, Interrupted, PlanariaError
from planaria.drivers.contract import Recovery, Target
from planaria.drivers.redis.resp import encode_command
from planaria.drivers.redis.serve import Listener, Payload
from tests.support.redis_data import load
from tests.support.redis_running import RealClock, Run, poll, to_server
from tests.support.redis_server import Server, Servers, running


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with running(tmp_path) as started:
        yield started


@pytest.fixture
def taken(servers: Servers) -> Run:
    source = servers("valkey")
    with source.client() as client:
        load(client)
        pipe = client.pipeline(transaction=False)
        for n in range(300):
            pipe.set(f"large:{n}", b"%d" % n * 30_000)
        pipe.execute()
    run = to_server(source)
    run.driver.base(run.archive)
    return run


def slowly(run: Run, begun: threading.Event, go_on: threading.Event) -> None:
    """The base's bytes stop after the first until the test says so."""
    base = run.archive.bases[0]
    content = base.read

    def read(path: str) -> Iterator[bytes]:
        for piece in content(path):
            yield piece
            if path == "dump.rdb":
                begun.set()
                assert go_on.wait(30)

    base.read = read  # type: ignore[method-assign]


def restoring(run: Run, target: Server) -> tuple[threading.Thread, list[PlanariaError]]:
    errors: list[PlanariaError] = []
    driver = run.driver

    def restore() -> None:
        try:
            driver.restore(Recovery(run.archive.bases[0], {}, None), Target(url=target.url, replace=True))
        except PlanariaError as error:
            errors.append(error)

    thread = threading.Thread(target=restore)
    thread.start()
    return thread, errors


def test_a_target_killed_while_it_is_sent_its_data(servers: Servers, taken: Run) -> None:
    target = servers("valkey")
    begun, go_on = threading.Event(), threading.Event()
    slowly(taken, begun, go_on)
    thread, errors = restoring(taken, target)
    assert begun.wait(20)
    target.kill()
    go_on.set()
    thread.join(30)
    assert isinstance(errors[0], ComponentUnavailable)
    assert "may be empty or incomplete now: recover again" in (errors[0].hint or "")
    assert any("must be told REPLICAOF NO ONE" in one for one in taken.warnings)


def test_a_restore_that_is_stopped_lets_the_target_go(servers: Servers, taken: Run) -> None:
    target = servers("valkey", settings={"masterauth": "theirs"})
    begun, go_on = threading.Event(), threading.Event()
    slowly(taken, begun, go_on)
    thread, errors = restoring(taken, target)
    assert begun.wait(20)
    taken.stop.set()
    go_on.set()
    thread.join(30)
    assert isinstance(errors[0], Interrupted)
    with target.client(decode=True) as client:
        assert client.info("replication")["role"] == "master"
        assert client.config_get("masterauth") == {"masterauth": "theirs"}
    assert taken.warnings == []


def test_a_journal_that_breaks_off_is_no_success(servers: Servers, taken: Run) -> None:
    target = servers("valkey")
    base = taken.archive.bases[0]

    def read(path: str) -> Iterator[bytes]:
        yield base.files[path][1][:1000]
        raise ComponentUnavailable("the store is away")

    base.read = read  # type: ignore[method-assign]
    thread, errors = restoring(taken, target)
    thread.join(30)
    assert errors[0].message == "the store is away"
    with target.client() as client:
        assert client.info("replication")["role"] == "master"
        assert client.dbsize() == 0


def test_a_stranger_is_given_nothing_and_the_target_is_still_served(servers: Servers) -> None:
    """Whoever finds the port would otherwise be sent everything."""
    clock = RealClock()
    received: list[bytes] = []
    with Listener("127.0.0.1", clock, lambda: False) as listener:
        payload = Payload("a" * 40, 0, 9, [b"REDIS0011"], [b""])
        stop: list[BaseException] = []

        def serve() -> None:
            try:
                listener.serve(payload, "secret", lambda count: None)
            except ComponentUnavailable as error:
                stop.append(error)

        thread = threading.Thread(target=serve)
        thread.start()
        for asked in ((b"PSYNC", b"?", b"-1"), (b"AUTH", b"guess"), (b"SYNC",)):
            with socket.create_connection(("127.0.0.1", listener.port), 5) as stranger:
                stranger.sendall(encode_command(*asked))
                received.append(stranger.recv(1000))
        with socket.create_connection(("127.0.0.1", listener.port), 5) as target:
            target.sendall(encode_command(b"AUTH", b"secret") + encode_command(b"PSYNC", b"?", b"-1"))
            answer = b""
            while b"REDIS0011" not in answer:
                answer += target.recv(1000)
        thread.join(10)
        poll(lambda: stop, "the session to end with its target")
    assert [one.split(b" ")[0] for one in received] == [b"-NOAUTH", b"-WRONGPASS", b"-NOAUTH"]
    assert answer == b"+OK\r\n+FULLRESYNC " + b"a" * 40 + b" 0\r\n$9\r\nREDIS0011"
