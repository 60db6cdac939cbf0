"""A base carried out onto a disk: what is refused, what is left, what is removed."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from planaria.core.base import BaseFacts
from planaria.core.errors import DamagedData, Failed, Interrupted, SafetyRefusal, StoreFull, UsageError
from planaria.drivers.contract import Recovery, Target
from planaria.drivers.directory import restore
from planaria.drivers.directory.durable import sync_file_system
from tests.support.memory_archive import MemoryArchive, MemoryBase
from tests.unit.directory.surroundings import LATER, Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    root = tmp_path / "tree"
    (root / "deep/down").mkdir(parents=True)
    (root / "a").write_text("one")
    (root / "deep/b").write_text("two")
    (root / "deep/down/empty").write_text("")
    (root / "deep/link").symlink_to("../a")
    (root / "deep/same").hardlink_to(root / "a")
    (root / "a").chmod(0o640)
    (root / "deep/down").chmod(0o750)
    os.utime(root / "deep/down", ns=(1, 1_500_000_000_000_000_001))
    os.utime(root / "a", ns=(1, 1_600_000_000_123_456_789))
    os.utime(root / "deep/link", ns=(1, 1_700_000_000_000_000_007), follow_symlinks=False)
    scene = Scene(root)
    scene.base()
    return scene


def _look(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Mode, mtime and content by path."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = b"" if path.is_dir() else str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        found[str(path.relative_to(root))] = (status.st_mode, status.st_mtime_ns, content)
    return found


def test_all_comes_back_with_modes_times_and_links(scene: Scene, tmp_path: Path) -> None:
    out = tmp_path / "out"
    scene.restore(out)
    assert _look(out) == _look(scene.root)
    assert (out / "deep/same").samefile(out / "a")
    assert out.stat().st_mtime_ns == scene.root.stat().st_mtime_ns


def _say_owner(scene: Scene, path: str, **owner: object) -> None:
    """The base says so of a file."""
    entry, content = scene.archive.bases[-1].files[path]
    scene.archive.bases[-1].files[path] = (replace(entry, meta={**entry.meta, **owner}), content)


@pytest.mark.parametrize(
    ("user", "group", "expected"),
    [(None, None, (12345, 54321)), ("nobody-here", "nor-here", (12345, 54321)), ("root", "root", (0, 0))],
    ids=["numbers", "names unknown on this host", "names before numbers"],
)
def test_owners_come_back(
    scene: Scene,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    user: str | None,
    group: str | None,
    expected: tuple[int, int],
) -> None:
    given: dict[str, tuple[int, int]] = {}
    monkeypatch.setattr(os, "chown", lambda path, uid, gid, **_: given.update({Path(path).name: (uid, gid)}))
    really = os.lstat
    monkeypatch.setattr(os, "lstat", lambda path: _of_somebody(really(path)))
    _say_owner(scene, "a", uid=12345, gid=54321, user=user, group=group)
    scene.restore(tmp_path / "out")
    assert given["a"] == expected


def _of_somebody(status: os.stat_result) -> os.stat_result:
    fields = list(status)
    fields[4] = fields[5] = 777
    return os.stat_result(fields)


def test_extended_attributes_come_back(scene: Scene, tmp_path: Path) -> None:
    os.setxattr(scene.root / "a", "user.note", b"\x00\xff")
    scene.base()
    scene.restore(tmp_path / "out")
    assert os.getxattr(tmp_path / "out/a", "user.note") == b"\x00\xff"


def test_what_may_not_be_set_is_said(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    _say_owner(scene, "a", uid=9999, user=None)
    monkeypatch.setattr(os, "chown", refuse)
    restored = scene.driver().restore(scene.recovery(), Target(directory=tmp_path / "out"))
    (finding,) = [check for check in restored.checks if not check.ok]
    assert (finding.check, finding.fix) == ("owners", "restore as root")
    assert "1 files" in finding.detail


def test_only_what_was_chosen_is_written(scene: Scene, tmp_path: Path) -> None:
    scene.restore(tmp_path / "out", "path:deep/same")
    assert set(_look(tmp_path / "out")) == {"deep", "deep/same"}
    assert (tmp_path / "out/deep/same").read_text() == "one"


def test_a_directory_with_something_in_it_is_refused(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("mine")
    with pytest.raises(SafetyRefusal, match="out is not empty"):
        scene.restore(tmp_path / "out")
    assert set(_look(tmp_path / "out")) == {"mine"}


def test_a_file_system_just_made_counts_as_empty(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "out/lost+found").mkdir(parents=True)
    scene.restore(tmp_path / "out")
    assert (tmp_path / "out/a").read_text() == "one"


def test_a_file_in_place_of_the_target_is_refused(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(SafetyRefusal, match="not a directory"):
        scene.restore(tmp_path / "out", replace=True)


def test_a_service_is_no_target(scene: Scene) -> None:
    with pytest.raises(UsageError):
        scene.driver().plan(scene.recovery(), Target(url="redis://localhost"))


def test_too_little_room_is_refused_before_anything_is_touched(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = os.statvfs(tmp_path)
    fields = list(full)
    fields[4] = 0  # f_bavail
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(fields))
    with pytest.raises(StoreFull, match="room for 0 bytes, the base needs 6"):
        scene.restore(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_room_that_is_taken_by_what_gives_way_is_room(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/old").write_bytes(b"x" * 10_000)
    fields = list(os.statvfs(tmp_path))
    fields[4] = 0  # f_bavail
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(fields))
    scene.restore(tmp_path / "out", replace=True)
    assert _look(tmp_path / "out") == _look(scene.root)


def test_a_file_that_is_not_ours_to_open_gives_way(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.restore(tmp_path / "out")
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("deep/b"))
    changes = scene.driver().plan(scene.recovery(), Target(directory=tmp_path / "out", replace=True))
    assert f"{tmp_path}/out/deep/b" in {change.detail for change in changes if change.what == "remove"}


def test_replace_removes_what_is_extra_and_says_so_before(scene: Scene, tmp_path: Path) -> None:
    out = tmp_path / "out"
    scene.restore(out)
    (out / "extra/more").mkdir(parents=True)
    (out / "extra/more/file").write_text("12345")
    changes = scene.driver().plan(scene.recovery(), Target(directory=out, replace=True))
    removed = {change.detail: change.bytes for change in changes if change.what == "remove"}
    assert removed[f"{out}/extra/more/file"] == 5
    assert {f"{out}/extra", f"{out}/extra/more"} < set(removed)
    assert (out / "extra").exists()
    scene.restore(out, replace=True)
    assert _look(out) == _look(scene.root)


def test_replace_leaves_what_is_right_and_writes_what_differs(scene: Scene, tmp_path: Path) -> None:
    out = tmp_path / "out"
    scene.restore(out)
    (out / "deep/b").write_text("TWO")
    os.utime(out / "deep/b", ns=(1, (scene.root / "deep/b").stat().st_mtime_ns))
    inode = (out / "deep/b").stat().st_ino
    restored = scene.driver().restore(scene.recovery(), Target(directory=out, replace=True))
    assert _look(out) == _look(scene.root)
    assert (out / "deep/b").stat().st_ino == inode
    assert restored.bytes == 3 + 3  # b, and a: of two names, so it is written as another file


@pytest.mark.parametrize("target", ["a", "deep/b", "deep/down/empty", "deep/link", "deep/same"])
def test_replace_puts_another_kind_in_place(scene: Scene, tmp_path: Path, target: str) -> None:
    out = tmp_path / "out"
    scene.restore(out)
    (out / target).unlink()
    (out / target).mkdir()
    (out / target / "inside").write_text("x")
    scene.restore(out, replace=True)
    assert _look(out) == _look(scene.root)


def test_replace_does_not_write_through_links_that_lie_in_wait(scene: Scene, tmp_path: Path) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside"
    outside.mkdir()
    (outside / "b").write_text("mine")
    out.mkdir()
    (out / "deep").symlink_to(outside)
    (out / "a").symlink_to(outside / "b")
    scene.restore(out, replace=True)
    assert _look(out) == _look(scene.root)
    assert set(_look(outside)) == {"b"}
    assert (outside / "b").read_text() == "mine"


def test_replace_does_not_change_a_file_that_has_a_name_elsewhere(scene: Scene, tmp_path: Path) -> None:
    out = tmp_path / "out"
    scene.restore(out)
    (out / "deep/b").write_text("TWO")
    (tmp_path / "snapshot").hardlink_to(out / "deep/b")
    scene.restore(out, replace=True)
    assert (tmp_path / "snapshot").read_text() == "TWO"
    assert _look(out) == _look(scene.root)


def test_replace_of_a_part_leaves_the_rest(scene: Scene, tmp_path: Path) -> None:
    out = tmp_path / "out"
    scene.restore(out)
    (out / "a").write_text("changed")
    (out / "deep/b").write_text("changed")
    (out / "extra").write_text("mine")
    scene.restore(out, "path:deep/b", replace=True)
    assert (out / "deep/b").read_text() == "two"
    assert (out / "a").read_text() == "changed"
    assert (out / "extra").read_text() == "mine"


def test_replace_of_a_part_clears_the_directory_in_its_place(scene: Scene, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "deep/b/inside").mkdir(parents=True)
    (out / "deep/b/inside/file").write_text("x")
    scene.restore(out, "path:deep/b", replace=True)
    assert (out / "deep/b").read_text() == "two"


def test_a_directory_gets_its_mode_after_all_below_it(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that may not be entered would keep us from what it holds, unless we are root."""
    finished: list[str] = []
    really = os.utime

    def watched(path: str, *, ns: tuple[int, int], follow_symlinks: bool) -> None:
        finished.append(str(path).removeprefix(f"{tmp_path}/out").lstrip("/"))
        really(path, ns=ns, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(os, "utime", watched)
    scene.restore(tmp_path / "out")
    assert finished[-3:] == ["deep/down", "deep", ""]
    assert set(finished[:-3]) == {"a", "deep/b", "deep/down/empty", "deep/link"}


def test_all_is_made_durable_last(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    really = os.utime

    def watched(path: str, *, ns: tuple[int, int], follow_symlinks: bool) -> None:
        events.append("times")
        really(path, ns=ns, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(os, "utime", watched)
    monkeypatch.setattr(restore, "sync_file_system", lambda descriptor, name: events.append(f"synced {name}"))
    scene.restore(tmp_path / "out")
    assert events[-2:] == ["times", f"synced {tmp_path}/out"]


def test_a_disk_that_cannot_make_it_durable_fails_the_restore(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="out could not be made durable: Bad file descriptor"):
        sync_file_system(-1, "out")


def test_a_full_disk_is_said_with_the_file(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(Failed, match="out/a cannot be written: No space left on device"):
        scene.restore(tmp_path / "out")


def test_replace_leaves_what_is_excluded(scene: Scene, tmp_path: Path) -> None:
    out = tmp_path / "out"
    scene.restore(out)
    (out / "cache").write_text("mine")
    scene.driver(exclude=["cache"]).restore(scene.recovery(), Target(directory=out, replace=True))
    assert (out / "cache").read_text() == "mine"


def test_a_restore_that_was_stopped_can_be_finished(scene: Scene, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def stop() -> None:
        scene.stopping = True

    scene.meddle = stop
    with pytest.raises(Interrupted):
        scene.restore(out)
    scene.stopping, scene.meddle = False, lambda: None
    scene.restore(out, replace=True)
    assert _look(out) == _look(scene.root)


def test_a_file_that_got_too_few_bytes_is_an_error(scene: Scene, tmp_path: Path) -> None:
    files = scene.archive.bases[-1].files
    entry, _ = files["deep/b"]
    files["deep/b"] = (entry, b"two and more")
    with pytest.raises(DamagedData, match="deep/b did not get the 3 bytes"):
        scene.restore(tmp_path / "out")


def test_files_that_changed_while_they_were_read_are_said_again(scene: Scene, tmp_path: Path) -> None:
    base = scene.archive.bases[-1]
    base.committed = BaseFacts({}, LATER, {**scene.source, "changing": {"count": 1, "paths": ["a"]}}, {})
    restored = scene.driver().restore(scene.recovery(), Target(directory=tmp_path / "out"))
    assert [check.detail for check in restored.checks if not check.ok] == [
        "1 files changed while the base was taken, e.g. a"
    ]


def test_an_empty_base_is_an_empty_directory(scene: Scene, tmp_path: Path) -> None:
    base = MemoryBase(MemoryArchive(), "empty", None)
    base.committed = BaseFacts({}, LATER, {}, {})
    changes = scene.driver().plan(Recovery(base, {}, None), Target(directory=tmp_path / "out"))
    assert "the base is empty" in changes[0].detail
    scene.driver().restore(Recovery(base, {}, None), Target(directory=tmp_path / "out"))
    assert _look(tmp_path / "out") == {}
