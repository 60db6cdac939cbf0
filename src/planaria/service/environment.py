"""A configured environment, opened: its store, its repository, its drivers. Where settings become things."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from planaria.core.clock import Clock, Randomness
from planaria.core.nearest import unknown
from planaria.drivers import registry
from planaria.drivers.contract import Driver, Surroundings
from planaria.repository.archive import ComponentArchive
from planaria.repository.journal_writer import JournalLimits
from planaria.repository.limits import Limits
from planaria.repository.recipients import Identity, identity_of
from planaria.repository.repository import Repository, open_repository
from planaria.settings.local import Directories, directories
from planaria.settings.model import Settings
from planaria.settings.repository import RepositorySettings, identity_text
from planaria.storage.contract import Store
from planaria.storage.open import open_store
from planaria.storage.options import StoreOptions
from planaria.storage.retrying import Patience, Retrying
from planaria.storage.throttled import Rate, Throttled

HASTY = Patience(attempts=2, total=2.0)
"""Of journals, which have a spool: one more try for a hiccup, and no source is held up."""


@dataclass(frozen=True, slots=True)
class Host:
    """What this process stands on, and how it speaks up. `environ`: its environment variables."""

    clock: Clock
    random: Randomness
    environ: Mapping[str, str]
    warn: Callable[[str], None]
    progress: Callable[[str, int, int | None], None]
    stopping: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Environment:
    settings: Settings
    host: Host
    directories: Directories
    repository: Repository
    hasty: Store
    """The repository's store with little patience, for journals."""

    @property
    def limits(self) -> Limits:
        budgets = self.settings.budgets
        workers = budgets.workers or os.cpu_count() or 1
        return Limits.for_memory(budgets.memory, workers, self.directories.cache, lambda _: None)

    @property
    def components(self) -> list[str]:
        """In the configuration's order: upstream first."""
        return list(self.settings.components)

    def selected(self, names: tuple[str, ...]) -> list[str]:
        """Those named, or all, in the configuration's order. Raises UnknownName."""
        return selected(self.settings, names)

    def driver(self, component: str) -> Driver:
        """Raises ConfigurationError."""
        return driver_of(self.settings, self.host, component)

    def archive(self, component: str) -> ComponentArchive:
        follow, budgets = self.settings.follow, self.settings.budgets
        journals = JournalLimits(self.directories.spool, budgets.spool, flush=follow.flush, idle=follow.idle)
        kind = self.settings.components[component].driver
        return ComponentArchive(self.repository, component, kind, self.limits, journals, self.host.warn, self.hasty)


def selected(settings: Settings, names: tuple[str, ...]) -> list[str]:
    """Components named, or all, in the configuration's order. Raises UnknownName."""
    for name in names:
        if name not in settings.components:
            raise unknown("component", name, settings.components)
    return [name for name in settings.components if not names or name in names]


def driver_of(settings: Settings, host: Host, component: str) -> Driver:
    """Raises ConfigurationError."""
    surroundings = Surroundings(host.clock, host.progress, host.warn, host.stopping)
    return registry.create(settings.components[component], surroundings, host.environ)


def store_of(settings: Settings, host: Host) -> Store:
    """The repository's store, with retries and the configured rates. Raises ConfigurationError."""
    return Retrying(_at_rate(settings, host), host.clock, host.random)


def _at_rate(settings: Settings, host: Host) -> Store:
    of, budgets = settings.repository, settings.budgets
    store: Store = open_store(of.url, _options(of, host.environ), host.clock)
    if budgets.upload or budgets.download:
        upload = Rate(budgets.upload, host.clock) if budgets.upload else None
        download = Rate(budgets.download, host.clock) if budgets.download else None
        store = Throttled(store, upload, download)
    return store


def _options(of: RepositorySettings, environ: Mapping[str, str]) -> StoreOptions:
    keys = of.credentials
    return StoreOptions(
        endpoint=of.endpoint,
        region=of.region,
        access_key=keys.access_key.resolve(environ) if keys else None,
        secret_key=keys.secret_key.resolve(environ) if keys else None,
        session_token=keys.session_token.resolve(environ) if keys and keys.session_token else None,
        sse_kms_key=of.sse.kms_key if of.sse else None,
        checksum=of.checksum or "sha256",
        path_style=of.path_style,
        allow_http=of.allow_http,
        ca_file=of.ca_file,
    )


def identity_configured(settings: Settings, environ: Mapping[str, str]) -> Identity | None:
    """Raises ConfigurationError when the identity is configured and cannot be read."""
    identity = settings.repository.identity
    return identity_of(identity_text(identity, environ)) if identity is not None else None


def opened_by(environment: Environment, identity: str) -> Repository:
    """The same repository, opened by another identity (its text, or `passphrase:…`). Raises RepositoryRefused."""
    repository, host = environment.repository, environment.host
    return open_repository(repository.store, host.clock, host.random, identity=identity_of(identity))


def open_environment(settings: Settings, host: Host) -> Environment:
    """Raises ConfigurationError, RepositoryRefused, DamagedData, errors of the store."""
    of, store = settings.repository, _at_rate(settings, host)
    repository = open_repository(
        Retrying(store, host.clock, host.random),
        host.clock,
        host.random,
        identity=identity_configured(settings, host.environ),
        writer_key=of.writer_key.resolve(host.environ) if of.writer_key else None,
        recipients=of.recipients,
    )
    places = directories(settings, host.environ, root=os.geteuid() == 0)
    return Environment(settings, host, places, repository, Retrying(store, host.clock, host.random, HASTY))
