"""Files written in pieces, in any order, by many threads."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from planaria.core.errors import Failed
from planaria.drivers.directory.writing import Files

BLOCK = 64 << 10
MIB = 1 << 20


def _write(files: Files, path: Path, content: bytes, *, sparse: bool = False, step: int = BLOCK) -> int:
    places = range(0, len(content), step)
    view = memoryview(content)
    done = (
        files.write(str(path), len(content), at, view[at : at + step], sparse=sparse) for at in reversed(list(places))
    )
    return sum(done)


def test_pieces_come_together_in_any_order(tmp_path: Path) -> None:
    files = Files(compare=False)
    content = os.urandom(5 * BLOCK + 17)
    assert _write(files, tmp_path / "a", content) == len(content)
    files.close()
    assert (tmp_path / "a").read_bytes() == content


def test_zeros_become_holes_where_there_were_holes(tmp_path: Path) -> None:
    files = Files(compare=False)
    content = bytes(32 * BLOCK) + b"x" * BLOCK + bytes(32 * BLOCK + 5)
    assert _write(files, tmp_path / "a", content, sparse=True, step=1 << 20) == BLOCK
    files.close()
    assert (tmp_path / "a").read_bytes() == content
    assert (tmp_path / "a").stat().st_blocks * 512 <= 2 * BLOCK


def test_only_what_differs_is_written_over_a_file_that_is_there(tmp_path: Path) -> None:
    old = os.urandom(8 * BLOCK)
    new = bytearray(old)
    new[3 * BLOCK] ^= 1
    (tmp_path / "a").write_bytes(old + b"and more")
    files = Files(compare=True)
    assert _write(files, tmp_path / "a", bytes(new)) == BLOCK
    files.close()
    assert (tmp_path / "a").read_bytes() == new


def test_zeros_are_written_over_data_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * BLOCK)
    files = Files(compare=True)
    assert _write(files, tmp_path / "a", bytes(BLOCK), sparse=True) == BLOCK
    files.close()
    assert (tmp_path / "a").read_bytes() == bytes(BLOCK)


def test_many_files_need_few_descriptors(tmp_path: Path) -> None:
    files = Files(compare=False, limit=8)
    before = len(list(Path("/proc/self/fd").iterdir()))
    most = 0
    for number in range(50):
        _write(files, tmp_path / f"{number}", b"x" * 10, step=5)
        most = max(most, len(list(Path("/proc/self/fd").iterdir())) - before)
    files.close()
    assert most == 8
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_threads_share_a_file_while_others_are_closed(tmp_path: Path) -> None:
    files = Files(compare=False, limit=1)
    contents = {tmp_path / f"{number}": os.urandom(16 * BLOCK) for number in range(6)}
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(lambda path: _write(files, path, contents[path]), contents):
            pass
    files.close()
    assert {path: path.read_bytes() for path in contents} == contents


@pytest.mark.parametrize("refused", ["never", "when opened", "when written"])
def test_large_pieces_come_together_with_and_without_the_page_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    really_open, really_write = os.open, os.pwrite
    around: set[int] = set()
    written_around = 0

    def opened(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_DIRECT and refused == "when opened":
            raise OSError(errno.EINVAL, "Invalid argument")
        descriptor = really_open(path, flags & ~os.O_DIRECT, mode)  # whatever the file system of this test has
        if flags & os.O_DIRECT:
            around.add(descriptor)
        return descriptor

    def written(descriptor: int, data: memoryview, offset: int) -> int:
        nonlocal written_around
        if descriptor in around:
            assert offset % 4096 == len(data) % 4096 == 0
            if refused == "when written":
                raise OSError(errno.EINVAL, "Invalid argument")
            written_around += len(data)
        return really_write(descriptor, data, offset)

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "pwrite", written)
    files = Files(compare=False)
    content = os.urandom(5 * MIB + 12345)
    assert _write(files, tmp_path / "a", content, step=MIB) == len(content)
    files.close()
    assert (tmp_path / "a").read_bytes() == content
    assert written_around == (5 * MIB if refused == "never" else 0)


def test_a_large_file_is_written_around_the_page_cache_where_that_can_be(tmp_path: Path) -> None:
    files = Files(compare=False)
    content = os.urandom(3 * MIB + 5)
    _write(files, tmp_path / "a", content, step=MIB)
    files.close()
    assert (tmp_path / "a").read_bytes() == content


def test_a_link_in_the_way_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("mine")
    (tmp_path / "a").symlink_to(tmp_path / "outside")
    with pytest.raises(Failed, match="a cannot be written"):
        Files(compare=True).write(str(tmp_path / "a"), 1, 0, memoryview(b"x"), sparse=False)
    assert (tmp_path / "outside").read_text() == "mine"
