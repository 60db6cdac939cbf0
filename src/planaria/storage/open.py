"""From a URL to a store. Nothing is connected to, and a library is imported only for the kind that needs it."""

from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from planaria.core.clock import Clock
from planaria.core.errors import ConfigurationError
from planaria.core.nearest import cut
from planaria.storage.contract import Store
from planaria.storage.local import LocalStore
from planaria.storage.memory import MemoryStore
from planaria.storage.options import StoreOptions

SCHEMES = ("file", "s3", "gs", "az", "memory")
_FORMS = "file:///absolute/path, s3://bucket/prefix, gs://bucket/prefix, az://container/prefix"


def open_store(url: str, options: StoreOptions, clock: Clock) -> Store:
    """`file:///path`, an absolute path, `s3://bucket/prefix`, `gs://`, `az://`, or `memory:` (for tests).

    Raises ConfigurationError, and never repeats a URL that it does not understand: it may hold a password.
    """
    if url.startswith("/"):
        return LocalStore(Path(url))
    parts = _split(url)
    if parts.scheme == "s3":
        from planaria.storage.s3 import s3_store

        _check_endpoint(options)
        return s3_store(parts.netloc, parts.path.strip("/"), options)
    _only_plain(options)
    if parts.scheme == "memory":
        return MemoryStore(clock)
    if parts.scheme == "file":
        return LocalStore(Path(unquote(parts.path)))
    from planaria.storage.s3 import other_store

    return other_store(parts.scheme, parts.netloc, parts.path.strip("/"), options)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        secret = parts.username is not None or parts.query or parts.fragment
    except ValueError:
        raise ConfigurationError("the url of a store cannot be understood", hint=f"use {_FORMS}") from None
    if parts.scheme not in SCHEMES:
        raise ConfigurationError(f"there is no kind of store {cut(parts.scheme)!r}", hint=f"use {_FORMS}")
    if secret:
        raise ConfigurationError(
            "the url of a store must not hold credentials, ? or #", hint="set access_key and secret_key"
        )
    if parts.scheme == "file" and (parts.netloc or not parts.path.startswith("/")):
        raise ConfigurationError("a file: url needs an absolute path", hint="file:///var/lib/planaria/repository")
    if parts.scheme in ("s3", "gs", "az") and not parts.netloc:
        raise ConfigurationError(f"the url of the store names no bucket: {url}", hint=f"use {_FORMS}")
    return parts


def _check_endpoint(options: StoreOptions) -> None:
    """Before obstore sees it, which panics at what is no URL."""
    if (options.access_key is None) != (options.secret_key is None):
        raise ConfigurationError(
            "access_key and secret_key go together", hint="set both, or neither for the host's own"
        )
    if options.endpoint is None:
        return
    try:
        parts = urlsplit(options.endpoint)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and parts.username is None
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError("the endpoint is not a URL of a server", hint="https://s3.example.org")
    if parts.scheme == "http" and not options.allow_http:
        raise ConfigurationError(
            f"the endpoint {options.endpoint} has no TLS", hint="use https://, or set allow_http: true"
        )


def _only_plain(options: StoreOptions) -> None:
    """What only S3 does is not quietly left undone elsewhere."""
    given = [name for name in ("endpoint", "region", "access_key", "sse", "sse_kms_key") if getattr(options, name)]
    if given:
        raise ConfigurationError(f"{', '.join(given)}: only for an s3:// url", hint="remove them, or use s3://")
