"""A repository in memory with bases of one file each, and a driver that brings such a base back into a directory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planaria.core.base import BaseFacts, CommittedBase, Entry
from planaria.core.errors import PlanariaError, SafetyRefusal
from planaria.core.instant import Instant
from planaria.core.points import Point
from planaria.core.position import Position
from planaria.drivers.contract import Archive, Capabilities, Change, Finding, Recovery, Restored, Target
from planaria.recovery.plan import Asked, Plan, Source, make_plan
from planaria.recovery.run import Runner
from planaria.recovery.run_journal import RunFiles
from planaria.repository.archive import ComponentArchive
from planaria.repository.bases import BaseRecord, find_base
from planaria.repository.journal_writer import JournalLimits
from planaria.repository.limits import Limits
from planaria.repository.recipients import identity_of, new_identity
from planaria.repository.repository import Repository, create
from planaria.storage.memory import MemoryStore
from tests.support.clocks import ManualClock, seeded

CONTENT = "content"


@dataclass
class FileDriver:
    """A component of one file. `before` is called with (`plan` or `restore`, the recovery) and may raise."""

    checks: tuple[Finding, ...] = ()
    before: Callable[[str, Recovery], None] = lambda what, recovery: None
    told: list[tuple[str, str, bool]] = field(default_factory=list)
    """(`plan` or `restore`, the base's id, whether the target may be written over)."""

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("file", "One file", False, ("directory",), ())

    def probe(self) -> list[Finding]:
        return []

    def position(self) -> Mapping[str, Position]:
        return {}

    def base(self, archive: Archive) -> CommittedBase:
        raise NotImplementedError

    def follow(self, archive: Archive) -> None:
        raise NotImplementedError

    def fingerprint(self, target: Target | None) -> str:
        raise NotImplementedError

    def plan(self, recovery: Recovery, target: Target) -> list[Change]:
        self.told.append(("plan", recovery.base.id, target.replace))
        self.before("plan", recovery)
        assert target.directory is not None
        if target.directory.exists() and not target.replace:
            raise SafetyRefusal(f"{target.directory} is not empty", hint="--replace")
        return [Change("write", str(target.directory / CONTENT), sum(one.size for one in recovery.base.entries()))]

    def restore(self, recovery: Recovery, target: Target) -> Restored:
        self.told.append(("restore", recovery.base.id, target.replace))
        assert target.directory is not None
        target.directory.mkdir(exist_ok=True)
        self.before("restore", recovery)
        content = b"".join(recovery.base.read(CONTENT))
        (target.directory / CONTENT).write_bytes(content)
        return Restored({}, recovery.base.facts.at, len(content), "equal", self.checks)


@dataclass
class World:
    """Time passes when a test says so. `root` holds the runs' journals and the targets."""

    root: Path
    clock: ManualClock = field(default_factory=ManualClock)
    drivers: dict[str, FileDriver] = field(default_factory=lambda: {"one": FileDriver(), "two": FileDriver()})
    warned: list[str] = field(default_factory=list)
    repository: Repository = field(init=False)

    def __post_init__(self) -> None:
        random = seeded(7)
        text, recipient = new_identity(random)
        self.store = MemoryStore(self.clock)
        self.repository = create(self.store, self.clock, random, [recipient], identity_of(text))

    @property
    def source(self) -> Source:
        return Source(self.repository, Limits(workers=1))

    def base(self, component: str, content: bytes, positions: Mapping[str, Position] | None = None) -> BaseRecord:
        self.clock.advance(60)
        limits = JournalLimits(self.root / "spool")
        with ComponentArchive(
            self.repository, component, "file", Limits(workers=1), limits, self.warned.append
        ) as made:
            sink = made.begin_base()
            sink.stream(Entry(CONTENT, 0), [content])
            committed = sink.commit(BaseFacts(positions or {}, self.clock.now(), {}, {}))
        return find_base(self.repository, component, committed.id)

    def target(self, component: str) -> Path:
        return self.root / "out" / component

    def plan(self, point: Point, *components: str, replace: bool = False) -> Plan:
        """Into a directory for each."""
        (self.root / "out").mkdir(exist_ok=True)
        wanted = components or tuple(self.drivers)
        asked = Asked(point, wanted, {name: str(self.target(name)) for name in wanted}, (), replace)
        drivers = {name: ("file", driver) for name, driver in self.drivers.items()}
        return make_plan(asked, "demo", drivers, self.source, self.now)

    @property
    def now(self) -> Instant:
        return self.clock.now()

    @property
    def runner(self) -> Runner:
        return Runner(self.drivers, self.source, self.files, self.clock, self.warned.append)

    @property
    def files(self) -> RunFiles:
        return RunFiles(self.root / "runs")

    def events(self, run: str) -> list[Any]:
        return [(event["event"], event.get("component")) for event in self.files.events(run)]


def failing(error: PlanariaError, at: str = "restore", base: str | None = None) -> Callable[[str, Recovery], None]:
    """For `FileDriver.before`: raises there, for that base only if one is named."""

    def before(what: str, recovery: Recovery) -> None:
        if what == at and base in (None, recovery.base.id):
            raise error

    return before
