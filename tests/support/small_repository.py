"""A small repository that holds every kind of object, what it must give back, and ways to look at it.

`files` has three bases (the second shares chunks with the first) and no journal. `redis` has two bases and a journal of
two sessions, in part bundled; its second session began a journal anew.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from planaria.core.base import BaseFacts, Entry
from planaria.core.clock import Randomness
from planaria.core.position import Position
from planaria.repository.archive import ComponentArchive
from planaria.repository.base_reader import open_base
from planaria.repository.bases import all_bases
from planaria.repository.check_report import Report
from planaria.repository.check_state import CheckState
from planaria.repository.checking import run_check
from planaria.repository.compaction import compact, sweep
from planaria.repository.condemned import condemn
from planaria.repository.journal_catalogue import load
from planaria.repository.journal_reader import JournalReader
from planaria.repository.journal_writer import JournalLimits
from planaria.repository.limits import Limits
from planaria.repository.recipients import Recipient, identity_of, new_identity
from planaria.repository.records import put_record
from planaria.repository.repository import Repository, create, open_repository
from planaria.repository.sealed import Kind, canonical
from planaria.storage.contract import Store
from planaria.storage.memory import MemoryStore
from tests.support.clocks import ManualClock, seeded

FILES, REDIS, MAIN = "files", "redis", "main"
LINEAGE = "f00dfeed"
LIMITS = Limits(workers=1)
START = Position(LINEAGE, 1000)
"""Where the journal begins."""

Content = dict[str, bytes]
"""Path -> bytes."""


@dataclass
class Expected:
    """What must come back, or must not come back at all."""

    bases: dict[str, Content] = field(default_factory=dict)
    """Per name of a base."""
    journal: bytes = b""

    @property
    def end(self) -> Position:
        return Position(START.lineage, START.offset + len(self.journal))


@dataclass
class Builder:
    """`spool` is a folder that stays empty: the store is never away."""

    repository: Repository
    clock: ManualClock
    spool: Path
    expected: Expected = field(default_factory=Expected)

    def archive(self, component: str) -> ComponentArchive:
        limits = JournalLimits(self.spool, flush=3600.0, idle=3600.0)
        return ComponentArchive(self.repository, component, "test", LIMITS, limits, lambda _: None)

    def base(
        self, component: str, content: Content, positions: Mapping[str, Position], broke: Mapping[str, str]
    ) -> None:
        self.clock.advance(60)
        writer = self.archive(component).begin_base()
        for path, data in content.items():
            writer.stream(Entry(path, len(data), {"kind": "file"}), [data])
        writer.add(Entry("empty", 0, {"kind": "directory"}))
        facts = BaseFacts(positions, self.clock.now(), {"kind": "test"}, {"files": len(content)}, broke)
        committed = writer.commit(facts)
        self.expected.bases[f"{component}/bases/{committed.id}"] = content

    def journal(self, archive: ComponentArchive, begin: Position | None, parts: list[bytes], every: float) -> Position:
        """One segment a part; (again) from `begin`, or where it was."""
        sink = archive.journal(MAIN)
        if begin is not None:
            sink.begin(begin, self.clock.now(), {"replid": LINEAGE}, exact=True, reason="")
        for part in parts:
            self.clock.advance(every)
            sink.append(part, self.clock.now(), hint={"db": 0})
            self.clock.advance(0.25)
            sink.quiet(self.clock.now())
            sink.flush()
        return sink.durable


def fill(builder: Builder, noise: bytes) -> None:
    """`noise`: some 5000 bytes that do not compress."""
    first = {"a": noise[:2000], "b": b"many times the same, " * 200, "nested/c": noise[2000:2100]}
    builder.base(FILES, first, {}, {})
    builder.base(FILES, first | {"a": noise[2100:3500]}, {}, {})
    builder.base(FILES, {"b": first["b"]}, {}, {})
    builder.base(REDIS, {"dump.rdb": noise[3500:4500]}, {MAIN: START}, {})
    parts = [bytes([65 + number]) * 300 + noise[number * 10 : number * 10 + 50] for number in range(9)]
    with builder.archive(REDIS) as archive:
        builder.journal(archive, START, parts[:4], 2.0)
        builder.clock.advance(3600)
        assert compact(builder.repository, REDIS, None) >= 1
        builder.clock.advance(7200)
        at = builder.journal(archive, None, parts[4:7], 2.0)
        assert sweep(builder.repository, REDIS, None) >= 4
    builder.base(REDIS, {"dump.rdb": noise[4500:]}, {MAIN: at}, {})
    with builder.archive(REDIS) as archive:
        builder.journal(archive, at, parts[7:], 2.0)
    builder.expected.journal = b"".join(parts)
    run = {"run": "20251015T000000.000000Z-00c0ffee", "ok": True}
    put_record(builder.repository, "", Kind.RUN, f"runs/{run['run']}", {"run": run["run"]}, (canonical(run),))
    condemn(builder.repository, FILES, [bytes(32)], "a pack that never was")


@dataclass
class Small:
    """`objects` as they were left; `identity` and `writer_key` as texts."""

    objects: dict[str, bytes]
    identity: str
    recipients: list[Recipient]
    writer_key: str
    clock: ManualClock
    expected: Expected

    def store(self, objects: Mapping[str, bytes] | None = None) -> MemoryStore:
        store = MemoryStore(self.clock)
        for name, data in (self.objects if objects is None else objects).items():
            store.put(name, data)
        return store

    def opened(self, store: Store) -> Repository:
        return open_repository(store, self.clock, seeded(3), identity=identity_of(self.identity))

    def write_only(self, store: Store) -> Repository:
        return open_repository(store, self.clock, seeded(4), writer_key=self.writer_key)


def small(spool: Path, *, random: Randomness | None = None, recipient: tuple[str, Recipient] | None = None) -> Small:
    """The same randomness, the same objects but for what HPKE draws."""
    clock, random = ManualClock(), random or seeded(1)
    identity, ours = recipient or new_identity(random)
    store = MemoryStore(clock)
    repository = create(store, clock, random, [ours], identity_of(identity))
    builder = Builder(repository, clock, spool)
    fill(builder, seeded(1000)(5000))
    objects = {info.name: store.get(info.name) for info in store.list("")}
    return Small(objects, identity, [ours], repository.keys.writer_text(), clock, builder.expected)


def check(repository: Repository, *, read: bool = True, state: CheckState | None = None) -> Report:
    return run_check(repository, read=read, state=state or CheckState(), progress=lambda *_: None)


def bases_back(repository: Repository, component: str) -> Iterator[tuple[str, Content]]:
    """(name, content) of every base that can be read. Raises DamagedData."""
    bases, damage = all_bases(repository, component)
    if damage:
        raise damage[0]
    for record in bases:
        base = open_base(repository, record, LIMITS)
        yield record.name, {one.path: b"".join(base.read(one.path)) for one in base.entries() if one.size}


def journal_back(repository: Repository, end: Position) -> bytes:
    """All of it, up to `end`. Raises DamagedData, PointUnreachable."""
    catalogue = load(repository, REDIS, None)
    if catalogue.damage:
        raise catalogue.damage[0]
    reader = JournalReader(repository, REDIS, lambda: catalogue.of(MAIN))
    whole = bytearray()
    for piece in reader.pieces(START, end):
        del whole[max(0, piece.offset - START.offset) :]
        whole += piece.data[max(0, START.offset - piece.offset) :]
    return bytes(whole)
