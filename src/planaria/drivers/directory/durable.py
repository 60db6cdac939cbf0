"""Two calls of Linux that Python does not have: begin to write out a part of a file; wait for a whole file system."""

import ctypes
import os

from planaria.core.errors import Failed

_libc = ctypes.CDLL(None, use_errno=True)
_WRITE = 2
"""SYNC_FILE_RANGE_WRITE."""


def write_out(descriptor: int, offset: int, size: int) -> None:
    """Let the disk work while the next piece is decoded. A hint: `sync_file_system` is what makes data durable."""
    _libc.sync_file_range(descriptor, ctypes.c_int64(offset), ctypes.c_int64(size), _WRITE)


def sync_file_system(descriptor: int, name: str) -> None:
    """Durable, whatever the number of files, in one call. Linux 5.8 and later tell here of writes that failed."""
    if _libc.syncfs(descriptor) != 0:
        raise Failed(f"{name} could not be made durable: {os.strerror(ctypes.get_errno())}")
