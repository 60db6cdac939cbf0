"""`planaria follow`: follows journals in the foreground until SIGTERM or SIGINT."""

import typer

from planaria.cli.arguments import Components
from planaria.cli.cmd_backup import status_of
from planaria.cli.invocation import Invocation
from planaria.cli.output import error_json
from planaria.core.errors import PlanariaError


def follow(context: typer.Context, components: Components = None) -> int:
    """Follow journals until SIGTERM or Ctrl-C."""
    invocation: Invocation = context.obj
    from planaria.service.follow import follow as follow_all
    from planaria.service.follow import followed

    with invocation.stopped_by_signals(), invocation.progress() as progress:
        environment = invocation.environment(progress)
        chosen = followed(environment, tuple(components or ()))
        invocation.output.warn(f"Following {', '.join(chosen)}. Ctrl-C ends it cleanly.")
        ended = follow_all(environment, chosen)
    for one in ended:
        if one.error is not None and not isinstance(one.error, PlanariaError):
            raise one.error
    failed = [(one.component, one.error) for one in ended if isinstance(one.error, PlanariaError)]
    cleanly = [one.component for one in ended if one.error is None]
    errors = [error_json(error, component=name) for name, error in failed]
    invocation.output.finish("follow", {"ended": cleanly}, errors, ok=not failed)
    return status_of([error for _, error in failed], done=len(cleanly))
