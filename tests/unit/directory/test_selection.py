"""What is believed of a base, and what `--only` chooses."""

from dataclasses import replace

import pytest

from planaria.core.base import BaseFacts, Entry
from planaria.core.errors import DamagedData, UnknownName, UsageError
from planaria.core.instant import Instant
from planaria.drivers.directory.selection import select
from tests.support.memory_archive import MemoryArchive, MemoryBase


def _base(*entries: tuple[str, dict[str, object]]) -> MemoryBase:
    base = MemoryArchive().begin_base()
    for number, (path, meta) in enumerate(entries):
        entry = Entry(path, 1 if meta["kind"] == "file" else 0, meta)
        base.files[f"{number}"] = (entry, b"x")
    base.committed = BaseFacts({}, Instant(0), {}, {})
    return base


FILE: dict[str, object] = {"kind": "file"}
FOLDER: dict[str, object] = {"kind": "directory"}
LINK: dict[str, object] = {"kind": "symlink", "target": "/etc"}

FORGED = {
    "leads up": [("../a", FILE)],
    "leads up in the middle": [("a", FOLDER), ("a/../../b", FILE)],
    "is absolute": [("/etc/passwd", FILE)],
    "is empty": [("", FILE)],
    "is a dot": [(".", FILE)],
    "has an empty part": [("a", FOLDER), ("a//b", FILE)],
    "holds a zero": [("a\0b", FILE)],
    "is no text": [("a\ud800", FILE)],
    "has no directory": [("a/b", FILE)],
    "goes through a link": [("a", LINK), ("a/passwd", FILE)],
    "goes through a file": [("a", FILE), ("a/b", FILE)],
    "is there twice": [("a", FILE), ("a", LINK)],
    "is of no kind": [("a", {"kind": "door"})],
    "links to nothing": [("a", {"kind": "hardlink", "link": "/etc/passwd"})],
    "links to a link": [("b", LINK), ("a", {"kind": "hardlink", "link": "b"})],
}


@pytest.mark.parametrize("entries", FORGED.values(), ids=FORGED.keys())
def test_a_forged_base_is_refused(entries: list[tuple[str, dict[str, object]]]) -> None:
    with pytest.raises(DamagedData, match="base base-1 holds"):
        select(_base(*entries), ())


def _tree() -> MemoryBase:
    return _base(
        ("etc", FOLDER),
        ("etc/a.conf", FILE),
        ("etc/deep", FOLDER),
        ("etc/deep/b.conf", FILE),
        ("var", FOLDER),
        ("var/log", FILE),
        ("var/other", {"kind": "hardlink", "link": "etc/a.conf"}),
        ("var/third", {"kind": "hardlink", "link": "etc/a.conf"}),
    )


def test_what_matches_comes_with_the_directories_above_it() -> None:
    chosen = [path for path, _ in select(_tree(), ["path:etc/**/b.conf"]).entries()]
    assert chosen == ["etc", "etc/deep", "etc/deep/b.conf"]


def test_a_directory_that_matches_comes_with_all_below() -> None:
    assert set(select(_tree(), ["path:etc"]).kinds) == {"etc", "etc/a.conf", "etc/deep", "etc/deep/b.conf"}


def test_a_further_name_brings_the_content_when_the_first_name_is_not_wanted() -> None:
    selection = select(_tree(), ["path:var/other", "path:var/third"])
    got = {path: entry for path, entry in selection.entries() if path != "var"}
    assert got["var/other"].path == "etc/a.conf"
    assert got["var/other"].meta["kind"] == "file"
    assert got["var/third"].meta == {"kind": "hardlink", "link": "var/other"}
    assert selection.bytes == 1
    assert selection.counts == {"directory": 1, "file": 1, "hardlink": 1}


def test_a_choice_that_matches_nothing_is_refused() -> None:
    with pytest.raises(UnknownName, match="nothing that matches path:srv"):
        select(_tree(), ["path:srv"])


@pytest.mark.parametrize("only", ["etc", "db:1", "path:"])
def test_a_choice_of_another_sort_is_refused(only: str) -> None:
    with pytest.raises(UsageError):
        select(_tree(), [only])


def test_holes_count_for_the_logical_size_and_not_for_the_space() -> None:
    base = _base(("a", {"kind": "file", "allocated": 4096}))
    entry, content = base.files["0"]
    base.files["0"] = (replace(entry, size=1 << 40), content)
    selection = select(base, ())
    assert (selection.bytes, selection.allocated) == (1 << 40, 4096)
