"""`planaria list`: the bases of components, and the runs that left evidence."""

import typer

from planaria.cli.arguments import OneComponent
from planaria.cli.cmd_backup import base_table
from planaria.cli.invocation import Invocation
from planaria.cli.output import error_json


def list_(context: typer.Context, component: OneComponent = None) -> int:
    """List bases and the evidence of runs, the newest last."""
    invocation: Invocation = context.obj
    from planaria.recovery import evidence
    from planaria.repository.bases import all_bases
    from planaria.service.read_model import base_json

    environment = invocation.environment()
    bases, damage = [], []
    for name in environment.selected((component,) if component else ()):
        found, wrong = all_bases(environment.repository, name)
        bases += [base_json(base) for base in found]
        damage += [error_json(error, component=name) for error in wrong]
    names = evidence.names(environment.repository) if not component else []
    runs = [{"run": evidence.run_of(name), "evidence": name} for name in names]
    output = invocation.output
    if bases:
        base_table(bases, output)
    else:
        output.say("there is no base yet: planaria backup")
    for one in runs:
        output.say(f"run {one['run']}  {one['evidence']}")
    for error in damage:
        output.warn(f"{error['component']}: {error['message']}")
    output.finish("list", {"bases": bases, "runs": runs}, damage, ok=not damage)
    return 5 if damage else 0
