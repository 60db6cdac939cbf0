"""`planaria backup`: takes a base of each component now."""

from typing import Any

import typer

from planaria.cli.arguments import Components
from planaria.cli.invocation import Invocation
from planaria.cli.output import error_json, second
from planaria.core.errors import Interrupted, PlanariaError
from planaria.core.quantities import shown_duration, shown_size


def backup(context: typer.Context, components: Components = None) -> int:
    """Take a base now, of all components when none is named."""
    invocation: Invocation = context.obj
    from planaria.repository.bases import find_base
    from planaria.service.read_model import base_json

    bases: list[dict[str, Any]] = []
    errors: list[PlanariaError] = []
    with invocation.stopped_by_signals(), invocation.progress() as progress:
        environment = invocation.environment(progress)
        for name in environment.selected(tuple(components or ())):
            try:
                with environment.archive(name) as archive:
                    committed = environment.driver(name).base(archive)
                bases.append(base_json(find_base(environment.repository, name, committed.id)))
            except Interrupted:
                raise
            except PlanariaError as error:
                errors.append(error)
                invocation.output.warn(f"{name}: {error.message}" + (f" ({error.hint})" if error.hint else ""))
    invocation.output.table(
        ("COMPONENT", "BASE", "AT", ">FILES", ">SIZE", ">STORED", ">TOOK"),
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
    invocation.output.finish("backup", {"bases": bases}, [error_json(one) for one in errors], ok=not errors)
    return status_of(errors, done=len(bases))


def status_of(errors: list[PlanariaError], *, done: int) -> int:
    """The error's own status where nothing was done, 1 where only a part was."""
    if not errors:
        return 0
    return errors[0].status if not done and len({one.status for one in errors}) == 1 else 1
