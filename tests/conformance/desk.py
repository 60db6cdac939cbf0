"""A repository on the local disk for the laws of drivers; another process finds there what this one wrote."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from planaria.core.clock import Clock
from planaria.drivers.contract import Recovery
from planaria.repository.archive import ComponentArchive
from planaria.repository.base_reader import open_base
from planaria.repository.bases import base_names, newest_base
from planaria.repository.journal_writer import JournalLimits
from planaria.repository.limits import Limits
from planaria.repository.recipients import identity_from_text, new_identity
from planaria.repository.repository import Repository, create, open_repository
from planaria.storage.contract import Store
from planaria.storage.local import LocalStore

COMPONENT = "component"


def _plain(store: Store) -> Store:
    return store


@dataclass
class LocalDesk:
    """Below `folder`: the repository, and the identity that opens it. `wrap` puts faults around its store."""

    folder: Path
    driver: str
    clock: Clock
    limits: Limits
    wrap: Callable[[Store], Store] = _plain

    @property
    def repository(self) -> Repository:
        key, store = self.folder / "identity", self.wrap(LocalStore(self.folder / "repository"))
        if key.exists():
            return open_repository(store, self.clock, secrets.token_bytes, identity=identity_from_text(key.read_text()))
        text, recipient = new_identity(secrets.token_bytes)
        self.folder.mkdir(parents=True, exist_ok=True)
        created = create(store, self.clock, secrets.token_bytes, [recipient], identity_from_text(text))
        key.write_text(text)
        return created

    def archive(self) -> AbstractContextManager[ComponentArchive]:
        journals = JournalLimits(spool=self.folder / "spool")
        return ComponentArchive(self.repository, COMPONENT, self.driver, self.limits, journals, _unheard)

    def bases(self) -> Sequence[str]:
        return base_names(self.repository, COMPONENT)

    def recovery(self) -> Recovery:
        repository = self.repository
        record = newest_base(repository, COMPONENT)
        assert record is not None
        return Recovery(open_base(repository, record, self.limits), {}, None)


def _unheard(sentence: str) -> None:
    """Warnings are not what the laws are about."""
