"""Recovery into a directory: files on which a server starts and holds what the source held then.

A base alone becomes `dump.rdb`. With a journal behind it, the base becomes the first file of an append-only directory
and the replication stream, byte for byte, the second: a server (Redis 7 on, Valkey) loads both as it loads its own
after a restart. Redis 6.2 knows only one append-only file, which may begin with an RDB: there both go into that. The
stream's PING, PUBLISH and REPLCONF GETACK do no harm there (tried on Redis 7.0 and Valkey 9.1).
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from planaria.core.base import Entry
from planaria.core.errors import DamagedData, Interrupted
from planaria.core.instant import Instant
from planaria.core.position import Position
from planaria.drivers.contract import Recovery, Restored, Surroundings
from planaria.drivers.redis.base import prefix
from planaria.drivers.redis.cut import Stretch, last_safe
from planaria.drivers.redis.resp import ProtocolError, encode_command
from planaria.drivers.redis.restore_plan import DATA_NAMES, STAGING, Layout, layout_of, start_file, users_file
from planaria.drivers.redis.walker import Place

MODE = 0o640
READ = 1 << 20


@dataclass(slots=True)
class _Writer:
    """Restores one stream into one directory that is not in use yet."""

    recovery: Recovery
    stream: str
    layout: Layout
    directory: Path
    surroundings: Surroundings
    written: int = 0

    def write(self) -> tuple[Position, Instant]:
        """(where the stream was cut, the instant whose state that is)."""
        facts = self.recovery.base.facts
        start = facts.positions[self.stream]
        self.directory.mkdir(parents=True, exist_ok=True)
        for path, content in self._beside():
            self._small(self.directory / path, content)
        base = self.directory / self.layout.base
        base.parent.mkdir(exist_ok=True)
        self._base(base)
        if not self.layout.journal:
            return start, facts.at
        journal = self.directory / self.layout.journal
        with journal.open("ab") as file:
            position, at = self._journal(file.fileno(), journal, start)
        if self.layout.manifest:
            self._small(journal.parent / "appendonly.aof.manifest", self.layout.manifest.encode())
        _sync(journal.parent)
        return position, at

    def _beside(self) -> Iterator[tuple[str, bytes]]:
        """What no RDB holds, as it was captured, and what the server is to be started with."""
        own = prefix(self.stream)
        captured: dict[str, bytes] = {}
        for entry in self.recovery.base.entries():
            if entry.path.startswith(f"{own}config/"):
                name = entry.path.removeprefix(f"{own}config/")
                captured[name] = b"".join(self.recovery.base.read(entry.path))
                yield f"planaria/{name}", captured[name]
        users = users_file(captured.get("acl.json"))
        if users:
            yield "planaria/users.acl", users
        yield "start.conf", start_file(self.layout, self.recovery.base.facts, captured, users=bool(users))

    def _small(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        _sync(path.parent)

    def _base(self, path: Path) -> None:
        """By worker threads, each piece at its place."""
        wanted = f"{prefix(self.stream)}dump.rdb"
        entry = next((one for one in self.recovery.base.entries() if one.path == wanted), None)
        if entry is None:
            raise DamagedData(f"{wanted} is not in this base", object_name=wanted)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
        try:

            def write(_: Entry, offset: int, piece: memoryview) -> None:
                if self.surroundings.stopping():
                    raise Interrupted("stopped while files were written; run it again")
                while piece:
                    count = os.pwrite(descriptor, piece, offset)
                    offset, piece = offset + count, piece[count:]
                    self._progress(count, entry.size)

            self.recovery.base.scatter([entry], write)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _progress(self, count: int, total: int | None) -> None:
        self.written += count
        self.surroundings.progress(f"files of {self.stream}", self.written, total)

    def _journal(self, descriptor: int, path: Path, start: Position) -> tuple[Position, Instant]:
        """Copies the stream without reading it, then finds where it may end and cuts it there."""
        facts = self.recovery.base.facts
        db = int(facts.source["streams"][self.stream]["stream_db"])
        until = self.recovery.until
        limit = until if isinstance(until, int) or until is None else until[self.stream]
        stretch = Stretch(self.recovery.journals[self.stream], start, limit, Place(start.offset, db), facts.at)
        _write(descriptor, encode_command(b"SELECT", b"%d" % db))
        head = os.fstat(descriptor).st_size
        for data, _ in stretch:
            if self.surroundings.stopping():
                raise Interrupted("stopped while files were written; run it again")
            _write(descriptor, data)
            self._progress(len(data), None)
        with path.open("rb") as written:
            written.seek(head + stretch.place.offset - start.offset)
            place = self._safe(stretch.place, iter(lambda: written.read(READ), b""))
        os.ftruncate(descriptor, head + place.offset - start.offset)
        os.fsync(descriptor)
        return Position(start.lineage, place.offset), stretch.at

    def _safe(self, place: Place, pieces: Iterator[bytes]) -> Place:
        try:
            return last_safe(place, pieces)
        except ProtocolError as error:
            raise DamagedData(
                f"the journal of {self.stream} is no stream of commands: {error}", object_name=self.stream
            ) from error


def restore_files(recovery: Recovery, directory: Path, surroundings: Surroundings, *, replace: bool) -> Restored:
    """Everything is written beside, made durable, and only then put in place. Raises what reading raises."""
    staging = directory / STAGING
    if staging.exists():
        shutil.rmtree(staging)
    staging.mkdir(parents=True)
    layouts = {stream: layout_of(recovery, stream, directory) for stream in recovery.base.facts.positions}
    positions: dict[str, Position] = {}
    reached: list[Instant] = []
    size = 0
    for stream, layout in layouts.items():
        writer = _Writer(recovery, stream, layout, staging / layout.folder, surroundings)
        positions[stream], at = writer.write()
        reached.append(at)
        size += writer.written
    for layout in layouts.values():
        _put_in_place(staging / layout.folder, directory / layout.folder, replace=replace)
    shutil.rmtree(staging)
    _sync(directory)
    return Restored(positions, min(reached), size, None, ())


def _put_in_place(made: Path, target: Path, *, replace: bool) -> None:
    """Old data goes only now that the new is whole. Files belong to whoever owns the directory."""
    target.mkdir(exist_ok=True)
    if replace:
        for name in DATA_NAMES:
            _remove(target / name)
    owner = target.stat()
    _each(made, lambda path: os.chown(path, owner.st_uid, owner.st_gid) if os.geteuid() == 0 else None)
    for path in sorted(made.iterdir()):
        path.rename(target / path.name)
    _sync(target)


def _each(path: Path, act: Callable[[Path], None]) -> None:
    act(path)
    if path.is_dir():
        for one in path.iterdir():
            _each(one, act)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
