"""The recovery point that a user typed, before anyone knows whether it can be reached."""

import re
from dataclasses import dataclass

from planaria.core.errors import UsageError
from planaria.core.instant import Instant, shown
from planaria.core.nearest import cut, known_names, nearest
from planaria.core.times import FORMS, parse_time


@dataclass(frozen=True, slots=True)
class Latest:
    """As far as the journals go."""


@dataclass(frozen=True, slots=True)
class AtTime:
    instant: Instant


@dataclass(frozen=True, slots=True)
class AtMarker:
    id: str


@dataclass(frozen=True, slots=True)
class AtBase:
    """A base alone, nothing of the journal after it."""

    id: str


@dataclass(frozen=True, slots=True)
class DriverPoint:
    """A position in the words of one kind of component, whose driver understands `value`."""

    kind: str
    """One of DRIVER_KINDS."""
    value: str


Point = Latest | AtTime | AtMarker | AtBase | DriverPoint

DRIVER_KINDS = ("lsn", "xid", "name", "offset")
_KINDS = ("marker", "base", *DRIVER_KINDS)
_PREFIXED = re.compile(r"([A-Za-z][A-Za-z_-]{0,20}):(.*)")
_VALUE = re.compile(r"[!-~][ -~]{0,199}")  # printable, and short enough to be shown anywhere


def parse_point(text: str, now: Instant) -> Point:
    """`latest`, `marker:ID`, `base:ID`, `lsn:…`, `xid:…`, `name:…`, `offset:…`, else a time. Raises UsageError."""
    plain = text.strip()
    if plain.lower() == "latest":
        return Latest()
    match = _PREFIXED.fullmatch(plain)
    if match is not None:
        return _prefixed(match[1].lower(), match[2].strip(), plain)
    near = nearest(plain, ("latest", "now")) if plain.isalpha() else None
    if near is not None and near != plain.lower():
        raise UsageError(f"{cut(plain)!r} is not a recovery point; did you mean {near!r}?", hint=f"or {FORMS}")
    return AtTime(parse_time(plain, now))


def shown_point(point: Point) -> str:
    """For people, and as `parse_point` takes it again; a time loses its microseconds."""
    match point:
        case Latest():
            return "latest"
        case AtTime(instant):
            return shown(instant)
        case AtMarker(id):
            return f"marker:{id}"
        case AtBase(id):
            return f"base:{id}"
        case DriverPoint(kind, value):
            return f"{kind}:{value}"


def _prefixed(kind: str, value: str, text: str) -> Point:
    if kind not in _KINDS:
        near = nearest(kind, _KINDS)
        question = f"; did you mean '{near}:'?" if near else ""
        raise UsageError(f"there is no kind of recovery point '{kind}:'{question}", hint=known_names(_KINDS))
    if not _VALUE.fullmatch(value):
        raise UsageError(f"{cut(text)!r} names no recovery point", hint=f"write what you mean after '{kind}:'")
    if kind == "marker":
        return AtMarker(value)
    return AtBase(value) if kind == "base" else DriverPoint(kind, value)
