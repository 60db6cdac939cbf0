"""`planaria show`: everything about one base or run."""

import json
from typing import Annotated, Any

import typer

from planaria.cli.invocation import Invocation
from planaria.core.nearest import the_only


def show(
    context: typer.Context,
    id: Annotated[str, typer.Argument(help="Of a base or a run, or an unambiguous beginning of it.")],
) -> int:
    """Show everything about one base or run."""
    invocation: Invocation = context.obj
    from planaria.recovery import evidence
    from planaria.repository.base_reader import open_base
    from planaria.repository.bases import base_names, read_base
    from planaria.service.read_model import base_json

    environment = invocation.environment()
    repository = environment.repository
    bases = {name: one for one in environment.components for name in base_names(repository, one)}
    names = {name.rpartition("/")[2]: name for name in (*bases, *evidence.names(repository))}
    name = names[the_only("base or run", id, names)]
    found: dict[str, Any]
    if name in bases:
        record = read_base(repository, bases[name], name)
        found = base_json(record)
        entries = open_base(repository, record, environment.limits).entries()
        found["entries"] = [{"path": one.path, "size": one.size} for one in entries]
    else:
        found = evidence.read(repository, name)
    invocation.output.say(json.dumps(found, indent=2, ensure_ascii=False))
    invocation.output.finish("show", found)
    return 0
