"""What there is to see: status, points, bases. The same for people, for `--json` and later for the dashboard."""

from collections.abc import Mapping, Sequence
from typing import Any

from planaria.core.instant import SECOND, Instant, rfc3339
from planaria.core.quantities import shown_duration, shown_size
from planaria.core.windows import Reach, Window, intersection
from planaria.recovery.known import Known
from planaria.repository.bases import BaseRecord
from planaria.settings.model import Settings

Json = dict[str, Any]
UNFOLLOWED = 300.0
"""Seconds after which a journal without news has no follower: even an idle source is recorded more often."""


def base_json(base: BaseRecord) -> Json:
    return {
        "id": base.id,
        "component": base.component,
        "driver": base.driver,
        "lineage": {stream: at.lineage for stream, at in base.facts.positions.items()},
        "position": {stream: at.offset for stream, at in base.facts.positions.items()},
        "at": rfc3339(base.facts.at),
        "started_at": rfc3339(base.began_at),
        "ended_at": rfc3339(base.ended_at),
        "seconds": round((base.ended_at - base.began_at) / SECOND, 3),
        "files": base.files,
        "bytes_logical": base.bytes_logical,
        "bytes_stored": base.bytes_stored,
        "chunks_new": base.chunks_new,
        "chunks_total": base.chunks_total,
        "source": dict(base.facts.source),
        "expectations": dict(base.facts.expectations),
        "broke": dict(base.facts.broke),
    }


def reach_json(found: Reach) -> Json:
    return {
        "windows": [{"from": rfc3339(one.first), "to": rfc3339(one.last)} for one in found.windows],
        "gaps": [{"from": rfc3339(one.first), "to": rfc3339(one.last), "reason": one.reason} for one in found.gaps],
    }


def component_points(known: Known) -> Json:
    newest = max(known.bases, key=lambda base: base.facts.at, default=None)
    return {
        **reach_json(known.reach()),
        "newest_base": newest.id if newest else None,
        "newest": rfc3339(at) if (at := known.newest()) is not None else None,
    }


def environment_windows(known: Sequence[Known], now: Instant) -> list[Window]:
    """Instants to which `recover --to` brings every component back.

    One without a journal narrows them by its first base only: it comes back as its newest base before the instant.
    """
    found: list[Window] | None = None
    for one in known:
        first = min((base.facts.at for base in one.bases), default=None)
        if first is not None and not has_journal(one):
            own = [Window(first, max(first, now))]
        else:
            own = list(one.reach().windows)
        found = own if found is None else intersection(found, own)
    return found or []


def has_journal(known: Known) -> bool:
    return any(base.facts.positions for base in known.bases)


def points(known: Sequence[Known], now: Instant) -> Json:
    """`result` of `planaria points`."""
    windows = environment_windows(known, now)
    return {
        "components": {one.component: component_points(one) for one in known},
        "environment": {
            "windows": [{"from": rfc3339(one.first), "to": rfc3339(one.last)} for one in windows],
            "newest_marker": None,
            "rpo_seconds": _worst([_behind(one.newest(), now) for one in known]),
        },
    }


def _worst(rpos: Sequence[float | None]) -> float | None:
    """Of the environment: that of the component which would lose most; None while one would lose all."""
    known = [one for one in rpos if one is not None]
    return max(known) if known and len(known) == len(rpos) else None


def _behind(at: Instant | None, now: Instant) -> float | None:
    """Seconds of writes that would be lost if everything burnt down now."""
    return None if at is None else round(max(0, now - at) / SECOND, 3)


def status(
    settings: Settings, known: Sequence[Known], now: Instant, spooled: Mapping[str, int], reminders: Sequence[str] = ()
) -> Json:
    """`result` of `planaria status`. `spooled`: bytes on this host that are not in the repository yet.

    `reminders`: what somebody has still to do; no finding, for nothing is wrong yet.
    """
    components = {one.component: _component_status(settings, one, now, spooled.get(one.component, 0)) for one in known}
    findings: list[Json] = []
    findings += [
        {"component": name, "detail": detail} for name, one in components.items() for detail in one["findings"]
    ]
    return {
        "environment": settings.environment,
        "at": rfc3339(now),
        "rpo_seconds": _worst([one["rpo_seconds"] for one in components.values()]),
        "objectives": {"rpo_seconds": settings.objectives.rpo, "rto_seconds": settings.objectives.rto},
        "components": components,
        "findings": findings,
        "reminders": list(reminders),
    }


def _component_status(settings: Settings, known: Known, now: Instant, spooled: int) -> Json:
    found = known.reach()
    newest = max(known.bases, key=lambda base: base.facts.at, default=None)
    rpo = _behind(known.newest(), now)
    findings = [error.message for error in known.damage]
    findings += _late(rpo, settings.objectives.rpo, known)
    if spooled:
        findings.append(f"{shown_size(spooled)} of journal wait on this host for the repository's store")
    last = found.windows[-1] if found.windows else None
    return {
        "driver": settings.components[known.component].driver,
        "rpo_seconds": rpo,
        "newest_base": {"id": newest.id, "at": rfc3339(newest.facts.at)} if newest else None,
        "bases": len(known.bases),
        "window": {"from": rfc3339(last.first), "to": rfc3339(last.last)} if last else None,
        "gaps": len(found.gaps),
        "bytes_stored": sum(base.bytes_stored for base in known.bases),
        "journal_bytes": sum(one.size for one in known.catalogue.objects),
        "spooled_bytes": spooled,
        "findings": findings,
    }


def _late(rpo: float | None, objective: float | None, known: Known) -> list[str]:
    """Without an objective, a journal that nobody writes is late all the same: a follower that died must show."""
    if rpo is None:
        return ["there is no base: nothing can be recovered"]
    if objective is not None and rpo > objective:
        late, than = shown_duration(rpo), shown_duration(objective)
        return [f"the newest recoverable instant is {late} ago, the objective is {than}"]
    if objective is None and has_journal(known) and rpo > UNFOLLOWED:
        return [f"its journal ends {shown_duration(rpo)} ago: is `planaria follow` running?"]
    return []
