"""A directory as a store: what is durable in which order, and what a directory may hold besides objects."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from planaria.core.errors import ObjectExists, ObjectMissing, StoreFull, StoreRefused, StoreUnavailable
from planaria.storage.local import LocalStore


class Recorder:
    """Writes down, in order, the calls that make an object durable, by the names of files relative to `root`."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.calls = root, list[tuple[str, str]]()
        self._replace = monkeypatch.setattr
        for name in ("write", "fsync"):
            self._watch(name, lambda descriptor, *_: self._shown(Path(f"/proc/self/fd/{descriptor}").readlink()))
        for name, number in (("link", 1), ("mkdir", 0), ("unlink", 0)):
            self._watch(name, lambda *given, at=number, **_: self._shown(Path(given[at])))

    def _watch(self, name: str, what: Callable[..., str]) -> None:
        real = getattr(os, name)

        def watched(*arguments: Any, **more: Any) -> Any:
            self.calls.append((name, what(*arguments, **more)))
            return real(*arguments, **more)

        self._replace(os, name, watched)

    def _shown(self, path: Path) -> str:
        shown = str(path.relative_to(self.root.parent))
        parent, _, name = shown.rpartition("/")
        return f"{parent}/TEMPORARY" if name.startswith(".") else shown


def test_an_object_is_durable_before_it_is_named_and_named_durably_before_put_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path / "r")
    store.put("a/before", b"")
    recorder = Recorder(tmp_path / "r", monkeypatch)
    store.put("a/one", b"content")
    calls = [call for call in recorder.calls if call[0] != "unlink"]
    assert calls == [
        ("write", "r/a/TEMPORARY"),
        ("fsync", "r/a/TEMPORARY"),
        ("link", "r/a/one"),
        ("fsync", "r/a"),
    ]


def test_new_folders_are_durable_from_the_top_before_anything_is_put_into_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "r"
    root.mkdir()
    recorder = Recorder(root, monkeypatch)
    LocalStore(root).put("a/b/one", b"")
    calls = [call for call in recorder.calls if call[0] != "unlink"]
    assert calls[:5] == [
        ("mkdir", "r/a"),
        ("fsync", "r"),
        ("mkdir", "r/a/b"),
        ("fsync", "r/a"),
        ("fsync", "r/a/b/TEMPORARY"),
    ]


def test_a_folder_that_somebody_else_made_is_not_taken_for_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "r" / "a").mkdir(parents=True)
    recorder = Recorder(tmp_path / "r", monkeypatch)
    store = LocalStore(tmp_path / "r")
    store.put("a/one", b"")
    assert ("fsync", "r") in recorder.calls
    recorder.calls.clear()
    store.put("a/two", b"")
    assert ("fsync", "r") not in recorder.calls  # once is enough


def test_a_name_that_is_taken_is_durable_before_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(tmp_path / "r")
    store.put("a/one", b"")
    recorder = Recorder(tmp_path / "r", monkeypatch)
    with pytest.raises(ObjectExists):
        store.put("a/one", b"")
    assert recorder.calls[-1] == ("fsync", "r/a")


def test_a_delete_is_durable_before_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(tmp_path / "r")
    store.put("a/one", b"")
    recorder = Recorder(tmp_path / "r", monkeypatch)
    store.delete("a/one")
    assert recorder.calls == [("unlink", "r/a/one"), ("fsync", "r/a")]


def _failing(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, name, fail)


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, StoreFull),
        (errno.EDQUOT, StoreFull),
        (errno.EFBIG, StoreFull),
        (errno.EROFS, StoreRefused),
        (errno.EIO, StoreUnavailable),
        (errno.ESTALE, StoreUnavailable),
    ],
)
@pytest.mark.parametrize("call", ["write", "fsync", "link"])
def test_a_put_that_fails_at_any_step_says_why_and_leaves_nothing(
    call: str, number: int, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path)
    store.put("a/before", b"1")
    with monkeypatch.context() as patched:
        _failing(patched, call, number)
        with pytest.raises(error):
            store.put("a/one", b"content")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["before"]
    assert [info.name for info in store.list("")] == ["a/before"]


def test_a_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:3]))
    LocalStore(tmp_path).put("one", b"0123456789")
    assert LocalStore(tmp_path).get("one") == b"0123456789"


def test_a_short_read_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LocalStore(tmp_path).put("one", b"0123456789")
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda descriptor, count, offset: real(descriptor, min(count, 3), offset))
    assert LocalStore(tmp_path).get("one", 1) == b"123456789"
    assert LocalStore(tmp_path).get("one", 1, 7) == b"1234567"


def test_what_is_not_ours_is_neither_listed_nor_entered(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put("a/one", b"")
    (tmp_path / "lost+found").mkdir(mode=0)
    (tmp_path / ".snapshot" / "a").mkdir(parents=True)
    (tmp_path / ".snapshot" / "a" / "one").touch()
    (tmp_path / "a" / ".0123456789abcdef").touch()
    (tmp_path / "a" / "ours?").touch()
    os.mkfifo(tmp_path / "a" / "pipe")
    assert [info.name for info in store.list("")] == ["a/one"]


def test_a_folder_is_no_object(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put("a/b/one", b"")
    for call in (store.get, store.head):
        with pytest.raises(ObjectMissing):
            call("a/b")
    with pytest.raises(ObjectExists):
        store.put("a/b", b"")
    assert stat.S_ISDIR((tmp_path / "a" / "b").stat().st_mode)


def test_an_object_that_goes_while_it_is_listed_is_left_out(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    for name in ("a", "b", "c"):
        store.put(name, b"")
    found = store.list("")
    assert next(found).name == "a"
    store.delete("b")
    assert [info.name for info in found] == ["c"]


def test_a_store_that_is_not_there_is_empty_and_is_made_by_the_first_put(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "not" / "yet")
    assert list(store.list("")) == []
    store.put("one", b"1")
    assert store.get("one") == b"1"


def test_a_file_where_the_store_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = LocalStore(tmp_path / "file")
    for call in (lambda: store.get("one"), lambda: list(store.list("")), lambda: store.put("one", b"")):
        with pytest.raises(StoreRefused, match="Not a directory"):
            call()


@pytest.mark.parametrize(
    "name", ["", "/a", "a/", "a//b", "..", "a/../b", ".a", "a/.b", "a b", "ä", "a\n", "x" * 256, "a/" * 256 + "a"]
)
def test_what_is_no_name_is_our_bug(name: str, tmp_path: Path) -> None:
    for call in (LocalStore(tmp_path).get, LocalStore(tmp_path).head, LocalStore(tmp_path).delete):
        with pytest.raises(ValueError, match="not an object name"):
            call(name)
