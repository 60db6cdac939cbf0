"""One stream's journal, read back in order: segments, alone or in bundles, fetched ahead, proven before they count."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from planaria.core.errors import DamagedData, ObjectMissing, PointUnreachable
from planaria.core.instant import Instant, shown
from planaria.core.journal import JournalPiece
from planaria.core.position import Position
from planaria.core.windows import Span
from planaria.repository.bundles import open_bundle
from planaria.repository.journal_catalogue import JournalObject
from planaria.repository.repository import Repository
from planaria.repository.segments import open_segment

AHEAD = 2
"""Objects fetched ahead."""
RELISTINGS = 3
"""Compaction may sweep an object just before it is read: its bundle is found by listing again."""

Until = Instant | Position | None


@dataclass(slots=True)
class JournalReader:
    """See `drivers.contract.JournalView`. `objects` lists the stream's objects, each time anew."""

    repository: Repository
    component: str
    objects: Callable[[], Iterable[JournalObject]]

    def pieces(self, start: Position, until: Until) -> Iterator[JournalPiece]:
        """Raises PointUnreachable before anything is read, DamagedData, RepositoryRefused."""
        covered = start.offset
        for attempt in range(1, RELISTINGS + 1):
            wanted = way(Position(start.lineage, covered), until, self.objects(), self.component)
            try:
                for piece in self._read(wanted, covered):
                    covered = piece.offset + len(piece.data)
                    yield piece
                    if _holds(piece, until):
                        return
            except ObjectMissing as error:
                if attempt == RELISTINGS:
                    raise DamagedData(error.message, object_name=error.message.split()[0]) from None
            else:
                return

    def _read(self, wanted: list[JournalObject], covered: int) -> Iterator[JournalPiece]:
        """Pieces that go on from `covered`, each beginning at or before the end of the one before."""
        with ThreadPoolExecutor(AHEAD, thread_name_prefix="journal-read") as pool:
            ahead: deque[Future[bytes]] = deque()
            try:
                fetches = iter(wanted)
                for one in wanted:
                    while len(ahead) <= AHEAD and (coming := next(fetches, None)) is not None:
                        ahead.append(pool.submit(self.repository.store.get, coming.name))
                    for piece in self._opened(one, ahead.popleft().result(), covered):
                        if piece.offset > covered:
                            break  # the hole that the next object fills
                        if piece.offset + len(piece.data) > covered:
                            covered = piece.offset + len(piece.data)
                            yield piece
            finally:
                for future in ahead:
                    future.cancel()

    def _opened(self, one: JournalObject, data: bytes, covered: int) -> Iterator[JournalPiece]:
        if not one.level:
            yield open_segment(self.repository, self.component, one.name, data)
            return
        for member in open_bundle(self.repository, self.component, one.name, data):
            end = int(member.name.rpartition("/")[2].split("-")[1], 16)
            if end > covered:
                yield open_segment(self.repository, self.component, member.name, member.data)


def way(start: Position, until: Until, objects: Iterable[JournalObject], component: str) -> list[JournalObject]:
    """The objects to read, in order, from `start` to `until` without a hole. Raises PointUnreachable. Pure."""
    spans = sorted(
        ((span, one) for one in objects if one.lineage == start.lineage for span in one.spans),
        key=lambda pair: (pair[0].begin, pair[0].first_at),
    )
    covered, at, found = start.offset, 0, list[JournalObject]()
    idle: Instant | None = None
    while not _reached(covered, idle, until):
        best: tuple[Span, JournalObject] | None = None
        while at < len(spans) and spans[at][0].begin <= covered:
            span = spans[at][0]
            if span.end == covered and span.exact:
                idle = max(idle or span.last_at, span.last_at)
            if span.end > covered and (best is None or span.end > best[0].end):
                best = spans[at]
            at += 1
        if best is None:
            if until is not None and not _reached(covered, idle, until):
                _refuse(Position(start.lineage, covered), idle, until, component, more=at < len(spans))
            break
        covered, at = best[0].end, _rewound(spans, at, best[0].end)
        idle = best[0].last_at if best[0].exact else None
        if not found or found[-1] is not best[1]:
            found.append(best[1])
    return found


def _rewound(spans: list[tuple[Span, JournalObject]], at: int, covered: int) -> int:
    """Spans looked at before may still go on from `covered`: back to the first that ends there or behind."""
    while at and spans[at - 1][0].end >= covered:
        at -= 1
    return at


def _reached(covered: int, idle: Instant | None, until: Until) -> bool:
    if isinstance(until, Position):
        return covered >= until.offset
    return until is not None and idle is not None and idle >= until


def _refuse(end: Position, idle: Instant | None, until: Instant | Position, component: str, *, more: bool) -> None:
    wanted = until if isinstance(until, Position) else shown(until)
    where = f" ({shown(idle)})" if idle is not None else ""
    what = "has a hole at" if more else "ends at"
    raise PointUnreachable(
        f"the journal of {component} {what} {end}{where}, before {wanted}",
        hint="planaria points shows what can be reached",
    )


def _holds(piece: JournalPiece, until: Until) -> bool:
    """Does `until` lie in this piece, or before its end?"""
    if isinstance(until, Position):
        return piece.offset + len(piece.data) >= until.offset
    return until is not None and bool(piece.stamps) and piece.stamps[-1][0] > until
