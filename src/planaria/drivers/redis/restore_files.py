"""Recovery into a directory: files on which a server starts and holds what the source held then.

A base alone becomes `dump.rdb`. With a journal behind it, the base becomes the first file of an append-only directory
and the replication stream, byte for byte, the second: a server (Redis 7 on, Valkey) loads both as it loads its own
after a restart. Redis 6.2 knows only one append-only file, which may begin with an RDB: there both go into that. The
stream's PING, PUBLISH and REPLCONF GETACK do no harm there (tried on Redis 7.0 and Valkey 9.1).
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from planaria.core.base import Entry
from planaria.core.errors import DamagedData, Interrupted
from planaria.core.instant import Instant
from planaria.core.position import Position
from planaria.drivers.contract import Recovery, Restored, Surroundings
from planaria.drivers.redis import aof
from planaria.drivers.redis.base import prefix
from planaria.drivers.redis.cut import last_safe
from planaria.drivers.redis.patterns import selection
from planaria.drivers.redis.rdb import RdbError
from planaria.drivers.redis.rdb_filter import filtered
from planaria.drivers.redis.replay import Replay, rewrite_of, stretch_of
from planaria.drivers.redis.resp import ProtocolError, encode_command
from planaria.drivers.redis.restore_plan import (
    DATA_NAMES,
    STAGING,
    Layout,
    layout_of,
    nodes_file,
    start_file,
    users_file,
)
from planaria.drivers.redis.walker import Place

MODE = 0o640
READ = 1 << 20
T = TypeVar("T")


@dataclass(slots=True)
class _Writer:
    """Restores one stream into one directory that is not in use yet: base and journal at once, where they are two."""

    recovery: Recovery
    stream: str
    layout: Layout
    directory: Path
    surroundings: Surroundings
    written: int = 0
    _counting: threading.Lock = field(default_factory=threading.Lock)
    _failed: bool = False
    """Base or journal cannot be written: the other need not go on."""

    def write(self) -> tuple[Position, Instant]:
        """(where the stream was cut, the instant whose state that is)."""
        facts = self.recovery.base.facts
        start = facts.positions[self.stream]
        self.directory.mkdir(parents=True, exist_ok=True)
        for path, content in self._beside():
            self._small(self.directory / path, content)
        base = self.directory / self.layout.base
        base.parent.mkdir(exist_ok=True)
        write_base = self._filtered_base if self.recovery.only else self._base
        if self.layout.journal is None:
            write_base(base)
            return start, facts.at
        journal = self.directory / self.layout.journal
        if journal == base:
            write_base(base)
            return self._journal(journal, start)
        with ThreadPoolExecutor(1, thread_name_prefix="base") as beside:
            writing = beside.submit(self._or_fail, lambda: write_base(base))
            try:
                reached = self._or_fail(lambda: self._journal(journal, start))
            except Interrupted:
                writing.result()  # where the base failed, that is why
                raise
            writing.result()
        return reached

    def _or_fail(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except BaseException:
            self._failed = True
            raise

    def _go_on(self) -> None:
        if self._failed or self.surroundings.stopping():
            raise Interrupted("stopped while files were written; run it again")

    def _journal(self, journal: Path, start: Position) -> tuple[Position, Instant]:
        copy = self._copied if rewrite_of(self.recovery, self.stream) is None else self._rewritten
        with journal.open("ab") as file:
            position, at = copy(file.fileno(), journal, start)
            os.fsync(file.fileno())
        if self.layout.manifest:
            self._small(journal.parent / aof.manifest_name(), self.layout.manifest.text().encode())
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
        if self.recovery.base.facts.source["cluster"]:
            yield "nodes.conf", nodes_file(self.recovery.base.facts, self.stream)
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
                self._go_on()
                while piece:
                    count = os.pwrite(descriptor, piece, offset)
                    offset, piece = offset + count, piece[count:]
                    self._progress(count, entry.size)

            self.recovery.base.scatter([entry], write)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _filtered_base(self, path: Path) -> None:
        wanted = f"{prefix(self.stream)}dump.rdb"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
        try:
            for piece in filtered(self.recovery.base.read(wanted), selection(self.recovery.only).keeps):
                self._append(descriptor, piece)
            os.fsync(descriptor)
        except RdbError as error:
            raise DamagedData(f"{wanted} cannot be read: {error}", object_name=wanted) from error
        finally:
            os.close(descriptor)

    def _progress(self, count: int, total: int | None) -> None:
        with self._counting:
            self.written += count
        self.surroundings.progress(f"files of {self.stream}", self.written, total)

    def _rewritten(self, descriptor: int, path: Path, start: Position) -> tuple[Position, Instant]:
        """Reads every command, and writes what is to be executed."""
        replay = Replay(self.recovery, self.stream, start, self.recovery.base.facts.at)
        for data in replay:
            self._append(descriptor, data)
        return replay.position, replay.at

    def _append(self, descriptor: int, data: bytes) -> None:
        self._go_on()
        write_all(descriptor, data)
        self._progress(len(data), None)

    def _copied(self, descriptor: int, path: Path, start: Position) -> tuple[Position, Instant]:
        """Copies the stream without reading it, then finds where it may end and cuts it there."""
        stretch = stretch_of(self.recovery, self.stream)
        write_all(descriptor, encode_command(b"SELECT", b"%d" % (stretch.place.db or 0)))
        head = os.fstat(descriptor).st_size
        for part in stretch:
            self._append(descriptor, part.data)
        with path.open("rb") as written:
            written.seek(head + stretch.place.offset - start.offset)
            place = self._safe(stretch.place, iter(lambda: written.read(READ), b""))
        os.ftruncate(descriptor, head + place.offset - start.offset)
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


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
