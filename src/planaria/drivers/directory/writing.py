"""Files being written by many threads, in any order, through a bounded number of descriptors."""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from planaria.core.errors import Failed
from planaria.drivers.directory.direct import fits, open_direct, write_direct
from planaria.drivers.directory.durable import write_out

BLOCK = 64 << 10
"""Zeros of so many bytes, aligned, become a hole again in a file that had holes."""
LARGE = 256 << 10
"""Pieces of so many bytes go to the disk at once; smaller ones wait for company."""
_ZEROS = memoryview(bytes(BLOCK))


@dataclass(slots=True)
class _Open:
    descriptor: int
    created: bool
    direct: int | None = None
    """Another descriptor of it, around the page cache."""
    users: int = 0

    def write(self, offset: int, piece: memoryview) -> int:
        if self.direct is not None and fits(offset, piece) and write_direct(self.direct, offset, piece):
            return len(piece)
        return _write(self.descriptor, offset, piece)

    def close(self) -> None:
        os.close(self.descriptor)
        if self.direct is not None:
            os.close(self.direct)


class Files:
    """`compare`: the files may be there already, and only bytes that differ are written."""

    def __init__(self, *, compare: bool, limit: int = 64) -> None:
        self._compare, self._limit = compare, limit
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._lock = threading.Lock()

    def write(self, where: str, size: int, offset: int, piece: memoryview, *, sparse: bool) -> int:
        """Bytes written. `size` is that of the whole file. Raises Failed naming the file."""
        with writing(where):
            if len(piece) == size and not self._compare and not sparse:
                return _write_whole(where, piece)
            with self._opened(where, size) as file:
                return self._write(file, offset, piece, sparse=sparse)

    def _write(self, file: "_Open", offset: int, piece: memoryview, *, sparse: bool) -> int:
        if self._compare and not file.created:
            there = os.pread(file.descriptor, len(piece), offset)
            return 0 if there == piece else file.write(offset, piece)
        if sparse:
            return _write_data(file.descriptor, offset, piece)
        return file.write(offset, piece)

    @contextmanager
    def _opened(self, where: str, size: int) -> Iterator[_Open]:
        with self._lock:
            file = self._open.get(where)
            if file is None:
                file = self._open[where] = create(where, size, exist=True)
                file.direct = open_direct(where) if size >= LARGE else None
            self._open.move_to_end(where)
            file.users += 1
        try:
            yield file
        finally:
            with self._lock:
                file.users -= 1
                self._close_idle(self._limit)

    def _close_idle(self, limit: int) -> None:
        while len(self._open) > limit:
            where, file = next(((where, file) for where, file in self._open.items() if not file.users), (None, None))
            if where is None or file is None:
                return
            del self._open[where]
            file.close()

    def close(self) -> None:
        with self._lock:
            self._close_idle(0)


def create(where: str, size: int, *, exist: bool) -> _Open:
    """Open for reading and writing, of that size, readable by nobody else yet. Raises OSError."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        file = _Open(os.open(where, flags | os.O_EXCL, 0o600), created=True)
    except FileExistsError:
        if not exist:
            raise
        file = _Open(os.open(where, flags), created=False)
    if os.fstat(file.descriptor).st_size != size:
        os.ftruncate(file.descriptor, size)
    return file


@contextmanager
def writing(where: str) -> Iterator[None]:
    """Raises Failed, naming the file, for what the system says."""
    try:
        yield
    except OSError as error:
        raise Failed(
            f"{where} cannot be written: {error.strerror or error}",
            hint="what was restored before it stays; remedy that, then restore again with --replace",
        ) from None


def _write_whole(where: str, content: memoryview) -> int:
    """A new file that came in one piece: most files do, and need no descriptor kept."""
    descriptor = os.open(where, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        return _write(descriptor, 0, content)
    finally:
        os.close(descriptor)


def _write(descriptor: int, offset: int, piece: memoryview) -> int:
    done = 0
    while done < len(piece):
        done += os.pwrite(descriptor, piece[done:], offset + done)
    if done >= LARGE:
        write_out(descriptor, offset, done)
    return done


def _write_data(descriptor: int, offset: int, piece: memoryview) -> int:
    written = start = 0
    for at in range(0, len(piece), BLOCK):
        if piece[at : at + BLOCK] == _ZEROS[: len(piece) - at]:
            written += _write(descriptor, offset + start, piece[start:at])
            start = at + BLOCK
    return written + _write(descriptor, offset + start, piece[start:])
