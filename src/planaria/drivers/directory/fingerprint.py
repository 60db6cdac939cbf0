"""A logical digest of a tree: names, kinds, permission bits, content, link targets. Not owners, times or inodes."""

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import blake3

from planaria.drivers.directory.attributes import kind_of
from planaria.drivers.directory.names import in_base
from planaria.drivers.directory.patterns import Matches
from planaria.drivers.directory.source import Source
from planaria.drivers.directory.tree import Found, unreadable, walk


def fingerprint(root: Path, excluded: Matches, *, one_file_system: bool, passed: Callable[[int], None]) -> str:
    """Equal for equal trees, wherever they are. `passed` is told of bytes read, and may raise to stop."""
    digest = blake3.blake3(b"planaria/1/tree\n")
    first: dict[tuple[int, int], str] = {}
    for found in walk(root, excluded, one_file_system=one_file_system, vanished=_ignored):
        kind = kind_of(found.status)
        if kind is None:
            continue
        for field in (found.path, kind, *_words(found, first, passed)):
            data = field.encode()
            digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def _ignored(path: str) -> None:
    """What vanishes while a tree is looked at is not in it."""


def _words(found: Found, first: dict[tuple[int, int], str], passed: Callable[[int], None]) -> Iterator[str]:
    status = found.status
    if stat.S_ISLNK(status.st_mode):
        yield in_base(str(Path(found.where).readlink()))  # a link has no mode of its own
        return
    yield f"{stat.S_IMODE(status.st_mode):o}"
    if stat.S_ISREG(status.st_mode):
        name = first.setdefault((status.st_dev, status.st_ino), found.path) if status.st_nlink > 1 else found.path
        yield f"also {name}" if name != found.path else _content(found, passed)
    elif not stat.S_ISDIR(status.st_mode):
        yield f"{status.st_rdev}"


def _content(found: Found, passed: Callable[[int], None]) -> str:
    try:
        source = Source(found.where, passed)
    except OSError as error:
        raise unreadable(found.where, error) from None
    digest = blake3.blake3()
    try:
        for piece in source.pieces():
            digest.update(piece)
    except OSError as error:
        raise unreadable(found.where, error) from None
    finally:
        source.close()
    return f"content {digest.hexdigest()}"
