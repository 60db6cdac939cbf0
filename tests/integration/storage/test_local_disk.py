"""A directory on a real file system: full, read-only, and after a crash at every step of a put."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from planaria.core.errors import ObjectMissing
from planaria.storage.local import LocalStore

ROOT = Path(__file__).parents[3]
NOBODY = 65534
CHILD = """
import os, resource, signal, sys
from pathlib import Path
from planaria.core.errors import PlanariaError
from planaria.storage.hooked import Hooked, at_call, die
from planaria.storage.local import LocalStore

store = LocalStore(Path(sys.argv[1]))
def said(call):
    try:
        return repr(call())
    except PlanariaError as error:
        return f"{type(error).__name__}: {error.message}"
"""


def child(code: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Runs in a process of its own: limits, users and deaths are not undone."""
    command = [sys.executable, "-c", CHILD + code, str(path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every user may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="planaria-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


def test_a_full_disk_is_said_and_what_was_written_is_left_whole(tmp_path: Path) -> None:
    """By the limit of the size of files, which acts as a quota does: one write is cut short, the next one fails."""
    done = child(
        """
store.put("a/before", b"1" * 50_000)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
print(said(lambda: store.put("a/large", bytes(1 << 20))))
print(said(lambda: store.put("a/after", b"3" * 50_000)))
""",
        tmp_path,
    )
    assert done.stdout.splitlines() == [f"StoreFull: no space is left in {tmp_path.as_uri()}", "None"], done.stderr
    store = LocalStore(tmp_path)
    assert [(info.name, info.size) for info in store.list("")] == [("a/after", 50_000), ("a/before", 50_000)]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["after", "before"]


def test_a_directory_without_write_permission_is_read_and_not_written(open_directory: Path) -> None:
    LocalStore(open_directory).put("a/one", b"1")
    for folder in (open_directory / "a", open_directory):
        folder.chmod(0o555)
    done = child(
        f"""
if os.getuid() == 0:
    os.setuid({NOBODY})
print(said(lambda: store.get("a/one")))
print(said(lambda: [info.name for info in store.list("")]))
print(said(lambda: store.put("a/two", b"2")))
print(said(lambda: store.put("b/two", b"2")))
print(said(lambda: store.delete("a/one")))
""",
        open_directory,
    )
    for folder in (open_directory, open_directory / "a"):
        folder.chmod(0o755)
    url = open_directory.as_uri()
    assert done.stdout.splitlines() == [
        "b'1'",
        "['a/one']",
        f"StoreRefused: {url} refuses a/two: Permission denied",
        f"StoreRefused: {url} refuses b/two: Permission denied",
        f"StoreRefused: {url} refuses a/one: Permission denied",
    ], done.stderr


def test_a_directory_without_read_permission_is_refused_and_not_taken_for_empty(open_directory: Path) -> None:
    LocalStore(open_directory).put("a/one", b"1")
    (open_directory / "a").chmod(0o300)
    done = child(
        f"""
if os.getuid() == 0:
    os.setuid({NOBODY})
print(said(lambda: [info.name for info in store.list("")]))
""",
        open_directory,
    )
    (open_directory / "a").chmod(0o755)
    assert done.stdout.startswith(f"StoreRefused: {open_directory.as_uri()} refuses "), done.stderr


STEPS = ("open", "write", "fsync", "close", "link", "unlink")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_step_a_put_has_happened_whole_or_not_at_all(step: str, when: str, tmp_path: Path) -> None:
    done = child(
        f"""
from planaria.storage import local
real = local.os.{step}
def deadly(*arguments, **more):
    if {when!r} == "before":
        die()
    real(*arguments, **more)
    die()
store.put("a/before", b"1")
local.os.{step} = deadly
store.put("a/one", b"content" * 1000)
print("went on")
""",
        tmp_path,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, ""), done.stderr
    store = LocalStore(tmp_path)
    happened = STEPS.index(step) > STEPS.index("link") or (step, when) == ("link", "after")
    assert [info.name for info in store.list("")] == ["a/before", "a/one"] if happened else ["a/before"]
    if happened:
        assert store.get("a/one") == b"content" * 1000
    else:
        with pytest.raises(ObjectMissing):
            store.get("a/one")
        store.put("a/one", b"again")  # what the dead put left behind is in nobody's way
        assert store.get("a/one") == b"again"


@pytest.mark.parametrize(("when", "there"), [("before", ["n1", "n2"]), ("after", ["n1", "n2", "n3"])])
def test_a_hook_kills_the_process_at_the_call_it_was_told(when: str, there: list[str], tmp_path: Path) -> None:
    done = child(
        f"""
hooked = Hooked(store, at_call(3, {when!r}, die))
for number in range(1, 10):
    hooked.put(f"n{{number}}", b"")
""",
        tmp_path,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [info.name for info in LocalStore(tmp_path).list("")] == there


def test_a_directory_is_opened_without_loading_what_only_object_stores_need(tmp_path: Path) -> None:
    done = child(
        """
from planaria.service.system_clock import SystemClock
from planaria.storage.open import open_store
from planaria.storage.options import StoreOptions
open_store(sys.argv[1], StoreOptions(), SystemClock()).put("one", b"")
print(sorted({"obstore", "ssl", "urllib.request"} & set(sys.modules)))
""",
        tmp_path,
    )
    assert done.stdout == "[]\n", done.stderr
