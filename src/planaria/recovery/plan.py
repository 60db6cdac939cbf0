"""What a recovery will do, decided before anything is touched: a point, a base and a target for each component."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from planaria.core.errors import DamagedData, UsageError
from planaria.core.instant import Instant, rfc3339, shown
from planaria.core.nearest import unknown
from planaria.core.points import AtBase, AtMarker, AtTime, DriverPoint, Latest, Point, shown_point
from planaria.core.position import Position
from planaria.drivers.contract import Change, Driver, Recovery, Target
from planaria.recovery.choose import Choice, choose
from planaria.recovery.known import Known, known
from planaria.repository.base_reader import open_base
from planaria.repository.bases import BaseRecord
from planaria.repository.journal_catalogue import load
from planaria.repository.journal_reader import JournalReader
from planaria.repository.limits import Limits
from planaria.repository.repository import Repository

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One component to bring back. `where`: its target, for people."""

    component: str
    kind: str
    choice: Choice
    target: Target
    where: str
    only: tuple[str, ...]
    changes: tuple[Change, ...] = ()

    @property
    def bytes(self) -> int:
        return sum(change.bytes for change in self.changes)


@dataclass(frozen=True, slots=True)
class Plan:
    environment: str
    point: Point
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Asked:
    """What a user asked to have recovered: components (none: all), point, targets, patterns."""

    point: Point
    components: tuple[str, ...] = ()
    targets: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where plans find their data."""

    repository: Repository
    limits: Limits

    def known(self, component: str) -> Known:
        return known(self.repository, component, self.limits.cache)

    def recovery(self, step: Step, base: BaseRecord) -> Recovery:
        """The driver's view of a step, from `base` (the choice's own, or one that stands by)."""
        journals = {
            stream: JournalReader(self.repository, step.component, self._lister(step.component, stream))
            for stream in base.facts.positions
        }
        view = open_base(self.repository, base, self.limits)
        return Recovery(view, journals, step.choice.until, step.only)

    def _lister(self, component: str, stream: str) -> Callable[[], Any]:
        return lambda: load(self.repository, component, self.limits.cache).of(stream)


def selected(asked: Asked, configured: Sequence[str]) -> list[str]:
    """The components asked for, in the configuration's order. Raises UnknownName, UsageError."""
    for name in (*asked.components, *asked.targets):
        if name not in configured:
            raise unknown("component", name, configured)
    wanted = [name for name in configured if not asked.components or name in asked.components]
    for name in asked.targets:
        if name not in wanted:
            raise UsageError(f"--target names {name}, which is not among the components to recover")
    if len(wanted) > 1 and asked.only:
        raise UsageError("--only is for one component at a time", hint=f"planaria recover {wanted[0]} --only …")
    if len(wanted) > 1 and isinstance(asked.point, AtBase | DriverPoint):
        point = shown_point(asked.point)
        raise UsageError(f"{point} is of one component", hint=f"planaria recover {wanted[0]} --to {point}")
    return wanted


_BARE = re.compile(r"[A-Za-z0-9_.-]+:[0-9]{1,5}")


def target_of(text: str | None, replace: bool) -> tuple[Target, str]:
    """(target, how to say it). A URL is a live service, anything else a directory; None: the configured service.

    Raises UsageError for `host:port`, which is neither.
    """
    if text is None:
        return Target(replace=replace), "the configured service"
    if "://" in text and not text.startswith("file://"):
        return Target(url=text, replace=replace), without_password(text)
    if _BARE.fullmatch(text):
        raise UsageError(
            f"{text} is neither a directory nor a URL", hint=f"a live service: redis://{text}; a directory: ./{text}"
        )
    path = Path(text.removeprefix("file://")).expanduser().absolute()
    return Target(directory=path, replace=replace), str(path)


def without_password(url: str) -> str:
    """As it may be shown: what follows `?` or `#` may be secret too."""
    scheme, _, rest = url.partition("://")
    credentials, at, place = rest.rpartition("@")
    user, colon, _ = credentials.partition(":")
    place = re.split(r"[?#]", place, maxsplit=1)[0]
    return f"{scheme}://{user}{':…' if colon else ''}{at}{place}"


def make_plan(
    asked: Asked,
    environment: str,
    drivers: Mapping[str, tuple[str, Driver]],
    source: Source,
    now: Instant,
) -> Plan:
    """`drivers`: component -> (kind, driver), in the configuration's order. Touches nothing.

    Raises PointUnreachable, UnknownName, UsageError, and what the drivers refuse (SafetyRefusal, ComponentRefused …).
    """
    steps, notes, taken = [], list[str](), dict[Path, str]()
    for name in selected(asked, list(drivers)):
        kind, driver = drivers[name]
        target, where = target_of(asked.targets.get(name), asked.replace)
        if target.directory is not None and (other := taken.setdefault(target.directory.resolve(), name)) != name:
            raise UsageError(f"{other} and {name} have the same target", hint="a directory for each")
        choice = choose(asked.point, source.known(name), now)
        step, fallen = planned(Step(name, kind, choice, target, where, asked.only), driver, source)
        steps.append(step)
        notes += fallen
    return Plan(environment, asked.point, tuple(steps), tuple(notes))


def planned(step: Step, driver: Driver, source: Source) -> tuple[Step, list[str]]:
    """(the step with what its driver says it will do, what must be said about it). Raises what the driver refuses.

    A base that is damaged where the plan can see it is passed over for an older one that reaches the same point.
    """
    notes: list[str] = []
    while True:
        base, instead = step.choice.base, step.choice.instead
        try:
            changes = driver.plan(source.recovery(step, base), step.target)
            return replace(step, changes=tuple(changes)), notes
        except DamagedData as error:
            if not instead:
                raise
            notes.append(fallen_back(step.component, base, instead[0], error))
            step = replace(step, choice=replace(step.choice, base=instead[0], instead=instead[1:]))


def fallen_back(component: str, base: BaseRecord, older: BaseRecord, error: DamagedData) -> str:
    return (
        f"{component}: base {base.id} cannot be used: {error.message}; "
        f"going back to the base of {shown(older.facts.at)} and a longer journal"
    )


_KINDS = {Latest: "latest", AtTime: "time", AtBase: "base", AtMarker: "marker", DriverPoint: "position"}


def point_json(point: Point) -> Json:
    """`at`: of a time, and only of a time."""
    return {
        "kind": _KINDS[type(point)],
        "at": rfc3339(point.instant) if isinstance(point, AtTime) else None,
        "marker": point.id if isinstance(point, AtMarker) else None,
        "text": shown_point(point),
    }


def step_json(step: Step) -> Json:
    """All that `step_of` needs to make it again, and what people want to see."""
    choice = step.choice
    return {
        "component": step.component,
        "kind": step.kind,
        "base": choice.base.id,
        "until": until_json(choice.until),
        "reached_at": rfc3339(choice.reached_at),
        "at": choice.reached_at,
        "instead": [base.id for base in choice.instead],
        "target": {
            "directory": str(step.target.directory) if step.target.directory else None,
            "url": without_password(step.target.url) if step.target.url else None,
            "replace": step.target.replace,
        },
        "where": step.where,
        "only": list(step.only),
        "bytes": step.bytes,
        "changes": [{"what": one.what, "detail": one.detail, "bytes": one.bytes} for one in step.changes],
    }


def plan_json(plan: Plan) -> Json:
    return {
        "environment": plan.environment,
        "plan": "recover",
        "point": point_json(plan.point),
        "steps": [step_json(step) for step in plan.steps],
        "notes": list(plan.notes),
    }


def until_json(until: Instant | Mapping[str, Position] | None) -> Any:
    if isinstance(until, Mapping):
        return {stream: [at.lineage, at.offset] for stream, at in until.items()}
    return until


def until_of(value: Any) -> Instant | Mapping[str, Position] | None:
    if isinstance(value, dict):
        return {stream: Position(str(at[0]), int(at[1])) for stream, at in value.items()}
    return None if value is None else Instant(value)
