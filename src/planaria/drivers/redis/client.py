"""Commands to a server, through redis-py, with its failures said in the project's words."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError
from redis.retry import Retry

from planaria.core.errors import ComponentRefused, ComponentUnavailable, PlanariaError
from planaria.drivers.redis.endpoint import Access, Endpoint, context, explained

Info = Mapping[str, str]
RIGHTS = "+ping +psync +replconf +info +time +config|get +acl|list +function|list +function|dump +module|list"
"""What bases and journals need; of a cluster `+cluster|nodes +cluster|shards` too."""


class Commands:
    """A command connection to one server; `with` closes it. Answers are bytes, as the server sends them (RESP2)."""

    def __init__(self, endpoint: Endpoint, access: Access, *, db: int = 0) -> None:
        self.endpoint = endpoint
        self._tls = access.tls is not None
        self._redis = _client(endpoint, access, db)

    def __enter__(self) -> "Commands":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._redis.close()

    def ask(self, *args: str | bytes | int) -> Any:
        """One command. Raises ComponentRefused (rights, wrong arguments) and ComponentUnavailable."""
        with classified(self.endpoint, tls=self._tls):
            return self._redis.execute_command(*args)  # type: ignore[no-untyped-call]

    def ask_all(self, commands: list[tuple[str | bytes | int, ...]]) -> list[Any]:
        """Many commands in one round trip; an error answer is an element of the list."""
        with classified(self.endpoint, tls=self._tls):
            pipeline = self._redis.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
            return pipeline.execute(raise_on_error=False)

    def info(self, section: str) -> Info:
        """`INFO section` as `{name: value}`."""
        text = self.ask("INFO", section)
        text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        pairs = (line.partition(":") for line in text.splitlines() if line and not line.startswith("#"))
        return {name: value for name, _, value in pairs}

    def settings(self, pattern: str = "*") -> dict[str, str]:
        """`CONFIG GET pattern`."""
        flat = [shown(one) for one in self.ask("CONFIG", "GET", pattern)]
        return dict(zip(flat[::2], flat[1::2], strict=True))


def denied(answer: Any) -> bool:
    """Is this element of what `ask_all` returned a refusal for lack of rights?"""
    return isinstance(answer, NoPermissionError)


def shown(value: Any) -> str:
    """A server's word as text; bytes that are no text are escaped."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _client(endpoint: Endpoint, access: Access, db: int) -> "redis.Redis":
    options: dict[str, Any] = {
        "db": db,
        "username": access.username,
        "password": access.password,
        "socket_connect_timeout": access.connect_timeout,
        "socket_timeout": access.read_timeout,
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
        "single_connection_client": False,
    }
    if endpoint.path is not None:
        made = redis.Redis(unix_socket_path=endpoint.path, **options)
    elif access.tls is None:
        made = redis.Redis(host=endpoint.host, port=endpoint.port, **options)
    else:
        tls = access.tls
        context(tls)  # for its error: redis-py would find a missing file only when it connects
        made = redis.Redis(
            host=endpoint.host,
            port=endpoint.port,
            ssl=True,
            ssl_ca_certs=str(tls.ca) if tls.ca else None,
            ssl_certfile=str(tls.cert) if tls.cert else None,
            ssl_keyfile=str(tls.key) if tls.key else None,
            ssl_cert_reqs="required" if tls.verify else "none",
            ssl_check_hostname=tls.verify,
            **options,
        )
    # redis-py would turn some answers into its own types; the raw answers are wanted.
    made.response_callbacks.clear()
    return made


@contextlib.contextmanager
def classified(endpoint: Endpoint, *, tls: bool) -> Iterator[None]:
    """Turns redis-py's errors into ComponentRefused and ComponentUnavailable."""
    try:
        yield
    except redis.RedisError as error:
        raise _explained(endpoint, error, tls) from error


def refusal(endpoint: Endpoint, message: str) -> PlanariaError:
    """An error answer of the server, with what to do about it."""
    code = message.partition(" ")[0].lstrip("-")
    if code in ("WRONGPASS", "NOAUTH") or "invalid password" in message.lower() or "without any password" in message:
        hint = "check username and password"
        return ComponentRefused(f"{endpoint} refused our user or password: {message}", hint=hint)
    if code == "NOPERM" or "no permissions" in message.lower():
        return ComponentRefused(
            f"{endpoint} does not let our user do this: {message}",
            hint=f"ACL SETUSER <user> {RIGHTS}",
        )
    if code in ("LOADING", "MASTERDOWN", "NOMASTERLINK", "TRYAGAIN", "CLUSTERDOWN", "BUSY"):
        return ComponentUnavailable(f"{endpoint} is not ready: {message}", hint="wait until it is")
    return ComponentRefused(f"{endpoint} answered: {message}")


def _explained(endpoint: Endpoint, error: "redis.RedisError", tls: bool) -> PlanariaError:
    cause = error.__cause__ or error.__context__
    if isinstance(error, redis.AuthenticationError):
        said = str(error)  # redis-py takes the code of some answers away
        return refusal(
            endpoint, f"NOAUTH {said}" if said.startswith("Authentication required") else f"WRONGPASS {said}"
        )
    if isinstance(error, NoPermissionError):
        return refusal(endpoint, f"NOPERM {error}")
    if isinstance(error, redis.BusyLoadingError):
        return refusal(endpoint, f"LOADING {error}")
    if isinstance(error, redis.InvalidResponse):
        return not_redis(endpoint, str(error))
    if isinstance(error, redis.TimeoutError):
        return explained(endpoint, TimeoutError(), tls=tls)
    if isinstance(error, redis.ConnectionError):
        return explained(endpoint, cause if isinstance(cause, OSError) else error, tls=tls)
    return refusal(endpoint, str(error))


def not_redis(endpoint: Endpoint, said: str) -> PlanariaError:
    return ComponentRefused(
        f"{endpoint} does not speak the Redis protocol ({said[:80]})",
        hint="check host and port; if the server wants TLS use rediss://",
    )
