"""One stream's journal, read back in order: segments, alone or in bundles, fetched ahead, proven before they count."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace

from planaria.core.errors import DamagedData, ObjectMissing
from planaria.core.instant import Instant
from planaria.core.journal import JournalPiece
from planaria.core.position import Position
from planaria.core.windows import Span
from planaria.repository import segments
from planaria.repository.bundles import open_bundle
from planaria.repository.journal_catalogue import JournalObject
from planaria.repository.journal_way import Until, Way, way
from planaria.repository.repository import Repository
from planaria.repository.sealed import Header

AHEAD = 2
"""Objects fetched ahead."""
RELISTINGS = 3
"""Compaction may sweep an object just before it is read: its bundle is found by listing again. So often in vain."""


@dataclass(frozen=True, slots=True)
class _Member:
    """A sealed segment; what its header says is believed."""

    header: Header
    span: Span
    data: bytes | memoryview


@dataclass(slots=True)
class JournalReader:
    """See `drivers.contract.JournalView`. `objects` lists the stream's objects, each time anew."""

    repository: Repository
    component: str
    objects: Callable[[], Iterable[JournalObject]]

    def pieces(self, start: Position, until: Until) -> Iterator[JournalPiece]:
        """Raises PointUnreachable before anything is read, DamagedData, RepositoryRefused.

        On the way to an instant only the stamps of the segment that holds it say when bytes came. All before had come
        when that segment began, whatever the stamps of late bytes or of a second follower's copy are.
        """
        covered, vain = start.offset, 0
        while True:
            found = way(Position(start.lineage, covered), until, self.objects(), self.component)
            try:
                with closing(self._read(found, covered, until)) as pieces:
                    for piece in pieces:
                        covered, vain = piece.offset + len(piece.data), 0
                        yield piece
                return
            except ObjectMissing as error:
                vain += 1
                if vain == RELISTINGS:
                    raise DamagedData(error.message, object_name=error.message.split()[0]) from None

    def _read(self, found: Way, covered: int, until: Until) -> Generator[JournalPiece]:
        """Pieces that go on from `covered`, each beginning at or before the end of the one before."""
        for number, (one, data) in enumerate(self._fetched(found.objects), 1):
            members, goal = self._members(one, data), found.goal
            if goal is not None and isinstance(until, int) and number == len(found.objects):
                goal = _goal(members, goal, until, one.name)
            for member in members:
                if isinstance(until, Position) and covered >= until.offset:
                    return
                if not _goes_on(member.span, covered, goal):
                    continue
                piece = segments.open_believed(self.repository, self.component, member.header, member.data)
                if goal is not None and member.span != goal:
                    piece = _arrived(piece, goal)
                covered = piece.offset + len(piece.data)
                yield piece

    def _fetched(self, wanted: list[JournalObject]) -> Iterator[tuple[JournalObject, bytes]]:
        with ThreadPoolExecutor(AHEAD, thread_name_prefix="journal-read") as pool:
            ahead: deque[Future[bytes]] = deque()
            coming = iter(wanted)
            try:
                for one in wanted:
                    while len(ahead) < AHEAD and (next_one := next(coming, None)) is not None:
                        ahead.append(pool.submit(self.repository.store.get, next_one.name))
                    yield one, ahead.popleft().result()
            finally:
                for future in ahead:
                    future.cancel()

    def _members(self, one: JournalObject, data: bytes) -> list[_Member]:
        if not one.level:
            return [self._member(one.name, data)]
        return [self._member(it.name, it.data) for it in open_bundle(self.repository, self.component, one.name, data)]

    def _member(self, name: str, data: bytes | memoryview) -> _Member:
        header = segments.believed(self.repository, self.component, name, data)
        return _Member(header, segments.facts_of(header).span, data)


def _goal(members: Iterable[_Member], whole: Span, until: Instant, object_name: str) -> Span:
    """Of the segments that `whole` was merged from, the last that holds `until`. Raises DamagedData."""
    spans = (member.span for member in members if whole.begin <= member.span.begin and member.span.end <= whole.end)
    holding = (span for span in spans if span.exact and span.first_at <= until <= span.last_at)
    found = max(holding, key=lambda span: (span.begin, span.end), default=None)
    if found is None:
        raise DamagedData(f"{object_name} does not hold the time it speaks of", object_name=object_name)
    return found


def _goes_on(span: Span, covered: int, goal: Span | None) -> bool:
    """Does a segment bring the next bytes, or is it the goal when all before it has been brought?"""
    brings = span.begin <= covered < span.end
    return brings if goal is None or covered < goal.begin else brings and span == goal


def _arrived(piece: JournalPiece, goal: Span) -> JournalPiece:
    """What of a piece lies before `goal`: it had arrived when that began."""
    end = min(piece.offset + len(piece.data), goal.begin)
    stamps = tuple((min(at, goal.first_at), min(offset, end)) for at, offset in piece.stamps)
    return replace(piece, data=piece.data[: end - piece.offset], stamps=stamps)
