"""What journals a component has: its segments and bundles, known from their headers alone.

Headers never change, so they are kept on this host (`header_cache`), as they were, and believed anew each time.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from planaria.core.base import Json
from planaria.core.errors import DamagedData, ObjectMissing, RepositoryRefused
from planaria.core.instant import Instant
from planaria.core.journal import JournalTail
from planaria.core.position import Position
from planaria.core.windows import Span, merged
from planaria.repository import bundles, segments
from planaria.repository.header_cache import HeaderCache
from planaria.repository.repository import Repository
from planaria.repository.sealed import MAXIMUM_HEADER, PREFIX_SIZE, Kind
from planaria.storage.contract import ObjectInfo, Store

GUESS = 4096
"""Bytes that nearly every header fits in."""
AT_ONCE = 8
_HEADER_LENGTH = struct.Struct("<12xI")
LEVELS = ("minute", "hour", "day")


@dataclass(frozen=True, slots=True)
class JournalObject:
    """A segment (`level` empty) or a bundle of `count` segments."""

    name: str
    level: str
    stream: str
    lineage: str
    begin: int
    end: int
    spans: tuple[Span, ...]
    source: Mapping[str, Json]
    count: int
    size: int
    modified_at: Instant

    @property
    def kind(self) -> Kind:
        return Kind.BUNDLE if self.level else Kind.SEGMENT

    @property
    def rank(self) -> int:
        return LEVELS.index(self.level) if self.level else -1

    @property
    def first_at(self) -> Instant:
        return min(span.first_at for span in self.spans)

    @property
    def last_at(self) -> Instant:
        return max(span.last_at for span in self.spans)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything of one component, in journal order; and what could not be read.

    `superseded`: objects whose place a bundle has taken, not swept yet.
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
    kept = HeaderCache(cache / repository.id / component / "journal.sqlite" if cache is not None else None)
    have = kept.get()
    fetched = dict(_fetched(repository, [info.name for info in infos if info.name not in have]))
    objects, damage = list[JournalObject](), list[DamagedData]()
    for info in infos:
        data = have.get(info.name) or fetched.get(info.name)
        if data is None:
            continue  # swept since it was listed: a bundle holds it
        try:
            objects.append(object_of(repository, component, info, data))
        except DamagedData as error:
            damage.append(error)
            fetched.pop(info.name, None)
        except RepositoryRefused as error:  # a newer format, or what damage looks like
            damage.append(DamagedData(error.message, object_name=info.name, hint=error.hint))
            fetched.pop(info.name, None)
    kept.update(fetched, have.keys() - {info.name for info in infos})
    objects.sort(key=lambda one: (one.lineage, one.begin, -one.end, one.spans[0].first_at))
    standing, superseded = parted(objects)
    return Catalogue(tuple(standing), tuple(superseded), tuple(damage))


def _fetched(repository: Repository, names: list[str]) -> Iterable[tuple[str, bytes]]:
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="headers") as pool:
        found = pool.map(lambda name: _header(repository.store, name), names)
        return [(name, data) for name, data in zip(names, found, strict=True) if data is not None]


def _header(store: Store, name: str) -> bytes | None:
    try:
        return header_of(store, name)
    except ObjectMissing:
        return None


def header_of(store: Store, name: str) -> bytes:
    """An object's header, or what there is of it. Raises ObjectMissing."""
    data = store.get(name, 0, GUESS)
    if len(data) < PREFIX_SIZE:
        return data
    whole = PREFIX_SIZE + int(_HEADER_LENGTH.unpack_from(data)[0]) + 64
    if len(data) < whole <= PREFIX_SIZE + MAXIMUM_HEADER + 64:
        data = store.get(name, 0, whole)
    return data[:whole]


def parted(objects: list[JournalObject]) -> tuple[list[JournalObject], list[JournalObject]]:
    """(what counts, what a bundle stands in for: the same bytes and times in one unbroken span). Pure.

    Of two bundles of one level that say the same (two hosts compacted at once) the one with more segments counts.
    """
    tops: dict[tuple[str, str, bool], _Tops] = {}
    for one in objects:
        for span in one.spans if one.level else ():
            tops.setdefault((one.stream, one.lineage, span.exact), _Tops()).add(span, one)
    for found in tops.values():
        found.arrange()
    standing: list[JournalObject] = []
    superseded: list[JournalObject] = []
    for one in objects:
        above = (tops.get((one.stream, one.lineage, span.exact)) for span in one.spans)
        inside = all(found is not None and found.above(span, one) for found, span in zip(above, one.spans, strict=True))
        (superseded if inside else standing).append(one)
    return standing, superseded


class _Tops:
    """Spans of bundles, to be asked which of them hold another span."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, Instant, Span, JournalObject]] = []
        self._reach: list[tuple[int, Instant]] = []
        """The furthest end and latest time among the spans up to each."""

    def add(self, span: Span, one: JournalObject) -> None:
        self._spans.append((span.begin, span.first_at, span, one))

    def arrange(self) -> None:
        self._spans.sort(key=lambda top: top[:2])
        end, last = -1, Instant(0)
        for _, _, span, _ in self._spans:
            end, last = max(end, span.end), max(last, span.last_at)
            self._reach.append((end, last))

    def above(self, own: Span, of: JournalObject) -> bool:
        """Does a span of a bundle that outranks `of` hold all of `own`?"""
        at = bisect_right(self._spans, (own.begin, own.first_at), key=lambda top: top[:2])
        while at and self._reach[at - 1][0] >= own.end and self._reach[at - 1][1] >= own.last_at:
            at -= 1
            _, _, span, one = self._spans[at]
            holds = own.end <= span.end and span.first_at <= own.first_at and own.last_at <= span.last_at
            if holds and outranks(one, of):
                return True
        return False


def outranks(one: JournalObject, other: JournalObject) -> bool:
    """Of two that say the same, `one` counts."""
    if one.rank != other.rank:
        return one.rank > other.rank
    return (one.count, one.name) > (other.count, other.name)


def object_of(repository: Repository, component: str, info: ObjectInfo, data: bytes) -> JournalObject:
    """From an object's header. Raises DamagedData, RepositoryRefused."""
    name = info.name
    if name.startswith(f"{component}/bundles/"):
        header = bundles.believed(repository, component, name, data)
        facts = bundles.facts_of(header)
        level, count, spans, stream, source = name.split("/")[2], facts.count, facts.spans, facts.stream, facts.source
        begin, end = facts.begin, facts.end
    else:
        header = segments.believed(repository, component, name, data)
        one = segments.facts_of(header)
        level, count, spans, stream, source = "", 1, (one.span,), one.stream, one.source
        begin, end = one.span.begin, one.span.end
    if level not in ("", *LEVELS):
        raise DamagedData(f"{name} is a bundle of no known level", object_name=name)
    if info.size != header.end + header.body_size:
        raise DamagedData(f"{name} is cut short", object_name=name)
    return JournalObject(
        name=name,
        level=level,
        stream=stream,
        lineage=spans[0].lineage,
        begin=begin,
        end=end,
        spans=spans,
        source=source,
        count=count,
        size=info.size,
        modified_at=info.modified_at,
    )
