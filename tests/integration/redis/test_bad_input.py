"""What cannot work is said in one sentence, with the right class and a way out."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from planaria.core.errors import ComponentRefused, ComponentUnavailable, ConfigurationError, PlanariaError
from planaria.drivers.redis.client import RIGHTS
from tests.support.redis_running import BOTH, Run, poll
from tests.support.redis_server import Servers, free_port


def refused(run: Run) -> PlanariaError:
    """What `base` raises; `follow` must say the same, and nothing may be kept."""
    with pytest.raises(PlanariaError) as base:
        run.driver.base(run.archive)
    with run.following(fails=True):
        poll(lambda: run.error, f"the follower to end: {run.warnings}")
    assert isinstance(run.error, type(base.value))
    assert run.error.message == base.value.message
    assert run.archive.bases == []
    assert not run.archive.journals
    return base.value


@pytest.mark.parametrize("family", BOTH)
def test_a_wrong_password(servers: Servers, family: str) -> None:
    server = servers(family, settings={"requirepass": "right"}, password="right")
    run = Run({"url": server.url, "password": {"env": "PW"}}, {"PW": "wrong-secret"})
    error = refused(run)
    assert type(error) is ComponentRefused
    assert "refused our user or password" in error.message
    assert "wrong-secret" not in error.message + (error.hint or "")


@pytest.mark.parametrize("family", BOTH)
def test_a_password_that_is_missing(servers: Servers, family: str) -> None:
    server = servers(family, settings={"requirepass": "right"}, password="right")
    error = refused(Run({"url": server.url}))
    assert type(error) is ComponentRefused
    assert "refused our user or password: NOAUTH" in error.message


@pytest.mark.parametrize("family", BOTH)
def test_a_user_without_psync(servers: Servers, family: str) -> None:
    server = servers(family, settings={"user": "weak on >pw ~* +info +ping"})
    error = refused(Run({"url": f"redis://weak:pw@127.0.0.1:{server.port}"}))
    assert type(error) is ComponentRefused
    assert "does not let our user do this" in error.message
    assert "+psync" in (error.hint or "")


@pytest.mark.parametrize("family", BOTH)
def test_a_user_with_the_rights_of_the_documentation(servers: Servers, family: str) -> None:
    page = Path("docs/how-to/protect-redis.md").read_text()
    user = next(line for line in page.splitlines() if line.startswith("ACL SETUSER planaria "))
    assert user.endswith(RIGHTS), "the page and the hint of an error say the same"
    server = servers(family, settings={"user": user.removeprefix("ACL SETUSER ").replace(">PASSWORD", ">pw")})
    run = Run({"url": server.url, "username": "planaria", "password": {"env": "PW"}}, {"PW": "pw"})
    run.driver.base(run.archive)
    with run.following():
        run.await_exact()
    kept = {entry.path for entry in run.archive.bases[0].entries()}
    assert {"config/acl.json", "config/settings.json", "config/functions.dump", "config/modules.json"} <= kept
    assert run.warnings == []
    assert all(finding.ok for finding in run.driver.probe())


def test_what_is_no_redis() -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>no</html>") as port:
        error = refused(Run({"url": f"redis://127.0.0.1:{port}"}))
    assert type(error) is ComponentRefused
    assert "does not speak the Redis protocol" in error.message


def test_a_port_where_nothing_listens() -> None:
    run = Run({"url": f"redis://127.0.0.1:{free_port()}"})
    with pytest.raises(ComponentUnavailable, match="nothing listens at") as unavailable:
        run.driver.base(run.archive)
    assert unavailable.value.hint


def test_a_name_that_does_not_resolve() -> None:
    run = Run({"url": "redis://no.such.host.invalid"})
    with pytest.raises(ComponentUnavailable, match=r"no\.such\.host\.invalid cannot be resolved"):
        run.driver.base(run.archive)


@pytest.mark.parametrize("family", BOTH)
def test_a_replica_without_its_master(servers: Servers, family: str) -> None:
    """It answers -NOMASTERLINK until it has data of its own to give."""
    server = servers(family, settings={"replicaof": f"127.0.0.1 {free_port()}"})
    run = Run({"url": server.url})
    with pytest.raises(ComponentUnavailable, match="cannot serve replicas now: NOMASTERLINK"):
        run.driver.base(run.archive)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "http://127.0.0.1"}, "'http' is not a scheme of a Redis url"),
        ({"url": "redis://127.0.0.1:notaport"}, "'127.0.0.1:notaport' is not host:port"),
        ({"url": "redis+sentinel://127.0.0.1"}, "ends in the name of its service"),
        ({"url": "redis://a,b"}, "only a Sentinel url names several hosts"),
        ({"url": "redis://127.0.0.1", "tls": {"verify": False}}, "tls is set, but the url asks for none"),
        ({"url": "redis://127.0.0.1", "username": "someone"}, "a username without a password"),
        ({"url": "redis+sentinel://h/name", "cluster": True}, "exclude each other"),
        ({"url": "redis://127.0.0.1", "password": {"env": "PW"}}, "the environment variable PW is not set"),
    ],
)
def test_a_configuration_that_cannot_be(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError) as wrong:
        Run(options).driver.position()
    assert said in wrong.value.message


@contextlib.contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A server that says the same to everybody."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(2)
                    connection.recv(1000)
                    connection.sendall(answer)
                    connection.recv(1000)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            thread.join()
