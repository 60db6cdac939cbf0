"""No space in the store, in the spool, or in both: said once, nothing lost, and it goes on when there is space again.

By a script, by a limit on the size of files (EFBIG, which is what a full disk is to Planaria), and on a real file
system of 256 KiB where root may mount one.
"""

import resource
import secrets
import signal
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from planaria.core.errors import StoreFull
from planaria.storage.contract import Store
from planaria.storage.local import LocalStore
from planaria.storage.memory import MemoryStore
from planaria.storage.scripted import Call, Fault, Kind, Scripted
from tests.support.clocks import ManualClock
from tests.support.faults import START, STREAM, Place, begun, content, eventually, in_child
from tests.support.small_bases import FILES, OLD, committed, write

SIZE = 20_000
"""Bytes of a segment; random, so that it stays as large."""


class Full:
    """A script: while `on`, puts of segments find no space."""

    def __init__(self) -> None:
        self.on = True

    def __call__(self, call: Call) -> Fault | None:
        full = self.on and call.method == "put" and "/journal/" in call.name
        return Fault(Kind.FAIL_BEFORE, error=StoreFull("no space is left in the store")) if full else None


def new_place(folder: Path, store: Store | None = None) -> Place:
    clock = ManualClock()
    return Place(store or MemoryStore(clock), folder, clock, random=secrets.token_bytes, segment=SIZE)


def follow_until_there_is_space(place: Place, store: Store, free: "threading.Event") -> None:
    """Ten segments through a full store and a full spool; `free` is set when the operator shall make space."""
    data, clock = secrets.token_bytes(10 * SIZE), place.clock
    with place.archive(store) as archive:
        begun(archive)
        journal = archive.journal(STREAM)
        sending = threading.Thread(target=lambda: journal.append(data, clock.now()))
        sending.start()
        eventually(lambda: any("no room" in told for told in place.told))
        with pytest.raises(StoreFull):
            journal.flush()
        assert sending.is_alive(), "the source is held up"
        held = journal.durable
        free.set()
        clock.sleep(3600)
        sending.join(30)
        assert not sending.is_alive()
        journal.flush()
        eventually(lambda: journal.durable.offset == START.offset + len(data))
    assert held == START
    assert place.read() == data
    assert len([told for told in place.told if "is away" in told]) == 1
    assert len([told for told in place.told if "no room" in told]) == 1


def test_a_full_store_is_bridged_by_the_spool(tmp_path: Path) -> None:
    place, full = new_place(tmp_path), Full()
    place.idle = 0.05
    with place.archive(Scripted(place.store, full, place.clock)) as archive:
        begun(archive)
        journal = archive.journal(STREAM)
        for number in range(5):
            place.clock.sleep(1)
            journal.append(
                content("abc", START.offset + number * 10, START.offset + number * 10 + 10), place.clock.now()
            )
            journal.flush()
        assert journal.durable == START
        full.on = False
        place.clock.sleep(60)
        eventually(lambda: journal.durable.offset == START.offset + 50)
    assert place.read() == content("abc", START.offset, START.offset + 50)
    assert [told for told in place.told if "no space is left" in told] == place.told[:1]


def test_a_full_store_and_a_spool_at_its_budget_hold_up_the_source_until_there_is_space(tmp_path: Path) -> None:
    place, full = new_place(tmp_path), Full()
    place.spool_budget = 3 * SIZE
    free = threading.Event()
    freeing = threading.Thread(target=lambda: setattr(full, "on", not free.wait(60)))
    freeing.start()
    follow_until_there_is_space(place, Scripted(place.store, full, place.clock), free)
    freeing.join()


def test_a_full_disk_below_the_spool_holds_up_the_source_until_there_is_space(tmp_path: Path) -> None:
    assert in_child(partial(_with_small_files, tmp_path)) == 0


def _with_small_files(folder: Path) -> None:
    """In the child: no file may be larger than a small segment, so the system refuses the spool's."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE // 2, hard))
    place, full = new_place(folder), Full()
    free = threading.Event()

    def make_space() -> None:
        free.wait(60)
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        full.on = False

    freeing = threading.Thread(target=make_space)
    freeing.start()
    follow_until_there_is_space(place, Scripted(place.store, full, place.clock), free)
    freeing.join()
    assert not [path for path in (folder / "spool").rglob("*") if path.is_file()], "nothing half-written is left"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB, in a namespace of mounts that ends with the test's own process."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("mounting a small file system needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _filled(disk: Path) -> Path:
    """A file that takes all that is left."""
    path = disk / ".filler"
    with path.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(1024))
            except OSError:
                return path


def test_a_repository_on_a_full_disk_is_bridged_by_the_spool_and_goes_on(disk: Path, tmp_path: Path) -> None:
    place = new_place(tmp_path, LocalStore(disk))
    place.idle = 0.05
    data = secrets.token_bytes(40_000)
    with place.archive() as archive:
        begun(archive)
        journal = archive.journal(STREAM)
        filler = _filled(disk)
        for at in range(0, len(data), 10_000):
            place.clock.sleep(1)
            journal.append(data[at : at + 10_000], place.clock.now())
            journal.flush()
        assert journal.durable == START
        filler.unlink()
        place.clock.sleep(60)
        eventually(lambda: journal.durable.offset == START.offset + len(data))
    assert place.read() == data
    assert not [path for path in disk.rglob(".*") if path.is_file()], "nothing half-written is left"


def test_a_base_on_a_full_disk_fails_with_one_sentence_and_the_next_works(disk: Path, tmp_path: Path) -> None:
    place = new_place(tmp_path, LocalStore(disk))
    write(place, place.store, OLD)
    filler = _filled(disk)
    with pytest.raises(StoreFull, match="no space is left"):
        write(place, place.store, FILES)
    assert committed(place) == [OLD]
    filler.unlink()
    write(place, place.store, FILES)
    assert committed(place) == [OLD, FILES]
