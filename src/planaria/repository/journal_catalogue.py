"""What journals a component has: its segments and bundles, known from their headers alone.

Headers never change, so they are kept on this host (SQLite), as they were, and believed anew each time.
"""

import sqlite3
import struct
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from planaria.core.base import Json
from planaria.core.errors import DamagedData, ObjectMissing
from planaria.core.instant import Instant
from planaria.core.journal import JournalTail
from planaria.core.position import Position
from planaria.core.windows import Span, merged
from planaria.repository import bundles, segments
from planaria.repository.repository import Repository
from planaria.repository.sealed import PREFIX_SIZE, Kind
from planaria.storage.contract import ObjectInfo

GUESS = 4096
"""Bytes that nearly every header fits in."""
AT_ONCE = 8
_HEADER_LENGTH = struct.Struct("<12xI")
LEVELS = ("minute", "hour", "day")


@dataclass(frozen=True, slots=True)
class JournalObject:
    """A segment (`level` empty) or a bundle."""

    name: str
    level: str
    stream: str
    lineage: str
    begin: int
    end: int
    spans: tuple[Span, ...]
    source: Mapping[str, Json]
    size: int
    modified_at: Instant

    @property
    def kind(self) -> Kind:
        return Kind.BUNDLE if self.level else Kind.SEGMENT

    @property
    def first_at(self) -> Instant:
        return min(span.first_at for span in self.spans)

    @property
    def last_at(self) -> Instant:
        return max(span.last_at for span in self.spans)


def _rank(level: str) -> int:
    return LEVELS.index(level) if level else -1


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything of one component, in journal order; and what could not be read.

    `superseded`: objects whose place a bundle of a higher level has taken, not swept yet.
    """

    objects: tuple[JournalObject, ...]
    superseded: tuple[JournalObject, ...]
    damage: tuple[DamagedData, ...]

    def streams(self) -> dict[str, list[Span]]:
        """Per stream, its spans, merged."""
        found: dict[str, list[Span]] = {}
        for one in self.objects:
            found.setdefault(one.stream, []).extend(one.spans)
        return {stream: merged(spans) for stream, spans in sorted(found.items())}

    def of(self, stream: str) -> list[JournalObject]:
        return [one for one in self.objects if one.stream == stream]


def tail(objects: Iterable[JournalObject], stream: str) -> JournalTail | None:
    """Where the stream's newest lineage ends."""
    own = [one for one in objects if one.stream == stream]
    if not own:
        return None
    lineage = max(own, key=lambda one: one.last_at).lineage
    last = max((one for one in own if one.lineage == lineage), key=lambda one: (one.end, one.last_at))
    return JournalTail(Position(lineage, last.end), last.last_at, last.source)


def load(repository: Repository, component: str, cache: Path | None) -> Catalogue:
    """Lists the component's journal and reads the headers not known yet."""
    infos = [*repository.store.list(f"{component}/journal/"), *repository.store.list(f"{component}/bundles/")]
    with _headers(cache, repository, component) as known:
        have = known.get([info.name for info in infos])
        missing = [info.name for info in infos if info.name not in have]
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="headers") as pool:
            fetched = {
                name: data
                for name, data in zip(missing, pool.map(lambda name: _fetch(repository, name), missing), strict=True)
                if data is not None
            }
        objects, damage, sound = [], [], []
        for info in infos:
            data = have.get(info.name) or fetched.get(info.name)
            if data is None:
                continue  # swept since it was listed: a bundle holds it
            try:
                objects.append(object_of(repository, component, info, data))
            except DamagedData as error:
                damage.append(error)
            else:
                sound.append(info.name)
        known.put({name: fetched[name] for name in sound if name in fetched})
    objects.sort(key=lambda one: (one.lineage, one.begin, -one.end, one.first_at))
    standing, superseded = _parted(objects)
    return Catalogue(tuple(standing), tuple(superseded), tuple(damage))


def _parted(objects: list[JournalObject]) -> tuple[list[JournalObject], list[JournalObject]]:
    """(what counts, what a bundle of a higher level stands in for: the same bytes and times in one unbroken span)."""
    tops = [(_rank(one.level), span) for one in objects if one.level for span in one.spans]
    standing: list[JournalObject] = []
    superseded: list[JournalObject] = []
    for one in objects:
        rank = _rank(one.level)
        above = [span for top, span in tops if top > rank]
        inside = all(any(_covers(span, own) for span in above) for own in one.spans)
        (superseded if inside else standing).append(one)
    return standing, superseded


def _covers(span: Span, own: Span) -> bool:
    return (
        span.begin <= own.begin
        and own.end <= span.end
        and span.first_at <= own.first_at
        and own.last_at <= span.last_at
        and span.lineage == own.lineage
        and span.exact == own.exact
    )


def _fetch(repository: Repository, name: str) -> bytes | None:
    """The header of an object: its first bytes."""
    try:
        data = repository.store.get(name, 0, GUESS)
        if len(data) >= PREFIX_SIZE:
            whole = PREFIX_SIZE + _HEADER_LENGTH.unpack_from(data)[0] + 64
            if len(data) < whole < 2 << 20:
                data = repository.store.get(name, 0, whole)
            return data[:whole]
        return data
    except ObjectMissing:
        return None


def object_of(repository: Repository, component: str, info: ObjectInfo, header: bytes) -> JournalObject:
    """Raises DamagedData."""
    name = info.name
    if name.startswith(f"{component}/bundles/"):
        facts = bundles.facts_of(bundles.believed(repository, component, name, header))
        return JournalObject(
            name=name,
            level=name.split("/")[2],
            stream=facts.stream,
            lineage=facts.lineage,
            begin=facts.begin,
            end=facts.end,
            spans=facts.spans,
            source=facts.source,
            size=info.size,
            modified_at=info.modified_at,
        )
    one = segments.facts_of(segments.believed(repository, component, name, header))
    return JournalObject(
        name=name,
        level="",
        stream=one.stream,
        lineage=one.span.lineage,
        begin=one.span.begin,
        end=one.span.end,
        spans=(one.span,),
        source=one.source,
        size=info.size,
        modified_at=info.modified_at,
    )


class _Headers:
    """Object name → header bytes, on this host."""

    def __init__(self, connection: sqlite3.Connection | None) -> None:
        self._connection = connection

    def get(self, names: list[str]) -> dict[str, bytes]:
        if self._connection is None:
            return {}
        rows = self._connection.execute("SELECT name, header FROM headers")
        known = dict(rows)
        wanted = set(names)
        gone = [(name,) for name in known if name not in wanted]
        self._connection.executemany("DELETE FROM headers WHERE name = ?", gone)
        return {name: known[name] for name in wanted if name in known}

    def put(self, headers: Mapping[str, bytes]) -> None:
        if self._connection is not None:
            self._connection.executemany("INSERT OR REPLACE INTO headers VALUES (?, ?)", headers.items())
            self._connection.commit()


@contextmanager
def _headers(cache: Path | None, repository: Repository, component: str) -> Iterator[_Headers]:
    if cache is None:
        yield _Headers(None)
        return
    folder = cache / repository.id / component
    folder.mkdir(parents=True, exist_ok=True)
    with closing(_opened(folder / "journal.sqlite")) as connection:
        yield _Headers(connection)


def _opened(path: Path) -> sqlite3.Connection:
    """A damaged cache is thrown away: it can be made again."""
    for attempt in (1, 2):
        connection = sqlite3.connect(path, timeout=30)
        try:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("CREATE TABLE IF NOT EXISTS headers (name TEXT PRIMARY KEY, header BLOB) WITHOUT ROWID")
        except sqlite3.DatabaseError as error:
            connection.close()
            if attempt == 2 or isinstance(error, sqlite3.OperationalError):
                raise
            path.unlink(missing_ok=True)
        else:
            return connection
    raise AssertionError("unreachable")
