"""`planaria show`: everything about one base or run."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from planaria.cli.invocation import Invocation

if TYPE_CHECKING:
    from planaria.service.environment import Environment


def show(
    context: typer.Context,
    id: Annotated[str, typer.Argument(metavar="ID", help="Of a base or a run, or an unambiguous beginning of it.")],
) -> int:
    """Show everything about one base or run."""
    invocation: Invocation = context.obj
    import json

    from planaria.core.nearest import the_only
    from planaria.recovery import evidence
    from planaria.recovery.run_journal import RunFiles
    from planaria.repository.bases import base_names

    environment = invocation.environment()
    repository = environment.repository
    bases = {name: one for one in environment.components for name in base_names(repository, one)}
    files = RunFiles(environment.directories.state / "runs")
    names = dict.fromkeys(files.ids(), "")
    names |= {name.rpartition("/")[2]: name for name in (*bases, *evidence.names(repository))}
    chosen = the_only("base or run", id, names)
    name = names[chosen]
    if name in bases:
        found = _base(environment, bases[name], name)
    elif name:
        found = evidence.read(repository, name)
    else:
        found = {"run": chosen, "state": files.state(chosen), "events": files.events(chosen)}
    invocation.output.say(json.dumps(found, indent=2, ensure_ascii=False))
    invocation.output.finish("show", found)
    return 0


def _base(environment: "Environment", component: str, name: str) -> dict[str, Any]:
    from planaria.repository.base_reader import open_base
    from planaria.repository.bases import read_base
    from planaria.service.read_model import base_json

    record = read_base(environment.repository, component, name)
    entries = open_base(environment.repository, record, environment.limits).entries()
    return base_json(record) | {"entries": [{"path": one.path, "size": one.size} for one in entries]}
