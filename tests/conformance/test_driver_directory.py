"""The directory driver keeps the laws of all drivers."""

import functools
import itertools
import os
import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from planaria.drivers import conformance
from planaria.drivers.conformance import LAWS, Broken, Stage
from planaria.drivers.contract import Driver, Surroundings, Target
from planaria.drivers.directory.driver import create
from planaria.drivers.directory.options import DirectoryOptions
from planaria.repository.limits import Limits
from planaria.service.system_clock import SystemClock
from tests.conformance.desk import LocalDesk


@dataclass
class Trees:
    """The tree `source` below `folder`, and targets beside it."""

    folder: Path
    incremental: bool = True

    @property
    def source(self) -> Path:
        return self.folder / "source"

    def _file(self, path: str, content: bytes) -> Path:
        file = self.source / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def populate(self) -> None:
        draw = random.Random(1)
        self._file("etc/empty", b"")
        self._file("etc/secret", b"hush").chmod(0o400)
        self._file("data/large", draw.randbytes(3 << 20))
        for number in range(300):
            self._file(f"many/{number % 7}/{number}", draw.randbytes(number))
        with self._file("data/sparse", b"start").open("r+b") as file:
            file.seek(5 << 20)
            file.write(b"middle")
            file.truncate(9 << 20)
        (self.source / "etc/link").symlink_to("../data/large")
        (self.source / "data/again").hardlink_to(self.source / "data/large")
        (self.source / "data/nothing below").mkdir(mode=0o711)
        os.mkfifo(self.source / "data/pipe")
        Path(os.fsdecode(os.fsencode(self.source) + b"/odd \xff\n")).write_bytes(b"odd")

    def mutate(self) -> None:
        self._file("many/1/1", b"changed")
        self._file("many/new", b"new")
        (self.source / "many/2/2").unlink()
        (self.source / "etc/link").unlink()
        self._file("etc/link", b"a file now")
        with (self.source / "data/large").open("r+b") as file:
            file.seek(1 << 20)
            file.write(b"in the middle")

    def wipe(self) -> None:
        shutil.rmtree(self.source, ignore_errors=True)
        self.source.mkdir(parents=True)

    def enlarge(self, size: int) -> None:
        draw = random.Random(size)
        self.source.mkdir(parents=True, exist_ok=True)
        with (self.source / "enlarged").open("wb") as file:
            for _ in range(-(-size // (1 << 20))):
                file.write(draw.randbytes(1 << 18) + bytes(3 << 18))

    def _driver(self, path: Path, surroundings: Surroundings) -> Driver:
        return create(DirectoryOptions(driver="directory", path=path), surroundings, {})

    def driver(self, surroundings: Surroundings) -> Driver:
        return self._driver(self.source, surroundings)

    def wrong(self, surroundings: Surroundings) -> Mapping[str, Driver]:
        return {
            "no such directory": self._driver(self.folder / "nowhere", surroundings),
            "a file": self._driver(self.source / "data/large", surroundings),
        }

    def target(self) -> Target:
        free = (self.folder / f"target-{number}" for number in itertools.count())
        return Target(directory=next(path for path in free if not path.exists()))

    def dirty(self) -> Target:
        target = self.folder / "dirty"
        target.mkdir()
        (target / "mine").write_text("mine")
        return Target(directory=target)

    def untouched(self, target: Target) -> bool:
        assert target.directory is not None
        return {path.name: path.read_text() for path in target.directory.iterdir()} == {"mine": "mine"}

    def proof(self, driver: Driver, target: Target) -> str:
        return driver.fingerprint(target)


def _set(folder: Path) -> Stage:
    clock = SystemClock()
    return Stage(Trees(folder), LocalDesk(folder / "desk", "directory", clock, Limits()), clock)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS.keys())
def test_law(law: Callable[[conformance.Sets], None], tmp_path: Path) -> None:
    law(functools.partial(_set, tmp_path))


@dataclass
class _Forgetful(Trees):
    """Restores that lose a file."""

    def proof(self, driver: Driver, target: Target) -> str:
        assert target.directory is not None
        (target.directory / "many/new").unlink(missing_ok=True)
        (target.directory / "many/1/1").unlink()
        return driver.fingerprint(target)


def test_a_driver_that_loses_a_file_breaks_the_law(tmp_path: Path) -> None:
    stage = _set(tmp_path)
    with pytest.raises(Broken, match="differs from the source"):
        conformance.round_trip(lambda: Stage(_Forgetful(tmp_path), stage.desk, stage.clock))


def test_a_base_that_holds_all_in_memory_breaks_the_law(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance, "MEMORY", 16 << 20)
    with pytest.raises(Broken, match="MiB of memory for 400 MiB of data"):
        conformance.huge(functools.partial(_set, tmp_path))
