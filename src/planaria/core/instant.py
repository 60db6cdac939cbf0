"""Instants: whole microseconds since 1970-01-01T00:00:00Z. Time is UTC, and passed in."""

from datetime import UTC, datetime, timedelta
from typing import NewType

Instant = NewType("Instant", int)

SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_datetime(moment: datetime) -> Instant:
    """Raises ValueError for a datetime without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone is not an instant")
    return Instant((moment - _EPOCH) // timedelta(microseconds=1))


def to_datetime(instant: Instant) -> datetime:
    return _EPOCH + timedelta(microseconds=instant)


def shown(instant: Instant) -> str:
    """As people read it: `2026-10-15 02:51:30.250Z` (milliseconds only where there are any)."""
    moment = to_datetime(instant)
    seconds = moment.strftime("%Y-%m-%d %H:%M:%S")
    milliseconds = moment.microsecond // 1000
    return f"{seconds}.{milliseconds:03d}Z" if milliseconds else f"{seconds}Z"


def rfc3339(instant: Instant) -> str:
    """As machines read it: `2026-10-15T02:51:30.250000Z`."""
    return to_datetime(instant).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def in_name(instant: Instant) -> str:
    """As object names carry it, sorting in time order: `20261015T025130.250000Z`."""
    return to_datetime(instant).strftime("%Y%m%dT%H%M%S.%fZ")
