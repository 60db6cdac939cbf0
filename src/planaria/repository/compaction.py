"""Compaction: closed minutes, hours and days of a journal become bundles; what they hold is swept after a grace.

Needs no identity: segments go into bundles as they are, sealed. Interrupted anywhere it leaves at most a bundle beside
its segments; both say the same.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from planaria.core.errors import DamagedData, ObjectMissing
from planaria.core.instant import SECOND, Instant
from planaria.core.windows import in_order
from planaria.repository import segments
from planaria.repository.bundles import LIMIT, open_bundle, seal_bundle, summary
from planaria.repository.journal_catalogue import LEVELS, JournalObject, load, object_of, outranks
from planaria.repository.repository import Repository
from planaria.repository.sealed import believe_body
from planaria.repository.segments import SegmentFacts
from planaria.repository.shipping import put_once
from planaria.storage.contract import ObjectInfo

PERIODS = {"minute": 60 * SECOND, "hour": 3600 * SECOND, "day": 86400 * SECOND}
SETTLED = 10 * SECOND
"""A period is closed so long after its end: its last segment has arrived."""
LARGE = LIMIT // 2
"""Objects of at least so many bytes gain nothing."""
SPANS = 4096
"""In one bundle: its header has to hold them."""
GRACE = 3600 * SECOND
"""A bundle is so old, by the store's clock, before what it holds is swept: readers that listed before are done."""


@dataclass(frozen=True, slots=True)
class Merge:
    """One bundle to be made, of objects that follow each other."""

    level: str
    members: tuple[JournalObject, ...]


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A segment, believed and whole."""

    name: str
    data: bytes
    facts: SegmentFacts


def due(objects: Iterable[JournalObject], level: str, now: Instant) -> list[Merge]:
    """What to merge into bundles of `level`. Pure."""
    lower = [one for one in objects if one.rank < LEVELS.index(level)]
    lower.sort(key=lambda one: (one.stream, one.lineage, one.begin, one.last_at))
    return [Merge(level, tuple(group)) for group in _groups(lower, PERIODS[level], now)]


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
    """Makes every bundle that is due; returns how many. What is damaged is left out, and raised as DamagedData last."""
    objects, now = list(load(repository, component, cache).objects), repository.clock.now()
    made, damage = 0, list[DamagedData]()
    for level in LEVELS:
        new: list[JournalObject] = []
        replaced: set[str] = set()
        for merge in due(objects, level, now):
            try:
                members = list(_readable(repository, component, merge.members, damage))
            except ObjectMissing:
                continue  # another host compacts too, and has swept already
            if len(members) > 1:
                sealed = [it for _, inside in members for it in inside]
                new += _bundled(repository, component, level, sealed)
                replaced |= {one.name for one, _ in members}
        objects = [one for one in objects if one.name not in replaced] + new
        made += len(new)
    if damage:
        raise damage[0]
    return made


def _readable(
    repository: Repository, component: str, members: Iterable[JournalObject], damage: list[DamagedData]
) -> Iterator[tuple[JournalObject, list[_Sealed]]]:
    for one in members:
        try:
            yield one, _sealed(repository, component, one)
        except DamagedData as error:
            damage.append(error)


def _sealed(repository: Repository, component: str, one: JournalObject) -> list[_Sealed]:
    """Every segment in an object of the journal. Raises DamagedData, ObjectMissing."""
    data = repository.store.get(one.name)
    if not one.level:
        return [_proven(repository, component, one.name, data)]
    return [
        _proven(repository, component, it.name, bytes(it.data))
        for it in open_bundle(repository, component, one.name, data)
    ]


def _proven(repository: Repository, component: str, name: str, data: bytes) -> _Sealed:
    header = segments.believed(repository, component, name, data)
    believe_body(header, data)
    return _Sealed(name, data, segments.facts_of(header))


def _bundled(repository: Repository, component: str, level: str, sealed: Iterable[_Sealed]) -> list[JournalObject]:
    """The bundle made of segments of one lineage; more than one where a header could not hold all their spans."""
    ordered = sorted({one.name: one for one in sealed}.values(), key=lambda one: in_order(one.facts.span))
    whole = summary(ordered[0].facts.stream, [one.facts for one in ordered])
    if len(whole.spans) > SPANS:
        half = len(ordered) // 2
        parts = (ordered[:half], ordered[half:])
        return [made for part in parts for made in _bundled(repository, component, level, part)]
    name, data = seal_bundle(repository, component, level, whole, [(one.name, one.data) for one in ordered])
    put_once(repository.store, name, data)
    return [object_of(repository, component, ObjectInfo(name, len(data), repository.clock.now()), data)]


def sweep(repository: Repository, component: str, cache: Path | None) -> int:
    """Deletes what has been for the grace in a bundle that was just read back and proven; returns how many objects.

    What a bundle stands in for without holding it (it came late out of a spool, say) is bundled with it, to go later.
    """
    catalogue = load(repository, component, cache)
    if not catalogue.superseded:
        return 0
    store_now = max(one.modified_at for one in (*catalogue.objects, *catalogue.superseded))
    bundles = [one for one in catalogue.objects if one.level and one.modified_at + GRACE <= store_now]
    swept: set[str] = set()
    for bundle in sorted(bundles, key=lambda one: one.rank, reverse=True):
        inside = [one for one in catalogue.superseded if one.name not in swept and _stands_in(bundle, one)]
        if inside:
            swept |= _sweep(repository, component, bundle, inside)
    return len(swept)


def _stands_in(bundle: JournalObject, one: JournalObject) -> bool:
    return (
        outranks(bundle, one)
        and (bundle.stream, bundle.lineage) == (one.stream, one.lineage)
        and (bundle.begin <= one.begin and one.end <= bundle.end)
        and (bundle.first_at <= one.first_at and one.last_at <= bundle.last_at)
    )


def _sweep(repository: Repository, component: str, bundle: JournalObject, inside: list[JournalObject]) -> set[str]:
    """Names of what was deleted."""
    swept: set[str] = set()
    strays: list[_Sealed] = []
    try:
        held = _sealed(repository, component, bundle)
    except (DamagedData, ObjectMissing):
        return swept  # `check` names it; its segments stay
    proven = {one.name for one in held}
    for one in inside:
        try:
            own = [] if one.name in proven else _sealed(repository, component, one)
        except (DamagedData, ObjectMissing):
            continue  # gone by another host, or damaged, and that is `check`'s to say
        if one.name in proven or (own and all(it.name in proven for it in own)):
            repository.store.delete(one.name)
            swept.add(one.name)
        else:
            strays += own
    if strays and sum(len(it.data) for it in (*held, *strays)) <= 2 * LIMIT:
        _bundled(repository, component, bundle.level, (*held, *strays))
    return swept
