"""What two equal trees share, and nothing else."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from planaria.drivers.directory.fingerprint import fingerprint


def _tree(root: Path) -> Path:
    (root / "deep").mkdir(parents=True)
    (root / "a").write_text("one")
    (root / "deep/b").write_text("two")
    (root / "link").symlink_to("a")
    (root / "same").hardlink_to(root / "a")
    return root


def _of(root: Path) -> str:
    return fingerprint(root, lambda path: path == "cache", one_file_system=False, passed=lambda _: None)


def _split(root: Path) -> None:
    (root / "same").unlink()
    shutil.copy2(root / "a", root / "same")


def _moved(root: Path) -> None:
    (root / "deep/b").rename(root / "b")


def _relinked(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").symlink_to("deep/b")


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda root: (root / "a").write_text("two"),
    "length": lambda root: (root / "deep/b").write_text("two\0"),
    "mode of a file": lambda root: (root / "deep/b").chmod(0o600),
    "mode of a directory": lambda root: (root / "deep").chmod(0o700),
    "a new file": lambda root: (root / "new").touch(),
    "a new directory": lambda root: (root / "new").mkdir(),
    "a pipe": lambda root: os.mkfifo(root / "new"),
    "a name": _moved,
    "a link's target": _relinked,
    "two files that were one": _split,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_every_difference_shows(tmp_path: Path, change: Callable[[Path], object]) -> None:
    one, other = _tree(tmp_path / "one"), _tree(tmp_path / "other")
    assert _of(one) == _of(other)
    change(other)
    assert _of(one) != _of(other)


def test_times_and_what_is_excluded_do_not_show(tmp_path: Path) -> None:
    one, other = _tree(tmp_path / "one"), _tree(tmp_path / "other")
    os.utime(other / "a", (1, 1))
    (other / "cache").write_text("x")
    assert _of(one) == _of(other)
