"""What `doctor` looks at: the configuration, this host, the repository and its store, and every component."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from planaria.core.errors import PlanariaError, UsageError
from planaria.core.instant import SECOND, shown
from planaria.core.quantities import shown_size
from planaria.drivers.contract import Finding
from planaria.repository.bases import newest_base
from planaria.repository.repository import Repository
from planaria.service.environment import Host, driver_of, open_environment, selected
from planaria.settings.local import directories
from planaria.settings.model import Settings
from planaria.settings.secrets import SecretRef
from planaria.storage import conformance

SKEW = 60 * SECOND


@dataclass(frozen=True, slots=True)
class Examined:
    """`about`: `host`, `repository` or the component."""

    about: str
    finding: Finding


def examine(settings: Settings, host: Host, components: tuple[str, ...], *, deep: bool) -> Iterator[Examined]:
    """Findings as they come. Raises UnknownName, ConfigurationError."""
    chosen = selected(settings, components)
    for finding in _host(settings, host):
        yield Examined("host", finding)
    repository: Repository | None = None
    try:
        repository = open_environment(settings, host).repository
    except UsageError:
        raise
    except PlanariaError as error:
        yield Examined("repository", Finding("opens", False, error.message, error.hint))
    if repository is not None:
        for finding in (*_repository(repository), *(_deep(repository) if deep else ())):
            yield Examined("repository", finding)
    for name in chosen:
        for finding in _component(settings, host, repository, name):
            yield Examined(name, finding)


def _component(settings: Settings, host: Host, repository: Repository | None, name: str) -> Iterator[Finding]:
    try:
        yield from driver_of(settings, host, name).probe()
    except PlanariaError as error:
        yield Finding("reachable", False, error.message, error.hint)
    if repository is None:
        return
    try:
        newest = newest_base(repository, name)
    except PlanariaError as error:
        yield Finding("newest base", False, error.message, error.hint)
        return
    if newest is None:
        yield Finding("newest base", False, "there is none", f"planaria backup {name}")
    else:
        yield Finding("newest base", True, f"of {shown(newest.facts.at)}")


def _host(settings: Settings, host: Host) -> Iterator[Finding]:
    places = directories(settings, host.environ, root=os.geteuid() == 0)
    for what, path in (("state", places.state), ("cache", places.cache), ("spool", places.spool)):
        yield _writable(what, path)
    free = shutil.disk_usage(_nearest(places.spool)).free
    enough = free >= settings.budgets.spool
    detail = f"{shown_size(free)} free for a spool of up to {shown_size(settings.budgets.spool)}"
    yield Finding(
        "spool space", enough, detail, None if enough else "lower budgets.spool, or set local.spool elsewhere"
    )
    of = settings.repository
    for secret in (of.writer_key, of.identity):
        exposed = secret.exposed() if isinstance(secret, SecretRef) else None
        if exposed:
            yield Finding("secrets", False, exposed, "chmod 600")


def _nearest(path: Path) -> Path:
    """The path itself or its first ancestor that exists."""
    while not path.exists():
        path = path.parent
    return path


def _writable(what: str, path: Path) -> Finding:
    place = _nearest(path)
    ok = os.access(place, os.W_OK | os.X_OK) and place.is_dir()
    fix = None if ok else f"create {path} for this user, or set local.{what}"
    return Finding(f"{what} directory", ok, str(path), fix)


def _repository(repository: Repository) -> Iterator[Finding]:
    store = repository.store
    yield Finding("opens", True, f"{store.url}, id {repository.id}")
    reads = repository.identity is not None
    yield Finding("identity", True, "reads and writes" if reads else "writes only: restores run on another host")
    name = f"probe/{repository.random_hex()}"
    try:
        before = repository.clock.now()
        store.put(name, b"planaria")
        took = repository.clock.now() - before
        came = store.get(name)
        at = store.head(name).modified_at
        store.delete(name)
    except PlanariaError as error:
        yield Finding("writes", False, error.message, error.hint)
        return
    fix = None if came == b"planaria" else "suspect the store, or what lies between"
    yield Finding("writes", came == b"planaria", f"an object written and read back, {took / 1000:.0f} ms to write", fix)
    skew = abs(at - before)
    fix = None if skew < SKEW else "synchronise the clocks (NTP)"
    yield Finding("clock", skew < SKEW, f"{skew / SECOND:.1f} s from the store's", fix)


def _deep(repository: Repository) -> Iterator[Finding]:
    scratch = f"probe/{repository.random_hex()}"
    for result in conformance.run(repository.store, scratch, repository.clock):
        fix = None if result.ok else "this store does not do what a repository needs: choose another, or report it"
        yield Finding(f"store: {result.name}", result.ok, result.detail, fix)
