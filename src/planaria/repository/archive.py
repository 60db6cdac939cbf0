"""A component's place in the repository, open for writing: what a driver is handed (`drivers.contract.Archive`)."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import TracebackType

from planaria.core.errors import ObjectMissing
from planaria.core.instant import in_name
from planaria.core.journal import JournalTail
from planaria.repository import segments
from planaria.repository.base_writer import BaseWriter
from planaria.repository.journal_catalogue import JournalObject, header_of, load, object_of, tail
from planaria.repository.journal_writer import JournalLimits, JournalWriter
from planaria.repository.limits import Limits
from planaria.repository.records import put_record
from planaria.repository.repository import Repository
from planaria.repository.sealed import Kind, SealingKey
from planaria.repository.spool import Spool
from planaria.storage.contract import Store


@dataclass(slots=True)
class ComponentArchive:
    """`with` ends its journals' threads."""

    repository: Repository
    component: str
    driver: str
    limits: Limits
    journals: JournalLimits
    warn: Callable[[str], None]
    hasty: Store | None = None
    """The same store with little patience, for journals: they have the spool, and a source does not wait."""
    _writers: dict[str, JournalWriter] = field(default_factory=dict)
    _key: SealingKey | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> "ComponentArchive":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for writer in self._writers.values():
            writer.close()

    def begin_base(self) -> BaseWriter:
        return BaseWriter(self.repository, self.component, self.driver, self.limits)

    def journal(self, stream: str) -> JournalWriter:
        """One writer a stream, for as long as the archive is open."""
        with self._lock:
            if stream not in self._writers:
                key = self._key = self._key or self._leased()
                repository = replace(self.repository, store=self.hasty or self.repository.store)
                self._writers[stream] = JournalWriter(
                    repository, self.component, stream, key, self.journals, self._spool(stream), self.warn
                )
            return self._writers[stream]

    def _leased(self) -> SealingKey:
        """A data key for this session's segments, and the lease that names it."""
        now, key = self.repository.clock.now(), self.repository.new_data_key(self.component)
        lease = f"{self.component}/sessions/{in_name(now)}-{self.repository.random_hex(4)}"
        facts = {"began_at": now, "purpose": "journal", "key": key.id}
        put_record(self.repository, self.component, Kind.LEASE, lease, facts)
        return key

    def _spool(self, stream: str) -> Spool:
        folder = self.journals.spool / self.repository.id / self.component / stream
        return Spool(folder, self.journals.spool_budget)

    def tail(self, stream: str) -> JournalTail | None:
        """Where the journal ends, what this host has spooled included. Raises DamagedData."""
        spooled = list(self._spooled(stream))  # first: what leaves the spool meanwhile is in the store then
        catalogue = load(self.repository, self.component, self.limits.cache)
        return tail([*catalogue.of(stream), *spooled], stream)

    def _spooled(self, stream: str) -> Iterator[JournalObject]:
        """What lies at the end of each lineage in the spool."""
        spool = self._spool(stream)
        ends = [(name, segments.place_of(name)[1]) for name in spool.names()]
        furthest: dict[str, int] = {}
        for _, end in ends:
            furthest[end.lineage] = max(end.offset, furthest.get(end.lineage, 0))
        for name in (name for name, end in ends if end.offset == furthest[end.lineage]):
            with suppress(ObjectMissing):  # shipped meanwhile
                info, data = spool.store.head(name), header_of(spool.store, name)
                yield object_of(self.repository, self.component, info, data)
