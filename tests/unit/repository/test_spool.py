"""The spool: order, budget, and what is found again after a crash."""

from pathlib import Path

import pytest

from planaria.core.errors import ObjectExists, ObjectMissing, StoreFull
from planaria.repository.spool import Spool


def name(lineage: str, begin: int, end: int, tail: str = "00000000") -> str:
    return f"redis/journal/{lineage}/{begin:016x}-{end:016x}-{tail}"


def test_segments_come_out_in_the_order_they_went_in(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1000)
    added = [name("zzz", 0, 10), name("zzz", 10, 20), name("aaa", 5, 6)]
    for one in added:
        spool.add(one, one.encode())
    assert spool.names() == added
    assert spool.names(2) == added[:2]
    assert [spool.read(one) for one in added] == [one.encode() for one in added]


def test_a_spool_that_is_opened_again_holds_what_it_held_in_journal_order(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1000)
    for begin in (255, 0, 16):
        spool.add(name("a", begin, begin + 1), b"12345")
    again = Spool(tmp_path, 1000)
    assert again.names() == [name("a", begin, begin + 1) for begin in (0, 16, 255)]
    assert (len(again), again.size) == (3, 15)
    again.add(name("a", 3, 4), b"x")
    assert again.names()[-1] == name("a", 3, 4)


def test_the_budget_is_kept_and_freed_by_what_leaves(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 10)
    spool.add(name("a", 0, 1), b"123456")
    with pytest.raises(StoreFull, match="budget of 10 bytes"):
        spool.add(name("a", 1, 2), b"12345")
    spool.remove(name("a", 0, 1))
    assert (len(spool), spool.size) == (0, 0)
    spool.add(name("a", 1, 2), b"12345")
    with pytest.raises(ObjectMissing):
        spool.read(name("a", 0, 1))


def test_the_same_segment_may_be_added_again_and_another_of_its_name_may_not(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 100)
    spool.add(name("a", 0, 1), b"one")
    Spool(tmp_path, 100).add(name("a", 0, 1), b"one")
    spool.add(name("a", 0, 1), b"one")
    assert spool.size == 3
    with pytest.raises(ObjectExists):
        spool.add(name("a", 0, 1), b"two")
