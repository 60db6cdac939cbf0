"""A tree through a real repository on disk, and back."""

import random
import threading
from pathlib import Path

import pytest

from planaria.core.errors import DamagedData
from planaria.repository.bases import newest_base
from tests.conformance.desk import COMPONENT
from tests.integration.directory.tree import Tree

MIB = 1 << 20


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def _fill(tree: Tree, files: int = 20, size: int = MIB) -> None:
    draw = random.Random(5)
    for number in range(files):
        (tree.source / f"{number:04}").write_bytes(draw.randbytes(size))


def test_many_small_files_come_back(tree: Tree, tmp_path: Path) -> None:
    for number in range(3000):
        folder = tree.source / f"{number % 50}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}").write_bytes(b"%d" % number)
    tree.base()
    tree.restore(tmp_path / "out")
    assert tree.fingerprint(tmp_path / "out") == tree.fingerprint()


def test_one_large_file_of_odd_size_comes_back_to_the_byte(tree: Tree, tmp_path: Path) -> None:
    content = random.Random(1).randbytes(7 * MIB + 12345)
    (tree.source / "large").write_bytes(content)
    tree.base()
    tree.restore(tmp_path / "out")
    assert (tmp_path / "out/large").read_bytes() == content


def test_a_huge_hole_costs_neither_space_in_the_repository_nor_on_the_disk(tree: Tree, tmp_path: Path) -> None:
    with (tree.source / "hole").open("wb") as file:
        file.write(b"start")
        file.truncate(512 * MIB)
    committed = tree.base()
    assert committed.bytes_logical == 512 * MIB
    assert committed.bytes_stored < MIB
    tree.restore(tmp_path / "out")
    assert (tmp_path / "out/hole").stat().st_blocks * 512 < MIB
    assert tree.fingerprint(tmp_path / "out") == tree.fingerprint()


def test_a_changed_file_stores_only_the_pieces_that_changed(tree: Tree, tmp_path: Path) -> None:
    _fill(tree, files=1, size=16 * MIB)
    tree.base()
    with (tree.source / "0000").open("r+b") as file:
        file.seek(5 * MIB + 77)
        file.write(b"another")
    committed = tree.base()
    assert committed.chunks_new == 1
    tree.restore(tmp_path / "out")
    assert tree.fingerprint(tmp_path / "out") == tree.fingerprint()


def test_a_file_that_changes_under_the_workers_is_never_mixed(tree: Tree, tmp_path: Path) -> None:
    """Written over and over, each time with one byte all through, until it has been read twice."""
    file = tree.source / "file"
    file.write_bytes(b"0" * 8 * MIB)
    rounds = iter([b"1" * 9 * MIB, b"2" * 8 * MIB])
    lock = threading.Lock()

    def meddle(done: int) -> None:
        with lock:
            new = next(rounds, None)
            if new is not None:
                file.write_bytes(new)

    tree.meddle = meddle
    tree.base()
    tree.meddle = lambda done: None
    tree.restore(tmp_path / "out")
    assert set((tmp_path / "out/file").read_bytes()) == {ord("2")}
    assert not tree.warnings


def test_a_file_cut_short_while_it_is_read_is_taken_as_it_became(tree: Tree, tmp_path: Path) -> None:
    file = tree.source / "file"
    file.write_bytes(b"0" * 8 * MIB)
    cuts = iter([b"short"])

    def cut(done: int) -> None:
        content = next(cuts, None)
        if content is not None:
            file.write_bytes(content)

    tree.meddle = cut
    tree.base()
    tree.meddle = lambda done: None
    tree.restore(tmp_path / "out")
    assert (tmp_path / "out/file").read_bytes() == b"short"


def test_a_log_that_keeps_growing_is_taken_as_far_as_it_was_and_named(tree: Tree, tmp_path: Path) -> None:
    log = tree.source / "log"
    log.write_bytes(b"line\n")

    def grow(done: int) -> None:
        with log.open("ab") as file:
            file.write(b"line\n")

    tree.meddle = grow
    tree.base()
    tree.meddle = lambda done: None
    assert tree.desk.recovery().base.facts.source["changing"] == {"count": 1, "paths": ["log"]}
    tree.restore(tmp_path / "out")
    assert log.read_bytes().startswith((tmp_path / "out/log").read_bytes())


def test_at_most_a_window_of_files_is_open(tree: Tree) -> None:
    _fill(tree, files=400, size=10)
    before, most = len(list(Path("/proc/self/fd").iterdir())), 0

    def look(done: int) -> None:
        nonlocal most
        most = max(most, len(list(Path("/proc/self/fd").iterdir())) - before)

    tree.meddle = look
    tree.base()
    assert 1 < most < 100


def test_a_base_whose_index_is_lost_is_healed_by_the_next(tree: Tree, tmp_path: Path) -> None:
    _fill(tree)
    tree.base()
    for run in (tmp_path / "desk/repository/component/index/0").iterdir():
        run.unlink()
    with pytest.raises(DamagedData):
        tree.restore(tmp_path / "lost")
    tree.base()
    assert [warning for warning in tree.warnings if warning.endswith("0000 is read again")]
    tree.restore(tmp_path / "out")
    assert tree.fingerprint(tmp_path / "out") == tree.fingerprint()


def test_a_kept_file_keeps_what_was_known_of_it_and_its_content(tree: Tree, tmp_path: Path) -> None:
    _fill(tree, files=3)
    tree.base()
    first = list(tree.desk.recovery().base.entries())
    (tree.source / "0001").unlink()
    committed = tree.base()
    assert committed.chunks_total == 0
    assert list(tree.desk.recovery().base.entries()) == [first[0], first[2]]
    tree.restore(tmp_path / "out")
    assert tree.fingerprint(tmp_path / "out") == tree.fingerprint()


def test_an_empty_tree_is_a_base(tree: Tree, tmp_path: Path) -> None:
    tree.base()
    tree.restore(tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    assert newest_base(tree.desk.repository, COMPONENT) is not None
