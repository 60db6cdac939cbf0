"""A directory as an object store. An object is a file that appears whole and durable, or not at all.

put: temporary file (O_EXCL), write, fsync, link to the final name, unlink the temporary, fsync the directory.
`link` refuses an existing name, so nothing is ever overwritten, whoever else writes.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from planaria.core.errors import ObjectExists, ObjectMissing, StoreFull, StoreRefused, StoreUnavailable
from planaria.core.instant import Instant
from planaria.storage.contract import Bytes, ObjectInfo
from planaria.storage.names import is_name, validate

TEMPORARY = "."
"""Names of objects never begin with a dot, so these are never listed, whatever a crash leaves."""


class LocalStore:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._durable: set[Path] = set()
        """Folders below the root that this process has made durable."""

    @property
    def url(self) -> str:
        return self._root.absolute().as_uri()

    def put(self, name: str, data: Bytes) -> None:
        path = self._root / validate(name)
        with _translated(name, self.url):
            self._make_durable(path.parent)
            temporary = path.parent / f"{TEMPORARY}{secrets.token_hex(8)}"
            try:
                _write(temporary, data)
                os.link(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
                _sync_directory(path.parent)  # also when the name is taken: by a put, perhaps, that was killed here

    def _make_durable(self, folder: Path) -> None:
        """The folder, and that it is in its parent: once in every process that puts into it.

        That it exists is not enough: another may have made it a moment ago, and not have come so far yet.
        """
        ours = self._root in folder.parents
        if (folder in self._durable or not ours) and folder.is_dir():
            return
        self._make_durable(folder.parent)
        try:
            folder.mkdir(exist_ok=True)
        except FileExistsError:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
        _sync_directory(folder.parent)
        self._durable.add(folder)

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        with _translated(name, self.url), (self._root / validate(name)).open("rb", buffering=0) as file:
            size = max(0, os.fstat(file.fileno()).st_size - start)
            want = size if length is None else min(length, size)
            data = os.pread(file.fileno(), want, start)
            while len(data) < want and (more := os.pread(file.fileno(), want - len(data), start + len(data))):
                data += more
            return data

    def head(self, name: str) -> ObjectInfo:
        with _translated(name, self.url):
            status = (self._root / validate(name)).stat()
            if stat.S_ISDIR(status.st_mode):
                raise FileNotFoundError
            return _info(name, status)

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        with _translated(prefix, self.url):
            yield from _walk(self._root, "", prefix, after)

    def delete(self, name: str) -> None:
        with _translated(name, self.url):
            path = self._root / validate(name)
            try:
                path.unlink()
            except FileNotFoundError:
                return
            _sync_directory(path.parent)


def _write(path: Path, data: Bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        view = memoryview(data).cast("B")
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _info(name: str, status: os.stat_result) -> ObjectInfo:
    return ObjectInfo(name, status.st_size, Instant(status.st_mtime_ns // 1000))


def _walk(directory: Path, base: str, prefix: str, after: str) -> Iterator[ObjectInfo]:
    """In the order of whole names, directory by directory; a directory `a` sorts as `a/`.

    What cannot be ours is passed over: temporary files, and what others keep here (`lost+found`).
    """
    try:
        with os.scandir(directory) as scan:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in scan]
    except FileNotFoundError:
        return
    ours = ((name, is_directory) for name, is_directory in found if is_name(name))
    keyed = sorted((base + name + "/" * is_directory, is_directory) for name, is_directory in ours)
    for name, is_directory in keyed:
        if is_directory:
            overlaps = name.startswith(prefix) or prefix.startswith(name)
            if overlaps and (name > after or after.startswith(name)):
                yield from _walk(directory / name[len(base) : -1], name, prefix, after)
        elif name.startswith(prefix) and name > after:
            try:
                status = (directory / name[len(base) :]).stat()
            except FileNotFoundError:
                continue  # deleted since the scan
            if stat.S_ISREG(status.st_mode):
                yield _info(name, status)


@contextmanager
def _translated(name: str, url: str) -> Iterator[None]:
    """What the system says, in the store's errors."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError):
        raise ObjectMissing(f"{name} is not in {url}") from None
    except FileExistsError:
        raise ObjectExists(f"{name} is already in {url}") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StoreFull(f"no space is left in {url}", hint="free space, or move the repository") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
            raise StoreRefused(f"{url} refuses {name}: {error.strerror}", hint="check owner and mode") from error
        raise StoreUnavailable(f"{url} failed at {name}: {error.strerror}") from error
