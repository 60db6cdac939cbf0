"""`planaria status`: one page, per component and for the environment."""

import typer

from planaria.cli.invocation import Invocation
from planaria.cli.output import second


def status(context: typer.Context) -> int:
    """Show what is protected, to when, and what is wrong."""
    invocation: Invocation = context.obj
    from planaria.core.quantities import shown_size
    from planaria.recovery.known import known
    from planaria.service import escrow
    from planaria.service.read_model import status as status_model
    from planaria.service.spooled import spooled

    environment = invocation.environment()
    settings, repository = environment.settings, environment.repository
    all_known = [known(repository, name, environment.limits.cache) for name in environment.components]
    waiting = spooled(environment.directories.spool / repository.id, environment.components)
    reminders = escrow.reminders(environment)
    found = status_model(settings, all_known, invocation.clock.now(), waiting, reminders)
    output = invocation.output
    rpo = found["rpo_seconds"]
    newest = "none yet" if rpo is None else f"{_lasted(rpo)} ago"
    output.say(f"{settings.environment}   newest recoverable instant: {newest}")
    output.say()
    output.table(
        ("COMPONENT", "DRIVER", ">RPO NOW", "NEWEST BASE", ">BASES", "WINDOW FROM", "TO", ">GAPS", ">STORED"),
        [
            (
                name,
                one["driver"],
                _lasted(one["rpo_seconds"]),
                _short(one["newest_base"], "at"),
                one["bases"],
                _short(one["window"], "from"),
                _short(one["window"], "to"),
                one["gaps"],
                shown_size(one["bytes_stored"] + one["journal_bytes"]),
            )
            for name, one in found["components"].items()
        ],
    )
    for finding in found["findings"]:
        output.say(f"! {finding['component']}: {finding['detail']}")
    for reminder in found["reminders"]:
        output.say(f"Still to do: {reminder}")
    output.finish("status", found, ok=not found["findings"])
    return 1 if found["findings"] else 0


def _lasted(seconds: float | None) -> str:
    from planaria.core.quantities import shown_duration

    return "-" if seconds is None else shown_duration(seconds)


def _short(one: dict[str, str] | None, field: str) -> str:
    """A time without its fraction: `2026-10-15T02:51:30Z`."""
    return second(one[field]) if one else "-"
