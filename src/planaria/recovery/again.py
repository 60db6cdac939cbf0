"""A plan made again from what its run journaled: the same bases, the same ends, the same targets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from planaria.core.errors import UsageError
from planaria.core.instant import Instant
from planaria.core.points import parse_point
from planaria.drivers.contract import Target
from planaria.recovery.choose import Choice
from planaria.recovery.plan import Plan, Source, Step, target_of, until_of
from planaria.repository.bases import find_base

Json = dict[str, Any]


def plan_again(written: Json, targets: Mapping[str, str], source: Source) -> Plan:
    """`written`: as `plan_json` made it; `targets` give again what may not be written down (a URL with a password).

    Raises UsageError when such a target is not given, UnknownName when a base is gone.
    """
    steps = tuple(_step(one, targets.get(one["component"]), source) for one in written["steps"])
    return Plan(written["environment"], parse_point(written["point"], Instant(0)), steps, tuple(written["notes"]))


def _step(one: Json, given: str | None, source: Source) -> Step:
    component, at = one["component"], one["target"]
    bases = [find_base(source.repository, component, id) for id in (one["base"], *one["instead"])]
    choice = Choice(component, bases[0], until_of(one["until"]), Instant(one["at"]), tuple(bases[1:]))
    url, directory = at["url"], at["directory"]
    if given is not None:
        target, _ = target_of(given, at["replace"])
        url, directory = target.url, target.directory
    elif url is not None and ":…@" in url:
        raise UsageError(
            f"the target of {component} has a password, which no run journal keeps",
            hint=f"--target {component}=URL, as it was given before",
        )
    target = Target(Path(directory) if directory else None, url, at["replace"])
    return Step(component, one["kind"], choice, target, one["where"], tuple(one["only"]))
