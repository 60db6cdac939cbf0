"""`planaria backup`: takes a base of each component now."""

from typing import Any

import typer

from planaria.cli.arguments import Components
from planaria.cli.invocation import Invocation
from planaria.cli.output import Output, error_json, second
from planaria.core.errors import Interrupted, PlanariaError


def backup(context: typer.Context, components: Components = None) -> int:
    """Take a base now."""
    invocation: Invocation = context.obj
    from planaria.repository.bases import find_base
    from planaria.service.read_model import base_json

    bases: list[dict[str, Any]] = []
    failed: list[tuple[str, PlanariaError]] = []
    with invocation.stopped_by_signals(), invocation.progress() as progress:
        environment = invocation.environment(progress)
        for name in environment.selected(tuple(components or ())):
            try:
                with environment.archive(name) as archive:
                    committed = environment.driver(name).base(archive)
                bases.append(base_json(find_base(environment.repository, name, committed.id)))
            except PlanariaError as error:
                failed.append((name, error))
                invocation.output.missed(name, error)
                if isinstance(error, Interrupted):
                    break
    if bases:
        base_table(bases, invocation.output)
    errors = [error_json(error, component=name) for name, error in failed]
    invocation.output.finish("backup", {"bases": bases}, errors, ok=not failed)
    return status_of([error for _, error in failed], done=len(bases))


def base_table(bases: list[dict[str, Any]], output: Output) -> None:
    """As `read_model.base_json` made them."""
    from planaria.core.quantities import shown_duration, shown_size

    headings = ("COMPONENT", "BASE", "STATE OF", ">FILES", ">SIZE", ">STORED", ">TOOK")
    rows = [
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
    ]
    output.table(headings, rows)


def status_of(errors: list[PlanariaError], *, done: int) -> int:
    """The errors' own status where nothing was done and they agree; 130 where one was an interruption; else 1."""
    statuses = {one.status for one in errors}
    if Interrupted.status in statuses:
        return Interrupted.status
    if not errors:
        return 0
    return statuses.pop() if not done and len(statuses) == 1 else 1
