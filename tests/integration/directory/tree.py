"""A tree, a repository on disk, and a driver between them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from planaria.core.base import CommittedBase
from planaria.core.instant import SECOND, Instant
from planaria.drivers.contract import Driver, Surroundings, Target
from planaria.drivers.directory.driver import create
from planaria.drivers.directory.options import DirectoryOptions
from planaria.repository.limits import Limits
from planaria.service.system_clock import SystemClock
from planaria.storage.contract import Store
from tests.conformance.desk import LocalDesk

CLOCK = SystemClock()


class Later:
    """Ten seconds ahead: every file is older than the resolution of any clock."""

    def now(self) -> Instant:
        return Instant(CLOCK.now() + 10 * SECOND)

    def monotonic(self) -> float:
        return CLOCK.monotonic()

    def sleep(self, seconds: float) -> None:
        CLOCK.sleep(seconds)


def _plain(store: Store) -> Store:
    return store


def _nothing(done: int) -> None:
    """Nobody meddles."""


@dataclass
class Tree:
    """`folder`/source, backed up to `folder`/desk."""

    folder: Path
    pack_size: int = 1 << 20
    wrap: Callable[[Store], Store] = _plain
    meddle: Callable[[int], None] = _nothing
    """Told the bytes done so far, from whatever thread reads or writes them."""
    stopping: bool = False
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source.mkdir(parents=True, exist_ok=True)

    @property
    def source(self) -> Path:
        return self.folder / "source"

    @property
    def desk(self) -> LocalDesk:
        return LocalDesk(self.folder / "desk", "directory", CLOCK, Limits(pack_size=self.pack_size), self.wrap)

    def driver(self, **options: object) -> Driver:
        surroundings = Surroundings(
            Later(), lambda what, done, total: self.meddle(done), self.warnings.append, lambda: self.stopping
        )
        chosen = DirectoryOptions.model_validate({"driver": "directory", "path": self.source, **options})
        return create(chosen, surroundings, {})

    def base(self, **options: object) -> CommittedBase:
        with self.desk.archive() as archive:
            return self.driver(**options).base(archive)

    def restore(self, to: Path, *, replace: bool = False) -> None:
        self.driver().restore(self.desk.recovery(), Target(directory=to, replace=replace))

    def fingerprint(self, of: Path | None = None) -> str:
        return self.driver().fingerprint(Target(directory=of) if of else None)
