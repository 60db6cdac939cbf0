"""Where a server is and how to get in: addresses, TLS, timeouts, and connection failures said in one sentence."""

import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from planaria.core.errors import ComponentRefused, ComponentUnavailable, ConfigurationError, PlanariaError

DEFAULT_PORT = 6379
SENTINEL_PORT = 26379


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """One server: `host` and `port`, or the `path` of a unix socket."""

    host: str = ""
    port: int = 0
    path: str | None = None

    def __str__(self) -> str:
        if self.path is not None:
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Tls:
    """File names. `verify` False accepts any certificate (said by `probe`); `ca` None trusts the system's."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Access:
    """How to be let in by every server of one component. Timeouts in seconds."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls | None = None
    connect_timeout: float = 5.0
    read_timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class Address:
    """A URL, understood. `service` is set for Sentinel, whose endpoints are then the Sentinels."""

    endpoints: tuple[Endpoint, ...]
    service: str | None = None
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def parse_url(url: str) -> Address:
    """`redis://`, `rediss://`, `unix://`, `redis+sentinel://host:port,host2:port/service` (`rediss+sentinel://` with
    TLS).

    The password never appears in an error. Raises ConfigurationError.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigurationError("the url of this Redis cannot be understood", hint=_FORMS) from error
    scheme = parts.scheme.replace("valkeys", "rediss").replace("valkey", "redis")
    if scheme == "unix":
        if not parts.path:
            raise ConfigurationError("unix:// needs the path of a socket", hint="unix:///run/redis/redis.sock")
        return Address((Endpoint(path=unquote(parts.path)),))
    if scheme not in ("redis", "rediss", "redis+sentinel", "rediss+sentinel"):
        raise ConfigurationError(f"'{parts.scheme}' is not a scheme of a Redis url", hint=_FORMS)
    sentinel = scheme.endswith("+sentinel")
    service = unquote(parts.path.strip("/")) or None
    if sentinel and service is None:
        raise ConfigurationError("a Sentinel url ends in the name of its service", hint=_FORMS)
    username, password, hosts = _authority(parts)
    port = SENTINEL_PORT if sentinel else DEFAULT_PORT
    endpoints = tuple(_endpoint(one, port) for one in hosts.split(","))
    if len(endpoints) > 1 and not sentinel:
        raise ConfigurationError("only a Sentinel url names several hosts", hint=_FORMS)
    return Address(endpoints, service if sentinel else None, scheme.startswith("rediss"), username, password)


_FORMS = "redis://host:6379, rediss://host:6379 (TLS), unix:///path/to.sock or redis+sentinel://host:26379,host2:26379/service"


def _authority(parts: SplitResult) -> tuple[str | None, str | None, str]:
    """User, password and the hosts, without urlsplit's own idea of a port (there may be several)."""
    credentials, at, hosts = parts.netloc.rpartition("@")
    username, colon, password = credentials.partition(":")
    if not hosts:
        raise ConfigurationError("the url of this Redis names no host", hint=_FORMS)
    return (unquote(username) or None) if at else None, unquote(password) if colon else None, hosts


def _endpoint(text: str, default: int) -> Endpoint:
    host, colon, port = text.rpartition(":")
    if text.startswith("["):
        closing = text.find("]")
        host, port = text[1:closing], text[closing + 2 :]
    elif not colon:
        host, port = text, ""
    if not host or (port and not (port.isdigit() and 0 < int(port) < 65536)):
        raise ConfigurationError(f"'{text}' is not host:port", hint=_FORMS)
    return Endpoint(host, int(port) if port else default)


def context(tls: Tls) -> ssl.SSLContext:
    """Raises ConfigurationError when a file cannot be used."""
    try:
        made = ssl.create_default_context(cafile=str(tls.ca) if tls.ca else None)
        if not tls.verify:
            made.check_hostname = False
            made.verify_mode = ssl.CERT_NONE
        if tls.cert:
            made.load_cert_chain(str(tls.cert), str(tls.key) if tls.key else None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"the TLS files of this Redis cannot be used: {error}", hint="check tls.ca, tls.cert and tls.key"
        ) from error
    return made


def dial(endpoint: Endpoint, access: Access) -> socket.socket:
    """A connected socket with `read_timeout` set. Raises ComponentUnavailable, ComponentRefused, ConfigurationError."""
    try:
        if endpoint.path is not None:
            plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                plain.settimeout(access.connect_timeout)
                plain.connect(endpoint.path)
            except OSError:
                plain.close()
                raise
        else:
            plain = socket.create_connection((endpoint.host, endpoint.port), access.connect_timeout)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        made = _secured(plain, endpoint, access.tls) if access.tls else plain
    except OSError as error:
        raise explained(endpoint, error, tls=access.tls is not None) from error
    made.settimeout(access.read_timeout)
    return made


def _secured(plain: socket.socket, endpoint: Endpoint, tls: Tls) -> socket.socket:
    try:
        return context(tls).wrap_socket(plain, server_hostname=endpoint.host or "localhost")
    except (OSError, PlanariaError):
        plain.close()
        raise


def explained(endpoint: Endpoint, error: BaseException, *, tls: bool) -> PlanariaError:
    """The error class and sentence for a connection that failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return ComponentRefused(
            f"the certificate of {endpoint} is not trusted: {error.verify_message}",
            hint="set tls.ca to the authority that signed it, and use the name that the certificate carries",
        )
    if isinstance(error, ssl.SSLError) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return ComponentRefused(
            f"{endpoint} does not complete a TLS handshake: {getattr(error, 'reason', None) or error}",
            hint="without TLS at the server use redis://; if it asks for a client certificate set tls.cert and tls.key",
        )
    if isinstance(error, socket.gaierror):
        return ComponentUnavailable(
            f"the name {endpoint.host} cannot be resolved: {error.strerror}", hint="check the host in url, and DNS here"
        )
    if isinstance(error, TimeoutError):
        what = "did not answer in time"
        hint = "check that it runs, that this host may reach it, and that redis:// or rediss:// fits what it speaks"
        return ComponentUnavailable(f"{endpoint} {what}", hint=hint)
    if isinstance(error, FileNotFoundError):
        return ComponentUnavailable(f"there is no socket at {endpoint}", hint="compare with `CONFIG GET unixsocket`")
    if isinstance(error, PermissionError):
        return ComponentRefused(f"this user may not open {endpoint}", hint="see `unixsocketperm` of the server")
    if isinstance(error, ConnectionRefusedError):
        return ComponentUnavailable(f"nothing listens at {endpoint}", hint="check that it runs, and its port")
    hint = "see the server's log" if tls or endpoint.path else "if the server wants TLS use rediss://; see its log"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return ComponentUnavailable(f"the connection to {endpoint} broke: {reason or 'closed'}", hint=hint)
