"""From link to journal: whole commands only, stamped, with places where a reader may start parsing."""

from planaria.core.instant import Instant
from planaria.drivers.contract import Bytes, JournalSink, Json
from planaria.drivers.redis.walker import Walker

ANY_BULK = 1 << 40
"""Values are walked over, not held, so the source's own limit (proto-max-bulk-len) is good enough."""
HOLD = 1024 * 1024
"""Bytes of an unfinished command that are kept back, so that a journal nearly always ends at a command's end."""


class Intake:
    """Appends a stream to its journal, whose end is `end`.

    `start` is where the bytes to come begin: at or before `end`; what the journal holds already is walked and not
    appended again. `known`: `start` is a command boundary outside a transaction, with `db` selected (None: not known).
    Unless `known` nothing can be walked, and no hints are given until the next base.
    """

    def __init__(self, journal: JournalSink, start: int, end: int, *, known: bool, db: int | None) -> None:
        self.journal = journal
        self.end = end
        """Just behind the last byte appended."""
        self.received = start
        """Just behind the last byte that the source sent us."""
        self._walker = Walker(start, db=db, max_bulk=ANY_BULK) if known else None
        self._held = bytearray()
        self._hinted = -1

    @property
    def place(self) -> dict[str, Json] | None:
        """The last command boundary outside a transaction, as hints carry it."""
        if self._walker is None:
            return None
        place = self._walker.place
        return {"safe": place.offset, "db": place.db}

    def take(self, data: Bytes, at: Instant) -> None:
        """Raises resp.ProtocolError when the stream is no stream of commands."""
        begin = self.received
        self.received += len(data)
        walker = self._walker
        if walker is None:
            fresh = memoryview(data)[max(0, self.end - begin) :]
            if len(fresh):
                self._append(fresh, at)
            return
        walker.feed(data)
        if self.received <= self.end:
            return
        fresh = memoryview(data)[max(0, self.end - begin) :]
        if not self._held and walker.boundary == self.received:
            self._append(fresh, at)
            return
        self._held += fresh
        whole = walker.boundary - self.end
        if whole > 0 or len(self._held) > HOLD:
            count = whole if whole > 0 else len(self._held)
            self._append(bytes(self._held[:count]), at)
            del self._held[:count]

    def _append(self, data: Bytes, at: Instant) -> None:
        self.end += len(data)
        place = self.place
        if place is not None and place["safe"] <= self._hinted:
            place = None
        if place is not None:
            self._hinted = place["safe"]
        self.journal.append(data, at, place)
