"""Carrying a plan out: components in parallel, every step journaled before and after. It has no opinions."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from planaria.core.clock import Clock
from planaria.core.errors import DamagedData, Interrupted, PlanariaError
from planaria.core.instant import SECOND, in_name, rfc3339, shown
from planaria.core.points import AtTime, shown_point
from planaria.drivers.contract import Driver, Restored
from planaria.recovery.plan import Plan, Source, Step, plan_json
from planaria.recovery.run_journal import RunFiles
from planaria.repository.bases import BaseRecord

Json = dict[str, Any]


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
        return self._go(run, plan, {}, first=True)

    def resume(self, run: str, plan: Plan) -> Json:
        """Goes on where the run stopped; what had begun is begun again, over what it left in its target."""
        events = self.files.events(run)
        begun = {event["component"] for event in events if event["event"] == "begin"}
        done = {event["component"]: event["result"] for event in events if event["event"] == "end"}
        finished = {name: result for name, result in done.items() if result["state"] == "done"}
        steps = tuple(_over(step) if step.component in begun else step for step in plan.steps)
        return self._go(run, replace(plan, steps=steps), finished, first=False)

    def _go(self, run: str, plan: Plan, finished: dict[str, Json], *, first: bool) -> Json:
        targets = [f"{step.where} of {plan.environment}/{step.component}" for step in plan.steps]
        with self.files.locked(run, [_place(step, name) for step, name in zip(plan.steps, targets, strict=True)]):
            began, mono = self.clock.now(), self.clock.monotonic()
            kind = "planned" if first else "resumed"
            self.files.append(run, {"event": kind, "run": run, "at": rfc3339(began), "plan": plan_json(plan)})
            results = self._steps(run, [step for step in plan.steps if step.component not in finished])
            results = finished | results
            ok = all(result["state"] == "done" for result in results.values())
            state = "done" if ok else "failed"
            seconds = round(self.clock.monotonic() - mono, 3)
            outcome = _outcome(run, plan, results, began, seconds)
            self.files.append(
                run, {"event": "ended", "state": state, "at": rfc3339(self.clock.now()), "result": outcome}
            )
            return outcome

    def _steps(self, run: str, steps: list[Step]) -> dict[str, Json]:
        lock = threading.Lock()

        def journaled(step: Step) -> tuple[str, Json]:
            with lock:
                self.files.append(run, {"event": "begin", "component": step.component, "at": rfc3339(self.clock.now())})
            result = self._step(step)
            with lock:
                event = {"event": "end", "component": step.component, "at": rfc3339(self.clock.now()), "result": result}
                self.files.append(run, event)
            return step.component, result

        with ThreadPoolExecutor(max(1, len(steps)), thread_name_prefix="recover") as pool:
            return dict(pool.map(journaled, steps))

    def _step(self, step: Step) -> Json:
        mono = self.clock.monotonic()
        result: Json = {"name": f"recover {step.component}", "base": step.choice.base.id}
        try:
            restored, base = self._restored(step)
        except Interrupted:
            raise
        except PlanariaError as error:
            failure = {"code": error.code, "status": error.status, "message": error.message, "hint": error.hint}
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

    def _restored(self, step: Step) -> tuple[Restored, BaseRecord]:
        """From the chosen base; from an older one, over a longer journal, where stored data proves damaged."""
        driver, bases = self.drivers[step.component], [step.choice.base, *step.choice.instead]
        for number, base in enumerate(bases):
            try:
                return driver.restore(self.source.recovery(step, base), step.target), base
            except DamagedData as error:
                if number + 1 == len(bases):
                    raise
                self.warn(
                    f"{step.component}: {error.message}; going back to the base of {shown(bases[number + 1].facts.at)}"
                )
                step = _over(step)
        raise AssertionError("unreachable: the last base returns or raises")


def _over(step: Step) -> Step:
    """The same step into a target that this very run has begun to fill."""
    return replace(step, target=replace(step.target, replace=True))


def _place(step: Step, configured: str) -> str:
    """What two runs must not share."""
    if step.target.directory is not None:
        return str(step.target.directory.resolve())
    return step.where if step.target.url is not None else configured


def _outcome(run: str, plan: Plan, results: dict[str, Json], began: int, seconds: float) -> Json:
    """The `result` of `recover` in the CLI's JSON, and the content of the evidence."""
    components = {}
    for step in plan.steps:
        result = results[step.component]
        asked = plan.point.instant if isinstance(plan.point, AtTime) else began
        lost = max(0, asked - step.choice.reached_at) / SECOND
        components[step.component] = {**result, "where": step.where, "rpo_seconds": round(lost, 3)}
    steps = [{key: result[key] for key in ("name", "seconds", "state")} for result in results.values()]
    return {
        "run": run,
        "environment": plan.environment,
        "plan": "recover",
        "point": {"kind": type(plan.point).__name__, "at": shown_point(plan.point), "marker": None},
        "began_at": rfc3339(began),  # type: ignore[arg-type]
        "rto_seconds": seconds,
        "phases": [{"name": "data", "seconds": seconds, "budget_seconds": None, "steps": steps}],
        "components": components,
    }
