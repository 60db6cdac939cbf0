"""A journal in words: where it ends, and what reading it gives. Shared by drivers and the repository."""

from collections.abc import Mapping
from dataclasses import dataclass

from planaria.core.base import Json
from planaria.core.instant import Instant
from planaria.core.position import Position


@dataclass(frozen=True, slots=True)
class JournalTail:
    """Where a stream's journal ends: durable, or spooled on this host and on its way."""

    position: Position
    at: Instant
    source: Mapping[str, Json]
    """What the driver last said of the source, e.g. `{"replid": …}`."""


@dataclass(frozen=True, slots=True)
class JournalPiece:
    """Consecutive bytes of a journal: `data` starts at `offset`."""

    offset: int
    data: bytes
    stamps: tuple[tuple[Instant, int], ...]
    """(arrival, offset just behind the bytes that had arrived by then), ascending."""
    hint: Json
    source: Mapping[str, Json]
