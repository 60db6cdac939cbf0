"""A listing that is behind, or overtaken by a writer, while a check runs: neither is taken for a loss."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from planaria.repository.check_state import CheckState
from planaria.repository.layout import what_is
from planaria.storage.contract import ObjectInfo
from planaria.storage.memory import MemoryStore
from tests.support.clocks import seeded
from tests.support.small_repository import FILES, Builder, Small, check, small


@pytest.fixture
def whole(tmp_path: Path) -> Small:
    return small(tmp_path / "spool")


class LateList(MemoryStore):
    """One listing, after so many that show it, does not show yet what `late` names."""

    late = ""
    after_so_many = -1

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        shown = super().list(prefix, after)
        if not self.late.startswith(prefix) or self.late <= after:
            return shown
        self.after_so_many -= 1
        return (info for info in shown if info.name != self.late) if self.after_so_many == -1 else shown


@pytest.mark.parametrize("turn", range(20))
def test_a_listing_that_is_behind_is_not_taken_for_a_loss(whole: Small, turn: int) -> None:
    for name in whole.objects:
        if what_is(name) in ("base", "segment", "bundle"):
            store = LateList(whole.clock)
            for other, data in whole.objects.items():
                store.put(other, data)
            state, repository = CheckState(), whole.opened(store)
            check(repository, state=state)
            store.late, store.after_so_many = name, turn
            assert check(repository, state=state).findings == [], name


def test_a_base_written_while_the_check_runs_is_no_finding(whole: Small, tmp_path: Path) -> None:
    """At each listing of the check in turn another base appears, whole."""
    for moment in range(14):
        store = Busy(whole.clock)
        for name, data in whole.objects.items():
            store.put(name, data)
        builder = Builder(whole.write_only(store), whole.clock, tmp_path)
        store.work, store.moment = builder, moment
        report = check(whole.opened(store), read=False)
        assert report.findings == [], moment
        assert store.moment < 0


class Busy(MemoryStore):
    """A base is written just before the listing number `moment`."""

    work: Builder | None = None
    moment = -1

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        if self.work is not None:
            self.moment -= 1
            if self.moment < 0:
                builder, self.work = self.work, None
                builder.base(FILES, {"new": seeded(self.moment)(3000)}, {}, {})
        return super().list(prefix, after)
