"""One file being read: by many threads at once, holes not at all; and whether it stood still meanwhile."""

import errno
import os
from collections.abc import Callable, Iterator
from typing import Final

from planaria.drivers.directory.attributes import is_sparse

PIECE: Final = 1 << 20
_ZEROS: Final = bytes(PIECE)


class Source:
    """Meets `contract.Reads`. `passed` is told of bytes as they are read, and may raise to stop."""

    def __init__(self, where: str, passed: Callable[[int], None]) -> None:
        """Raises OSError."""
        self._descriptor = _open(where)
        self._passed = passed
        self.refresh()

    def refresh(self) -> None:
        """Look at it again: from here on it should stand still."""
        self.status = os.fstat(self._descriptor)
        self._sparse = is_sparse(self.status)

    @property
    def descriptor(self) -> int:
        return self._descriptor

    def __call__(self, buffer: memoryview, offset: int, /) -> int:
        self._passed(len(buffer))
        if self._sparse and self._is_hole(offset, len(buffer)):
            for at in range(0, len(buffer), PIECE):
                rest = min(PIECE, len(buffer) - at)
                buffer[at : at + rest] = _ZEROS[:rest]
            return len(buffer)
        count = os.preadv(self._descriptor, [buffer], offset)
        while count < len(buffer) and (more := os.preadv(self._descriptor, [buffer[count:]], offset + count)):
            count += more
        return count

    def _is_hole(self, offset: int, size: int) -> bool:
        """Reading a hole would fill the page cache with zeros, at a fifth of the speed."""
        try:
            return os.lseek(self._descriptor, offset, os.SEEK_DATA) >= offset + size
        except OSError as error:
            if error.errno == errno.ENXIO:  # a hole up to the end, as long as the end did not move
                return os.fstat(self._descriptor).st_size >= offset + size
            raise

    def pieces(self) -> Iterator[memoryview]:
        """In order, as far as it went when it was opened."""
        offset = 0
        while offset < self.status.st_size:
            piece = memoryview(bytearray(min(PIECE, self.status.st_size - offset)))
            count = self(piece, offset)
            if not count:
                return
            yield piece[:count]
            offset += count

    def stood_still(self) -> bool:
        """Nobody has written to it since it was opened (or `refresh`ed)."""
        now, then = os.fstat(self._descriptor), self.status
        return (now.st_size, now.st_mtime_ns, now.st_ctime_ns) == (then.st_size, then.st_mtime_ns, then.st_ctime_ns)

    def close(self) -> None:
        os.close(self._descriptor)


def _open(where: str) -> int:
    """Without touching its access time where that is ours to ask, and never through a link or into a waiting pipe."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(where, flags | os.O_NOATIME)
    except PermissionError:
        return os.open(where, flags)
