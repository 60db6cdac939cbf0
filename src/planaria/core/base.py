"""A base in words: its files, and the facts that make it one. Shared by drivers and the repository."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from planaria.core.instant import Instant
from planaria.core.position import Position

Json = Any
"""What `json.dumps` takes: dict with str keys, list, str, int, float, bool, None."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a base: its path inside the base, and whatever the driver wants to know of it again."""

    path: str
    size: int
    """Bytes of content; 0 for what has none (a directory, a link)."""
    meta: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BaseFacts:
    """What makes a base: known when the last byte has been read, kept in its commit object."""

    positions: Mapping[str, Position]
    """Per stream; empty for a driver without a journal."""
    at: Instant
    """The instant (our clock) whose state the base holds."""
    source: Mapping[str, Json]
    """Server kind and version, addresses, clock skew: what a restore must know before it touches anything."""
    expectations: Mapping[str, Json]
    """Cheap facts to hold a restore against: counts, sizes."""
    broke: Mapping[str, str] = field(default_factory=dict)
    """Per stream, why the journal before this base could not be continued; absent when it goes on or never was."""


@dataclass(frozen=True, slots=True)
class CommittedBase:
    id: str
    bytes_logical: int
    bytes_stored: int
    chunks_total: int
    chunks_new: int
