"""Carrying a plan out: components in parallel, every step journaled before and after. It has no opinions."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from planaria.core.clock import Clock
from planaria.core.errors import DamagedData, Interrupted, PlanariaError
from planaria.core.instant import SECOND, Instant, in_name, rfc3339
from planaria.core.points import AtTime
from planaria.core.times import parse_time
from planaria.drivers.contract import Driver, Restored
from planaria.recovery.evidence import state_of
from planaria.recovery.plan import Plan, Source, Step, fallen_back, plan_json, point_json
from planaria.recovery.run_journal import RunFiles
from planaria.repository.bases import BaseRecord

Json = dict[str, Any]


ELSEWHERE = "planaria check --read names all that is damaged; other bases and instants: planaria points {}"
_NOTHING: Json = {"position": {}, "reached_at": None, "bytes": 0, "fingerprint": None, "checks": []}
"""What a step that failed has to show."""


@dataclass(frozen=True, slots=True)
class Runner:
    """`drivers`: component -> driver. `warn` is told one sentence at a time."""

    drivers: Mapping[str, Driver]
    source: Source
    files: RunFiles
    clock: Clock
    warn: Callable[[str], None]

    def start(self, plan: Plan) -> Json:
        """A new run, to its end. Raises SafetyRefusal when another one is on a target, Interrupted (resumable)."""
        run = f"{in_name(self.clock.now())}-{self.source.repository.random_hex(4)}"
        return self._go(run, plan, {}, self.clock.now(), 1)

    def resume(self, run: str, plan: Plan) -> Json:
        """Goes on where the run stopped. `plan`: as `again.plan_again` made it. The whole run's time counts."""
        events = self.files.events(run)
        attempt = 1 + sum(event["event"] == "ended" for event in events)
        return self._go(run, plan, finished(events), parse_time(events[0]["at"], self.clock.now()), attempt)

    def _go(self, run: str, plan: Plan, finished: Mapping[str, Json], began: Instant, attempt: int) -> Json:
        with self.files.locked(run, [_place(step, plan.environment) for step in plan.steps]):
            now = rfc3339(self.clock.now())
            kind = "resumed" if self.files.is_known(run) else "planned"
            self.files.append(run, {"event": kind, "run": run, "at": now, "plan": plan_json(plan)})
            try:
                results = self._steps(run, [step for step in plan.steps if step.component not in finished])
            except Interrupted as error:
                raise Interrupted(error.message, hint=f"planaria resume {run}") from None
            outcome = _outcome(run, plan, {**finished, **results}, began, self.clock.now()) | {"attempt": attempt}
            ended = {"event": "ended", "state": state_of(outcome), "at": rfc3339(self.clock.now()), "result": outcome}
            self.files.append(run, ended)
            return outcome

    def _steps(self, run: str, steps: list[Step]) -> dict[str, Json]:
        lock = threading.Lock()

        def journal(event: str, component: str, **more: Json) -> None:
            with lock:
                at = rfc3339(self.clock.now())
                self.files.append(run, {"event": event, "component": component, "at": at, **more})

        def carried_out(step: Step) -> tuple[str, Json]:
            result = self._step(step, lambda: journal("begin", step.component))
            journal("end", step.component, result=result)
            return step.component, result

        with ThreadPoolExecutor(max(1, len(steps)), thread_name_prefix="recover") as pool:
            return dict(pool.map(carried_out, steps))

    def _step(self, step: Step, begin: Callable[[], None]) -> Json:
        mono = self.clock.monotonic()
        result: Json = {"name": f"recover {step.component}", "base": step.choice.base.id, **_NOTHING}
        try:
            restored, base = self._restored(step, begin)
        except Interrupted:
            raise
        except PlanariaError as error:
            hint = error.hint or (ELSEWHERE.format(step.component) if isinstance(error, DamagedData) else None)
            failure = {"code": error.code, "status": error.status, "message": error.message, "hint": hint}
            result |= {"state": "failed", "error": failure}
        else:
            proven = all(check.ok for check in restored.checks)
            result |= {
                "state": "done" if proven else "failed",
                "base": base.id,
                "position": {stream: str(at) for stream, at in restored.positions.items()},
                "reached_at": rfc3339(restored.reached_at),
                "bytes": restored.bytes,
                "fingerprint": restored.fingerprint,
                "checks": [{"name": one.check, "ok": one.ok, "detail": one.detail} for one in restored.checks],
            }
            if not proven:
                wrong = "; ".join(check.detail for check in restored.checks if not check.ok)
                result["error"] = {"code": "failed", "status": 1, "message": wrong, "hint": None}
        return result | {"seconds": round(self.clock.monotonic() - mono, 3)}

    def _restored(self, step: Step, begin: Callable[[], None]) -> tuple[Restored, BaseRecord]:
        """From the chosen base; from an older one, over a longer journal, where stored data proves damaged.

        `begin` is called once nothing refuses any more: what the target holds from then on is this run's.
        """
        driver, bases = self.drivers[step.component], [step.choice.base, *step.choice.instead]
        ours = False
        for number, base in enumerate(bases):
            recovery, target = self.source.recovery(step, base), over(step).target if ours else step.target
            try:
                driver.plan(recovery, target)
                begin()
                ours = True
                return driver.restore(recovery, target), base
            except DamagedData as error:
                if number + 1 == len(bases):
                    raise
                self.warn(fallen_back(step.component, base, bases[number + 1], error))
        raise AssertionError("unreachable: the last base returns or raises")


def over(step: Step) -> Step:
    """The same step into a target that this very run has begun to fill."""
    return replace(step, target=replace(step.target, replace=True))


def finished(events: Sequence[Json]) -> dict[str, Json]:
    """Component -> result, of the steps that are done."""
    ends = {event["component"]: event["result"] for event in events if event["event"] == "end"}
    return {name: result for name, result in ends.items() if result["state"] == "done"}


def begun(events: Sequence[Json]) -> set[str]:
    """Components whose target this run has begun to fill."""
    return {event["component"] for event in events if event["event"] == "begin"}


def _place(step: Step, environment: str) -> str:
    """What two runs must not share."""
    if step.target.directory is not None:
        return str(step.target.directory.resolve())
    return step.where if step.target.url is not None else f"{step.where} of {environment}/{step.component}"


def _outcome(run: str, plan: Plan, results: Mapping[str, Json], began: Instant, ended: Instant) -> Json:
    """The `result` of `recover` in the CLI's JSON, and the content of the evidence."""
    components = {}
    for step in plan.steps:
        asked = plan.point.instant if isinstance(plan.point, AtTime) else began
        lost = max(0, asked - step.choice.reached_at) / SECOND
        components[step.component] = {**results[step.component], "where": step.where, "rpo_seconds": round(lost, 3)}
    steps = [{key: one[key] for key in ("name", "seconds", "state")} for one in components.values()]
    seconds = round(max(0, ended - began) / SECOND, 3)
    return {
        "run": run,
        "environment": plan.environment,
        "plan": "recover",
        "point": point_json(plan.point),
        "began_at": rfc3339(began),
        "rto_seconds": seconds,
        "phases": [{"name": "data", "seconds": seconds, "budget_seconds": None, "steps": steps}],
        "components": components,
    }
