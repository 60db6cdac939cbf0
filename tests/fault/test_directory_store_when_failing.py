"""The store fails while a tree is backed up: an error in words, no hang, no base, and the one before is whole."""

import random
from pathlib import Path

import pytest

from planaria.core.errors import PlanariaError, StoreFull, StoreUnavailable
from planaria.storage.contract import Store
from planaria.storage.scripted import Call, Fault, Kind, Scripted
from tests.integration.directory.tree import CLOCK, Tree

MIB = 1 << 20


def _fill(tree: Tree, seed: int) -> None:
    draw = random.Random(seed)
    for number in range(24):
        (tree.source / f"{number}").write_bytes(draw.randbytes(MIB // 2))


def _failing_from(tree: Tree, number: int, fault: Fault) -> None:
    """Every put from the one of that number on."""
    puts = 0

    def script(call: Call) -> Fault | None:
        nonlocal puts
        puts += call.method == "put"
        return fault if call.method == "put" and puts >= number else None

    def wrap(store: Store) -> Store:
        return Scripted(store, script, CLOCK)

    tree.wrap = wrap


@pytest.mark.parametrize("kind", [Kind.FAIL_BEFORE, Kind.FAIL_AFTER])
@pytest.mark.parametrize("number", [*range(1, 21)])
def test_a_put_that_fails_fails_the_base_and_harms_no_other(tmp_path: Path, number: int, kind: Kind) -> None:
    tree = Tree(tmp_path)
    _fill(tree, seed=1)
    tree.base()
    before, bases = tree.fingerprint(), list(tree.desk.bases())
    _fill(tree, seed=2)
    plain = tree.wrap
    _failing_from(tree, number, Fault(kind))
    with pytest.raises(PlanariaError) as failed:
        tree.base()
    assert isinstance(failed.value, StoreUnavailable)
    tree.wrap = plain
    left = list(tree.desk.bases())
    if left == bases:
        tree.restore(tmp_path / "out")
        assert tree.fingerprint(tmp_path / "out") == before
    else:  # the commit object itself was stored, and only its receipt was not
        tree.restore(tmp_path / "out")
        assert tree.fingerprint(tmp_path / "out") == tree.fingerprint()
    tree.base()
    tree.restore(tmp_path / "again")
    assert tree.fingerprint(tmp_path / "again") == tree.fingerprint()


def test_a_full_store_ends_a_base_however_much_is_left_to_read(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    draw = random.Random(3)
    for number in range(100):
        (tree.source / f"{number}").write_bytes(draw.randbytes(MIB))
    tree.desk.bases()
    _failing_from(tree, 5, Fault(Kind.FAIL_BEFORE, error=StoreFull("no space left", hint="free some")))
    with pytest.raises(StoreFull, match="no space left"):
        tree.base()
