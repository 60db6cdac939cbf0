"""Compaction: closed minutes, hours and days of a journal become bundles; what they hold is swept after a grace.

Needs no identity: segments go into bundles as they are, sealed. Interrupted anywhere it leaves at most a bundle beside
its segments; both say the same.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from planaria.core.errors import ObjectMissing, PlanariaError
from planaria.core.instant import SECOND, Instant
from planaria.repository import segments
from planaria.repository.bundles import LIMIT, open_bundle, seal_bundle, summary
from planaria.repository.journal_catalogue import LEVELS, JournalObject, load
from planaria.repository.repository import Repository
from planaria.repository.sealed import believe_body
from planaria.repository.shipping import put_once

PERIODS = {"minute": 60 * SECOND, "hour": 3600 * SECOND, "day": 86400 * SECOND}
SETTLED = 10 * SECOND
"""A period is closed so long after its end: its last segment has arrived."""
LARGE = LIMIT // 4
"""Objects of at least so many bytes gain nothing."""
GRACE = 3600 * SECOND
"""A bundle is so old, by the store's clock, before what it holds is swept: readers that listed before are done."""


@dataclass(frozen=True, slots=True)
class Merge:
    """One bundle to be made, of objects that follow each other."""

    level: str
    members: tuple[JournalObject, ...]


def due(objects: Iterable[JournalObject], now: Instant) -> list[Merge]:
    """What to merge now, of the lowest level that has anything: the next one builds on it. Pure."""
    known = sorted(objects, key=lambda one: (one.stream, one.lineage, one.begin, one.last_at))
    for number, level in enumerate(LEVELS):
        lower = [one for one in known if one.level in ("", *LEVELS[:number])]
        merges = [Merge(level, tuple(group)) for group in _groups(lower, PERIODS[level], now)]
        if merges:
            return merges
    return []


def _groups(objects: list[JournalObject], period: int, now: Instant) -> Iterator[list[JournalObject]]:
    """Neighbours that ended in the same closed period, up to LIMIT bytes; never one alone."""
    group: list[JournalObject] = []
    size = 0
    for one in objects:
        closed = (one.last_at // period + 1) * period + SETTLED <= now
        wanted = closed and one.size < LARGE
        fits = group and _place(group[-1], period) == _place(one, period) and size + one.size <= LIMIT
        if not (wanted and fits):
            if len(group) > 1:
                yield group
            group, size = [], 0
        if wanted:
            group.append(one)
            size += one.size
    if len(group) > 1:
        yield group


def _place(one: JournalObject, period: int) -> tuple[str, str, int]:
    return one.stream, one.lineage, one.last_at // period


def compact(repository: Repository, component: str, cache: Path | None) -> int:
    """Makes every bundle that is due; returns how many. Raises DamagedData naming a segment that is not what it was."""
    made = 0
    while merges := due(load(repository, component, cache).objects, repository.clock.now()):
        for merge in merges:
            _merge(repository, component, merge)
        made += len(merges)
    return made


def _merge(repository: Repository, component: str, merge: Merge) -> None:
    members: dict[str, bytes] = {}
    for one in merge.members:
        for name, data in _sealed(repository, component, one):
            members[name] = data
    facts = []
    for name, data in members.items():
        header = segments.believed(repository, component, name, data)
        believe_body(header, data)
        facts.append((segments.facts_of(header), name))
    facts.sort(key=lambda pair: (pair[0].span.begin, pair[0].span.first_at, pair[0].span.end))
    whole = summary(merge.members[0].stream, [one for one, _ in facts])
    ordered = [(name, members[name]) for _, name in facts]
    name, data = seal_bundle(repository, component, merge.level, whole, ordered)
    put_once(repository.store, name, data)


def _sealed(repository: Repository, component: str, one: JournalObject) -> Iterator[tuple[str, bytes]]:
    """(name, object) of every segment in an object of the journal."""
    data = repository.store.get(one.name)
    if not one.level:
        yield one.name, data
        return
    for member in open_bundle(repository, component, one.name, data):
        yield member.name, bytes(member.data)


def sweep(repository: Repository, component: str, cache: Path | None) -> int:
    """Deletes what has been for the grace in a bundle that was just read back and proven; returns how many objects."""
    catalogue = load(repository, component, cache)
    if not catalogue.superseded:
        return 0
    known = [*catalogue.objects, *catalogue.superseded]
    store_now = max(one.modified_at for one in known)
    bundles = [one for one in catalogue.objects if one.level and one.modified_at + GRACE <= store_now]
    swept = 0
    for bundle in sorted(bundles, key=lambda one: LEVELS.index(one.level), reverse=True):
        inside = [one for one in catalogue.superseded if _lower(one, bundle)]
        if inside:
            swept += _sweep(repository, component, bundle, inside)
    return swept


def _lower(one: JournalObject, bundle: JournalObject) -> bool:
    below = not one.level or LEVELS.index(one.level) < LEVELS.index(bundle.level)
    return below and one.lineage == bundle.lineage and bundle.begin <= one.begin and one.end <= bundle.end


def _sweep(repository: Repository, component: str, bundle: JournalObject, inside: list[JournalObject]) -> int:
    proven = {
        name for name, data in _sealed(repository, component, bundle) if _sound(repository, component, name, data)
    }
    swept = 0
    for one in inside:
        try:
            names = {one.name} if not one.level else {name for name, _ in _sealed(repository, component, one)}
        except ObjectMissing:
            continue  # another host sweeps too
        if names <= proven:
            repository.store.delete(one.name)
            swept += 1
    return swept


def _sound(repository: Repository, component: str, name: str, data: bytes) -> bool:
    try:
        believe_body(segments.believed(repository, component, name, data), data)
    except PlanariaError:
        return False
    return True
