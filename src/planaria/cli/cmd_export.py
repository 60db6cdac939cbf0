"""`planaria export`: a base as plain files, without any driver."""

from pathlib import Path
from typing import Annotated

import typer

from planaria.cli.invocation import Invocation
from planaria.core.errors import RepositoryRefused


def export(
    context: typer.Context,
    base: Annotated[str, typer.Argument(metavar="BASE", help="The id of a base, or an unambiguous beginning of it.")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty directory.")],
) -> int:
    """Write a base out as plain files."""
    invocation: Invocation = context.obj
    from planaria.core.nearest import the_only
    from planaria.core.quantities import shown_size
    from planaria.repository.base_reader import open_base
    from planaria.repository.bases import base_names, read_base
    from planaria.repository.export import export as write_out

    environment = invocation.environment()
    repository = environment.repository
    if repository.identity is None:
        raise RepositoryRefused(
            "this host has no identity: it can write to the repository and not read it",
            hint="export where repository.identity is configured",
        )
    bases = {name: one for one in environment.components for name in base_names(repository, one)}
    names = {name.rpartition("/")[2]: name for name in bases}
    name = names[the_only("base", base, names)]
    record = read_base(repository, bases[name], name)
    files, size = write_out(open_base(repository, record, environment.limits), directory)
    invocation.output.say(f"{files} files, {shown_size(size)}, of {record.component} base {record.id}: {directory}")
    result = {"base": record.id, "component": record.component, "directory": str(directory), "files": files}
    invocation.output.finish("export", result | {"bytes": size})
    return 0
