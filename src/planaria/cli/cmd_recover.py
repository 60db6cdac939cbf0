"""`planaria recover`: brings the environment, or a part of it, back to a point. The plan first, then the deed."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planaria.cli.arguments import Components, Targets, To, Yes
from planaria.cli.invocation import Invocation
from planaria.core.errors import PlanariaError, SafetyRefusal, UsageError

if TYPE_CHECKING:
    from planaria.recovery.plan import Plan
    from planaria.recovery.run import Runner
    from planaria.service.environment import Environment


def recover(
    context: typer.Context,
    components: Components = None,
    to: To = "latest",
    target: Targets = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="PATTERN", help="A part: db:N, key:PATTERN, path:GLOB.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Write over what the target holds; the plan says what that is.")
    ] = False,
    plan: Annotated[
        str | None, typer.Option("--plan", metavar="NAME", help="A plan of the configuration (not built yet).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")] = False,
    yes: Yes = False,
) -> int:
    """Bring the environment or a part of it back to a point."""
    invocation: Invocation = context.obj
    if plan is not None:
        raise UsageError("plans of the configuration are not carried out by this version", hint="leave --plan out")
    from planaria.core.points import parse_point
    from planaria.recovery.plan import Asked, make_plan, plan_json

    point = parse_point(to, invocation.clock.now())
    asked = Asked(point, tuple(components or ()), targets_of(target), tuple(only or ()), replace)
    with invocation.progress() as progress:
        environment = invocation.environment(progress)
        runner, drivers = runner_of(environment, asked.components)
        made = make_plan(asked, environment.settings.environment, drivers, runner.source, invocation.clock.now())
        show_plan(made, invocation)
        if dry_run:
            invocation.output.finish("recover", plan_json(made) | {"dry_run": True})
            return 0
        if not yes:
            confirm(made, invocation)
        with invocation.stopped_by_signals():
            result = runner.start(made)
        keep(result, environment, invocation)
    return finish("recover", result, invocation)


def targets_of(texts: list[str] | None) -> dict[str, str]:
    """`COMPONENT=WHERE`, each component once. Raises UsageError."""
    found: dict[str, str] = {}
    for text in texts or []:
        component, equals, where = text.partition("=")
        if not equals or not component or not where or component in found:
            raise UsageError(f"--target {text!r} is not COMPONENT=WHERE, once a component", hint="redis=/srv/restored")
        found[component] = where
    return found


def runner_of(environment: "Environment", components: tuple[str, ...]) -> "tuple[Runner, dict[str, Any]]":
    """(the runner, component -> (kind, driver)). Raises UnknownName, and RepositoryRefused without an identity."""
    from planaria.core.errors import ConfigurationError
    from planaria.recovery.plan import Source
    from planaria.recovery.run import Runner
    from planaria.recovery.run_journal import RunFiles

    if environment.repository.identity is None:
        raise ConfigurationError(
            "this host has no identity: it can write to the repository and not read it",
            hint="recover where repository.identity is configured",
        )
    environment.selected(components)
    drivers = {
        name: (environment.settings.components[name].driver, environment.driver(name))
        for name in environment.components
        if not components or name in components
    }
    source = Source(environment.repository, environment.limits)
    files = RunFiles(environment.directories.state / "runs")
    host = environment.host
    return Runner(
        {name: driver for name, (_, driver) in drivers.items()}, source, files, host.clock, host.warn
    ), drivers


def show_plan(plan: "Plan", invocation: Invocation) -> None:
    from planaria.core.instant import SECOND, shown
    from planaria.core.points import AtTime, shown_point
    from planaria.core.quantities import shown_duration, shown_size

    output = invocation.output
    output.say(f"Recover {plan.environment} to {shown_point(plan.point)}")
    for step in plan.steps:
        output.say()
        output.say(f"{step.component} ({step.kind})  ->  {step.where}")
        reached = step.choice.reached_at
        behind = plan.point.instant - reached if isinstance(plan.point, AtTime) else 0
        age = f" ({shown_duration(behind / SECOND)} before: it has no journal)" if behind else ""
        output.say(f"  to {shown(reached)}{age}, from base {step.choice.base.id}")
        if step.only:
            output.say(f"  only {', '.join(step.only)}")
        for change in step.changes:
            size = f" ({shown_size(change.bytes)})" if change.bytes else ""
            output.say(f"  {change.what}: {change.detail}{size}")
    output.say()
    for note in plan.notes:
        output.warn(note)


def confirm(plan: "Plan", invocation: Invocation) -> None:
    """Into configured services, or over what a target holds: the environment's name is typed. Raises SafetyRefusal."""
    serious = [
        step.component
        for step in plan.steps
        if (step.target.directory is None and step.target.url is None) or step.target.replace
    ]
    if not serious:
        return
    what = f"this writes over what {', '.join(serious)} holds now"
    if sys.stdin is None or not sys.stdin.isatty() or invocation.output.json:
        raise SafetyRefusal(
            f"{what}, and nobody is here to confirm it",
            hint="--yes, or --target COMPONENT=DIRECTORY for a place of its own",
        )
    print(f"T{what[1:]}. Type the environment's name to go on: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != plan.environment:
        raise SafetyRefusal("that is not the environment's name: nothing was touched", hint=f"it is {plan.environment}")


def keep(result: dict[str, Any], environment: "Environment", invocation: Invocation) -> None:
    """The evidence, in the repository; a store that does not take it fails no recovery that is done."""
    from planaria.recovery import evidence

    try:
        result["evidence"] = evidence.keep(environment.repository, result)
    except PlanariaError as error:
        result["evidence"] = None
        invocation.output.missed("the evidence stays on this host", error)


def finish(verb: str, result: dict[str, Any], invocation: Invocation) -> int:
    """Says what came of it."""
    from planaria.core.quantities import shown_duration, shown_size

    output = invocation.output
    failures = {name: one["error"] for name, one in result["components"].items() if one["state"] != "done"}
    for name, one in result["components"].items():
        if name in failures:
            hint = f" ({one['error']['hint']})" if one["error"]["hint"] else ""
            output.complain(f"{name}: {one['error']['message']}{hint}")
        else:
            reached, took = one["reached_at"].replace("T", " "), shown_duration(one["seconds"])
            output.say(f"{name}: {reached} in {took}, {shown_size(one['bytes'])} at {one['where']}")
        for check in one["checks"]:
            output.say(f"  {'ok ' if check['ok'] else 'NOT'} {check['name']}: {check['detail']}")
    output.say(f"run {result['run']}: {'failed' if failures else 'done'}, RTO {shown_duration(result['rto_seconds'])}")
    if failures:
        output.say(f"to try the rest again: planaria resume {result['run']}")
    errors = [
        {"code": one["code"], "message": one["message"], "hint": one["hint"], "component": name}
        for name, one in failures.items()
    ]
    output.finish(verb, result, errors, ok=not failures)
    if not failures:
        return 0
    statuses = {int(one["status"]) for one in failures.values()}
    return statuses.pop() if len(statuses) == 1 and len(failures) == len(result["components"]) else 1
