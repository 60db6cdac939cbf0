"""A plan made again from what its run journaled: the same bases, the same ends, the same targets."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from planaria.core.errors import DamagedData, UnknownName, UsageError
from planaria.core.instant import Instant
from planaria.core.points import parse_point
from planaria.drivers.contract import Driver, Target
from planaria.recovery.choose import Choice
from planaria.recovery.plan import Plan, Source, Step, planned, target_of, until_of
from planaria.recovery.run import begun, finished, over
from planaria.repository.bases import BaseRecord, find_base

Json = dict[str, Any]


def plan_again(
    events: Sequence[Json], targets: Mapping[str, str], drivers: Mapping[str, Driver], source: Source
) -> Plan:
    """`events`: of the run's journal; `targets` give again what may not be written down (a URL with a password).

    What is done already is in the plan without changes. What was begun is begun again, over what it left.
    Raises UsageError when a target must be given again or is not the same, UnknownName when a base is gone.
    """
    written = events[0]["plan"]
    done, filled = finished(events), begun(events)
    steps, notes = [], list(written["notes"])
    for one in written["steps"]:
        component = one["component"]
        step = _step(one, targets.get(component), source)
        if component not in done:
            step = over(step) if component in filled else step
            step, fallen = planned(step, drivers[component], source)
            notes += fallen
        steps.append(step)
    point = parse_point(written["point"]["at"] or written["point"]["text"], Instant(0))
    return Plan(written["environment"], point, tuple(steps), tuple(dict.fromkeys(notes)))


def _step(one: Json, given: str | None, source: Source) -> Step:
    component, at = one["component"], one["target"]
    base = find_base(source.repository, component, one["base"])
    choice = Choice(component, base, until_of(one["until"]), Instant(one["at"]), tuple(_instead(one, source)))
    url, directory = at["url"], at["directory"]
    if given is not None:
        target, where = target_of(given, at["replace"])
        if where != one["where"]:
            raise UsageError(
                f"this run recovers {component} into {one['where']}", hint="a new run goes elsewhere: planaria recover"
            )
        url = target.url
    elif url is not None and ":…@" in url:
        raise UsageError(
            f"the target of {component} has a password, which no run journal keeps",
            hint=f"--target {component}=URL, as it was given before",
        )
    target = Target(Path(directory) if directory else None, url, at["replace"])
    return Step(component, one["kind"], choice, target, one["where"], tuple(one["only"]))


def _instead(one: Json, source: Source) -> Iterator[BaseRecord]:
    """Bases that stand by, as far as they are still there and whole."""
    for id in one["instead"]:
        try:
            yield find_base(source.repository, one["component"], id)
        except (UnknownName, DamagedData):
            continue
