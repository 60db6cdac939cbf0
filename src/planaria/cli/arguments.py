"""Arguments that several verbs share, in the words of the command line."""

from typing import Annotated

import typer

Components = Annotated[
    list[str] | None,
    typer.Argument(metavar="COMPONENT", help="As the configuration names them; all when none is named."),
]
OneComponent = Annotated[
    str | None, typer.Argument(metavar="[COMPONENT]", help="As the configuration names it; all when none is named.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
To = Annotated[
    str,
    typer.Option(
        "--to", metavar="POINT", help="latest, a time ('2026-10-15 02:51:30 UTC', '2 hours ago'), base:ID, offset:N."
    ),
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        metavar="COMPONENT=WHERE",
        help="Where to: a directory (data files), or a live service's URL.",
    ),
]
