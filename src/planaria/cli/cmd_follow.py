"""`planaria follow`: follows journals in the foreground until SIGTERM or SIGINT."""

import typer

from planaria.cli.arguments import Components
from planaria.cli.cmd_backup import status_of
from planaria.cli.invocation import Invocation
from planaria.cli.output import error_json
from planaria.core.errors import PlanariaError


def follow(context: typer.Context, components: Components = None) -> int:
    """Follow the journals of components until SIGTERM or Ctrl-C; all that was read is durable then."""
    invocation: Invocation = context.obj
    from planaria.service.follow import follow as follow_all

    with invocation.stopped_by_signals(), invocation.progress() as progress:
        environment = invocation.environment(progress)
        chosen = environment.selected(tuple(components or ()))
        invocation.output.warn(f"Following {', '.join(chosen)}. Ctrl-C ends it cleanly.")
        ended = follow_all(environment, chosen)
    for one in ended:
        if one.error is not None and not isinstance(one.error, PlanariaError):
            raise one.error
    errors = [one.error for one in ended if isinstance(one.error, PlanariaError)]
    cleanly = [one.component for one in ended if one.error is None]
    invocation.output.finish("follow", {"ended": cleanly}, [error_json(one) for one in errors], ok=not errors)
    return status_of(errors, done=len(cleanly))
