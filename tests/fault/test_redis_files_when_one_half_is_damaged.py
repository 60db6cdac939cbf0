"""Base and journal are written at once: what is wrong with one ends both, at once, and is what is said."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from planaria.core.base import BaseFacts, Entry
from planaria.core.errors import DamagedData, Interrupted
from planaria.core.instant import Instant
from planaria.core.position import Position
from planaria.drivers.contract import JournalPiece, Recovery, Surroundings
from planaria.drivers.redis.resp import encode_command
from planaria.drivers.redis.restore_files import restore_files
from tests.support.redis_running import RealClock

AT = Instant(1_000_000)
SOURCE = {"kind": "valkey", "version": "9.1.0", "cluster": False, "streams": {"main": {"stream_db": 0}}}
PIECE = encode_command(b"SET", b"key", b"value")
ENOUGH = 500_000
"""Pieces after which whoever should have ended long ago gives up."""


@dataclass
class Half:
    """What hands over a piece or two and then is damaged, or goes on as if for ever."""

    damaged: bool
    handed: int = 0

    def pieces(self) -> Iterator[bytes]:
        for self.handed in range(1, ENOUGH):
            yield PIECE
            if self.damaged and self.handed == 2:
                raise DamagedData("this half is damaged", object_name="half")
        raise AssertionError("the other half's end was not noticed")


@dataclass
class Base:
    half: Half
    id: str = "base"
    facts: BaseFacts = field(default_factory=lambda: BaseFacts({"main": Position("a", 0)}, AT, SOURCE, {}))

    def entries(self) -> Iterator[Entry]:
        yield Entry("dump.rdb", ENOUGH * len(PIECE))

    def read(self, path: str) -> Iterator[bytes]:
        return self.half.pieces()

    def scatter(self, entries: Iterable[Entry], write: Callable[[Entry, int, memoryview], None]) -> None:
        (entry,) = entries
        for number, piece in enumerate(self.half.pieces()):
            write(entry, number * len(piece), memoryview(piece))


@dataclass
class Journal:
    half: Half

    def pieces(self, start: Position, until: Instant | Position | None) -> Iterator[JournalPiece]:
        for number, piece in enumerate(self.half.pieces()):
            end = (number + 1) * len(piece)
            yield JournalPiece(end - len(piece), piece, ((AT, end),), None, {})


def surroundings(stopping: Callable[[], bool] = lambda: False) -> Surroundings:
    return Surroundings(RealClock(), lambda what, done, total: None, lambda text: None, stopping)


@pytest.mark.parametrize("damaged", ["base", "journal"])
def test_damage_in_one_half_ends_the_other_and_is_what_is_said(damaged: str, tmp_path: Path) -> None:
    base, journal = Half(damaged == "base"), Half(damaged == "journal")
    recovery = Recovery(Base(base), {"main": Journal(journal)}, None, latest=True)
    with pytest.raises(DamagedData, match="this half is damaged"):
        restore_files(recovery, tmp_path / "out", surroundings(), replace=False)
    assert max(base.handed, journal.handed) < ENOUGH - 1
    assert not (tmp_path / "out" / "appendonlydir").exists()


def test_stopping_ends_both_halves(tmp_path: Path) -> None:
    base, journal = Half(False), Half(False)
    recovery = Recovery(Base(base), {"main": Journal(journal)}, None, latest=True)
    with pytest.raises(Interrupted):
        restore_files(recovery, tmp_path / "out", surroundings(lambda: base.handed > 10), replace=False)
    assert not (tmp_path / "out" / "appendonlydir").exists()
