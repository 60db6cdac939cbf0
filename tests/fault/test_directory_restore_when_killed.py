"""SIGKILL while a tree is restored: what is there does not pass for whole, and restoring again over it makes it so."""

import multiprocessing
import os
import random
import signal
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from planaria.core.errors import SafetyRefusal
from tests.integration.directory.tree import Tree

MIB = 1 << 20


def _restore_until_killed(mouth: Connection, folder: Path, after: int) -> None:
    tree = Tree(folder)

    def hold(done: int) -> None:
        if done >= after:
            mouth.send(done)
            threading.Event().wait(60)

    tree.meddle = hold
    tree.restore(folder / "out")


@pytest.mark.parametrize("after", [1, 6 * MIB, 12 * MIB])
def test_a_killed_restore_is_finished_by_the_next(tmp_path: Path, after: int) -> None:
    tree = Tree(tmp_path)
    draw = random.Random(4)
    for number in range(13):
        (tree.source / f"{number}").write_bytes(draw.randbytes(MIB))
    (tree.source / "link").symlink_to("0")
    (tree.source / "same").hardlink_to(tree.source / "0")
    tree.base()
    context = multiprocessing.get_context("spawn")
    ear, mouth = context.Pipe(duplex=False)
    process = context.Process(target=_restore_until_killed, args=(mouth, tmp_path, after), daemon=True)
    process.start()
    assert ear.poll(60)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert tree.fingerprint(tmp_path / "out") != tree.fingerprint()
    with pytest.raises(SafetyRefusal):
        tree.restore(tmp_path / "out")
    tree.restore(tmp_path / "out", replace=True)
    assert tree.fingerprint(tmp_path / "out") == tree.fingerprint()
