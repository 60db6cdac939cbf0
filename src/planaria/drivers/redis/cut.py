"""Where a journal is cut: the last place a recovery may stop at, no later than it was asked for.

What is asked for is an instant, a position, or the end. The cut is the last end of a command outside MULTI…EXEC whose
bytes had all arrived by then. No IO.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from planaria.core.instant import Instant
from planaria.core.position import Position
from planaria.drivers.contract import JournalPiece, JournalView
from planaria.drivers.redis.intake import ANY_BULK
from planaria.drivers.redis.walker import Place, Walker


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive bytes of the stream, and when they arrived: see `JournalPiece`."""

    offset: int
    data: bytes
    stamps: tuple[tuple[Instant, int], ...]

    def arrived(self, offset: int) -> Instant:
        """When everything before `offset` had arrived."""
        index = bisect_left(self.stamps, offset, key=lambda stamp: stamp[1])
        return self.stamps[min(index, len(self.stamps) - 1)][0]


@dataclass(slots=True)
class Stretch:
    """The bytes of a journal from `start` on that had arrived by `until` (None: all), and what is known of their end.

    Iterate once. Then `end` is just behind the last byte, `place` the last known safe place at or
    before it, and `at` the instant whose state `end` is.
    """

    view: JournalView
    start: Position
    until: Instant | Position | None
    place: Place
    at: Instant

    @property
    def end(self) -> int:
        return self._end

    _end: int = -1

    def __iter__(self) -> Iterator[Part]:
        self._end = self.start.offset
        if isinstance(self.until, Position) and self.until.offset <= self.start.offset:
            return
        for piece in self.view.pieces(self.start, self.until):
            allowed = self._allowed(piece)
            if allowed > self._end:
                begin, self._end = self._end, allowed
                self._hinted(piece)
                yield Part(begin, piece.data[begin - piece.offset : allowed - piece.offset], piece.stamps)
            if allowed < piece.offset + len(piece.data):
                return

    def _allowed(self, piece: JournalPiece) -> int:
        """How far the piece may be used. Moves `at`."""
        behind = piece.offset + len(piece.data)
        if self.until is None:
            self.at = piece.stamps[-1][0] if piece.stamps else self.at
            return behind
        if isinstance(self.until, Position):
            allowed = min(behind, self.until.offset)
            self.at = next((at for at, offset in piece.stamps if offset >= allowed), self.at)
            return allowed
        count = bisect_right(piece.stamps, self.until, key=lambda stamp: stamp[0])
        self.at = self.until
        return piece.stamps[count - 1][1] if count else min(behind, max(self._end, piece.offset))

    def _hinted(self, piece: JournalPiece) -> None:
        hint = piece.hint
        if isinstance(hint, dict) and self.place.offset < hint["safe"] <= self._end:
            self.place = Place(hint["safe"], hint["db"])


def last_safe(place: Place, pieces: Iterator[bytes]) -> Place:
    """Walks what follows a safe place: the last safe one. Raises resp.ProtocolError."""
    walker = Walker(place.offset, db=place.db, max_bulk=ANY_BULK)
    for piece in pieces:
        walker.feed(piece)
    return walker.place
