"""A base of a tree that holds still, and of one that does not."""

import os
import stat
from pathlib import Path

import pytest

from planaria.core.errors import ComponentRefused, ComponentUnavailable, Interrupted
from planaria.core.instant import Instant
from tests.unit.directory.surroundings import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    root = tmp_path / "tree"
    root.mkdir()
    return Scene(root)


def test_every_file_is_taken_in_the_order_of_the_walk(scene: Scene) -> None:
    for path in ("b/z", "b/a", "a", "b-c"):
        (scene.root / path).parent.mkdir(exist_ok=True)
        (scene.root / path).write_text(path)
    assert scene.base() == {"a": b"a", "b": b"", "b/a": b"b/a", "b/z": b"b/z", "b-c": b"b-c"}


def test_what_is_excluded_is_left_out_with_all_below(scene: Scene) -> None:
    (scene.root / "cache/deep").mkdir(parents=True)
    (scene.root / "cache/deep/a").write_text("x")
    (scene.root / "keep").write_text("x")
    assert set(scene.base(exclude=["cache"])) == {"keep"}


def _mark_kept(scene: Scene) -> None:
    """From here on, content that is kept rather than read is capitals."""
    files = scene.archive.bases[-1].files
    files.update({path: (entry, content.upper()) for path, (entry, content) in files.items()})


def test_an_unchanged_file_is_kept_and_not_read(scene: Scene) -> None:
    (scene.root / "a").write_text("one")
    (scene.root / "c").write_text("two")
    scene.base()
    _mark_kept(scene)
    (scene.root / "b").write_text("new")
    assert scene.base() == {"a": b"ONE", "b": b"new", "c": b"TWO"}


def test_reread_reads_what_is_unchanged(scene: Scene) -> None:
    (scene.root / "a").write_text("one")
    scene.base()
    _mark_kept(scene)
    assert scene.base(reread=True) == {"a": b"one"}


def test_a_file_whose_content_changed_behind_equal_size_and_mtime_is_read(scene: Scene) -> None:
    file = scene.root / "a"
    file.write_text("one")
    scene.base()
    _mark_kept(scene)
    status = file.stat()
    for _ in range(1_000_000):  # until the kernel's clock has ticked
        file.write_text("two")
        if file.stat().st_ctime_ns != status.st_ctime_ns:
            break
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert scene.base() == {"a": b"two"}


def test_another_file_under_the_old_name_is_read(scene: Scene) -> None:
    (scene.root / "a").write_text("one")
    scene.base()
    _mark_kept(scene)
    (scene.root / "new").write_text("two")
    (scene.root / "new").rename(scene.root / "a")
    assert scene.base() == {"a": b"two"}


def test_a_file_written_within_the_resolution_of_clocks_is_read_again_next_time(scene: Scene) -> None:
    file = scene.root / "a"
    file.write_text("one")
    scene.clock.at = Instant(file.stat().st_ctime_ns // 1000 + 1_000_000)
    scene.base()
    _mark_kept(scene)
    assert scene.base() == {"a": b"one"}


def test_a_file_of_this_very_tick_ages_before_it_is_read(scene: Scene) -> None:
    file = scene.root / "a"
    file.write_text("one")
    scene.clock.at = then = Instant(file.stat().st_ctime_ns // 1000 + 1)
    scene.base()
    assert scene.clock.at - then >= 20_000


def test_a_file_that_changes_while_it_is_read_is_read_again(scene: Scene) -> None:
    file = scene.root / "a"
    file.write_text("one")
    rest = [b"two two", b"three"]

    def write() -> None:
        if rest:
            file.write_bytes(rest.pop(0))

    scene.meddle = write
    assert scene.base() == {"a": b"three"}
    assert scene.source["changing"] == {"count": 0, "paths": []}
    assert not scene.warnings


def _grow(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"+")


def test_a_file_that_never_stands_still_is_named(scene: Scene) -> None:
    file = scene.root / "a"
    file.write_text("one")
    (scene.root / "b").write_text("calm")
    scene.meddle = lambda: _grow(file)
    assert set(scene.base()) == {"a", "b"}
    assert scene.source["changing"] == {"count": 1, "paths": ["a"]}
    assert scene.warnings == ["a changed each of the 4 times it was read: kept as last read"]


def test_a_file_that_never_stood_still_is_not_kept_next_time(scene: Scene) -> None:
    file = scene.root / "a"
    file.write_text("one")
    scene.meddle = lambda: _grow(file)
    scene.base()
    scene.meddle = lambda: None
    _mark_kept(scene)
    assert scene.base() == {"a": file.read_bytes()}


def test_a_file_that_vanishes_is_noted(scene: Scene) -> None:
    (scene.root / "a").write_text("one")
    (scene.root / "b").write_text("two")
    scene.meddle = lambda: (scene.root / "b").unlink(missing_ok=True)
    assert scene.base() == {"a": b"one"}
    assert scene.source["vanished"] == {"count": 1, "paths": ["b"]}


def test_a_directory_that_vanishes_is_noted(scene: Scene) -> None:
    (scene.root / "a").mkdir()
    scene.meddle = lambda: (scene.root / "a").rmdir() if (scene.root / "a").exists() else None
    scene.base()
    assert scene.source["vanished"] == {"count": 1, "paths": ["a"]}


def test_a_file_that_became_a_link_is_not_followed(scene: Scene, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    file = scene.root / "a"
    file.write_text("one")

    def swap() -> None:
        if not file.is_symlink():
            file.unlink()
            file.symlink_to(secret)

    scene.meddle = swap
    assert scene.base() == {}
    assert scene.source["vanished"] == {"count": 1, "paths": ["a"]}


def test_one_file_of_many_names_is_read_once(scene: Scene) -> None:
    (scene.root / "a").write_text("one")
    (scene.root / "b").hardlink_to(scene.root / "a")
    assert scene.base() == {"a": b"one", "b": b""}
    assert scene.archive.bases[-1].files["b"][0].meta == {"kind": "hardlink", "link": "a"}


def test_the_next_name_stands_in_when_the_first_vanishes(scene: Scene) -> None:
    (scene.root / "a").write_text("one")
    for name in ("b", "c"):
        (scene.root / name).hardlink_to(scene.root / "a")
    scene.meddle = lambda: (scene.root / "a").unlink(missing_ok=True)
    assert scene.base() == {"b": b"one", "c": b""}
    assert scene.archive.bases[-1].files["c"][0].meta == {"kind": "hardlink", "link": "b"}


def test_links_pipes_and_sockets_are_noted_without_content(scene: Scene) -> None:
    (scene.root / "link").symlink_to("/nowhere")
    os.mkfifo(scene.root / "pipe")
    os.mknod(scene.root / "door", stat.S_IFSOCK | 0o600)
    scene.base()
    metas = {path: entry.meta for path, (entry, _) in scene.archive.bases[-1].files.items()}
    assert metas["link"]["target"] == "/nowhere"
    assert metas["pipe"]["kind"] == "fifo"
    assert "door" not in metas
    assert scene.source["sockets"] == {"count": 1, "paths": ["door"]}


def test_holes_are_zeros_and_are_known_and_are_not_read(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    really, read = os.preadv, []

    def counted(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        read.append((offset, len(buffers[0])))
        return really(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", counted)
    with (scene.root / "a").open("wb") as file:
        file.seek(3 << 20)
        file.write(b"end")
        file.truncate(4 << 20)
    (scene.root / "b").write_bytes(b"")
    os.truncate(scene.root / "b", 2 << 20)
    bases = scene.base()
    content = bases["a"]
    assert bases["b"] == bytes(2 << 20)
    assert read == [(0, 4 << 20)]  # in memory a file is asked for as one piece
    assert content == bytes(3 << 20) + b"end" + bytes((1 << 20) - 3)
    assert scene.archive.bases[-1].files["a"][0].meta["allocated"] <= 1 << 20


def test_what_cannot_be_read_fails_the_base_and_is_named(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    (scene.root / "a").write_text("one")
    really = os.open

    def refuse(path: str, flags: int, *rest: int, **more: int) -> int:
        if str(path).endswith("/a"):
            raise PermissionError(13, "Permission denied", path)
        return really(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ComponentRefused, match="tree/a cannot be read: Permission denied") as refused:
        scene.base()
    assert "exclude" in str(refused.value.hint)
    assert not scene.archive.bases
    assert scene.base(exclude=["a"]) == {}


def test_a_directory_that_is_not_there_is_unavailable_and_nothing_is_begun(scene: Scene) -> None:
    scene.root.rmdir()
    with pytest.raises(ComponentUnavailable, match="there is no directory"):
        scene.base()
    assert scene.archive.begun == 0


def test_a_file_in_place_of_the_directory_is_refused(scene: Scene) -> None:
    scene.root.rmdir()
    scene.root.write_text("x")
    with pytest.raises(ComponentRefused, match="is not a directory"):
        scene.base()


def test_stopping_leaves_no_base(scene: Scene) -> None:
    (scene.root / "a").write_text("one")
    scene.stopping = True
    with pytest.raises(Interrupted):
        scene.base()
    assert not scene.archive.bases


def test_a_tree_that_lost_all_its_files_is_said(scene: Scene) -> None:
    (scene.root / "a").write_text("one")
    scene.base()
    (scene.root / "a").unlink()
    scene.base()
    assert [warning for warning in scene.warnings if "is its volume mounted?" in warning]


def test_descriptors_are_closed(scene: Scene) -> None:
    for number in range(100):
        (scene.root / f"{number}").write_text("x")
    before = len(list(Path("/proc/self/fd").iterdir()))
    scene.base()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_names_that_are_no_text_are_taken(scene: Scene) -> None:
    (Path(os.fsdecode(os.fsencode(scene.root) + b"/odd\xff"))).write_text("x")
    (path,) = scene.base()
    path.encode()
