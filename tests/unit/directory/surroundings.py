"""What a directory driver is given in tests: a clock that stands, and ears."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from planaria.core.instant import Instant
from planaria.drivers.contract import Driver, Recovery, Surroundings, Target
from planaria.drivers.directory.driver import create
from planaria.drivers.directory.options import DirectoryOptions
from tests.support.memory_archive import MemoryArchive

LATER = Instant(4_000_000_000_000_000)
"""In 2096: every file of today is old."""


@dataclass
class Standing:
    """A clock that moves when it is slept on."""

    at: Instant = LATER

    def now(self) -> Instant:
        return self.at

    def monotonic(self) -> float:
        return self.at / 1e6

    def sleep(self, seconds: float) -> None:
        self.at = Instant(self.at + round(seconds * 1e6))


def _nothing() -> None:
    """Nobody meddles."""


@dataclass
class Scene:
    """A tree below `root`, a repository in memory, and a driver between them."""

    root: Path
    clock: Standing = field(default_factory=Standing)
    archive: MemoryArchive = field(default_factory=MemoryArchive)
    warnings: list[str] = field(default_factory=list)
    stopping: bool = False
    meddle: Callable[[], None] = _nothing
    """Called whenever bytes have been asked for."""

    def driver(self, **options: object) -> Driver:
        chosen = DirectoryOptions.model_validate({"driver": "directory", "path": self.root, **options})
        surroundings = Surroundings(
            self.clock, lambda what, done, total: self.meddle(), self.warnings.append, lambda: self.stopping
        )
        return create(chosen, surroundings, {})

    def base(self, **options: object) -> dict[str, bytes]:
        """Taken now; its paths and their content."""
        self.driver(**options).base(self.archive)
        return {path: content for path, (_, content) in self.archive.bases[-1].files.items()}

    def recovery(self, *only: str) -> Recovery:
        return Recovery(self.archive.bases[-1], {}, None, only)

    def restore(self, to: Path, *only: str, replace: bool = False) -> None:
        self.driver().restore(self.recovery(*only), Target(directory=to, replace=replace))

    @property
    def source(self) -> dict[str, object]:
        return dict(self.archive.bases[-1].facts.source)
