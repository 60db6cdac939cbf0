"""`planaria list`: the bases of components, and the runs."""

import typer

from planaria.cli.arguments import OneComponent
from planaria.cli.invocation import Invocation
from planaria.cli.output import second
from planaria.core.quantities import shown_duration, shown_size


def list_(context: typer.Context, component: OneComponent = None) -> int:
    """List bases, the newest last, and the evidence of runs."""
    invocation: Invocation = context.obj
    from planaria.recovery import evidence
    from planaria.repository.bases import all_bases
    from planaria.service.read_model import base_json

    environment = invocation.environment()
    bases, damage = [], []
    for name in environment.selected((component,) if component else ()):
        found, wrong = all_bases(environment.repository, name)
        bases += [base_json(base) for base in found]
        damage += wrong
    runs = [name.removeprefix("runs/") for name in evidence.names(environment.repository)] if not component else []
    invocation.output.table(
        ("COMPONENT", "BASE", "STATE OF", ">FILES", ">SIZE", ">STORED", ">TOOK"),
        [
            (
                one["component"],
                one["id"],
                second(one["at"]),
                one["files"],
                shown_size(one["bytes_logical"]),
                shown_size(one["bytes_stored"]),
                shown_duration(one["seconds"]),
            )
            for one in bases
        ],
    )
    for run in runs:
        invocation.output.say(f"run {run}")
    for error in damage:
        invocation.output.warn(error.message)
    errors = [{"code": one.code, "message": one.message, "hint": one.hint, "object": one.object_name} for one in damage]
    invocation.output.finish("list", {"bases": bases, "runs": runs}, errors, ok=not errors)
    return damage[0].status if damage else 0
