"""Writing around the page cache, where the file system lets us (O_DIRECT).

A restore writes much and reads nothing of it again. Through the cache it would push out what the host's other services
live on, and pay for every page twice; measured, the kernel's share of a restore falls to a third.
"""

import errno
import mmap
import os
import threading

BLOCK = 4096
"""Offsets, lengths and addresses are multiples of it: of any disk's block size there is."""
BUFFER = 1 << 20


class _Aligned(threading.local):
    """A buffer for each thread: what was decoded lies anywhere in memory."""

    def __init__(self) -> None:
        self.buffer = memoryview(mmap.mmap(-1, BUFFER))


_aligned = _Aligned()


def open_direct(where: str) -> int | None:
    """A second descriptor of a file that is there; None where the file system has no such thing."""
    try:
        return os.open(where, os.O_WRONLY | os.O_DIRECT | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.EOPNOTSUPP):
            return None
        raise


def fits(offset: int, piece: memoryview) -> bool:
    return len(piece) >= BUFFER // 4 and offset % BLOCK == 0 and len(piece) % BLOCK == 0


def write_direct(descriptor: int, offset: int, piece: memoryview) -> bool:
    """False, and nothing is certain, where the file system refuses after all. Raises OSError for anything else."""
    buffer = _aligned.buffer
    done = 0
    try:
        while done < len(piece):
            part = piece[done : done + BUFFER]
            buffer[: len(part)] = part
            done += os.pwrite(descriptor, buffer[: len(part)], offset + done)
    except OSError as error:
        if error.errno == errno.EINVAL:
            return False
        raise
    return True
