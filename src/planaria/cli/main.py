"""The program: global options, the verbs, and how each of them ends."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from planaria import __version__
from planaria.cli.cmd_backup import backup
from planaria.cli.cmd_check import check
from planaria.cli.cmd_doctor import doctor
from planaria.cli.cmd_export import export
from planaria.cli.cmd_follow import follow
from planaria.cli.cmd_init import init
from planaria.cli.cmd_keys import keys
from planaria.cli.cmd_list import list_
from planaria.cli.cmd_points import points
from planaria.cli.cmd_recover import recover
from planaria.cli.cmd_resume import resume
from planaria.cli.cmd_runs import runs
from planaria.cli.cmd_show import show
from planaria.cli.cmd_status import status
from planaria.cli.invocation import Invocation
from planaria.cli.output import Output
from planaria.core.errors import Interrupted, PlanariaError, UsageError

app = typer.Typer(
    name="planaria",
    help="Disaster recovery for a whole production environment: continuous, encrypted, proven.",
    epilog="Exit status: 0 done, 1 something failed, 2 usage or configuration, 3 point unreachable, 4 cannot reach, "
    "5 damaged data, 6 refused for safety, 130 interrupted.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for verb in (init, doctor, backup, follow, status, list_, show, points, recover, runs, resume, check, export):
    app.command(name=verb.__name__.rstrip("_"))(verb)
app.add_typer(keys, name="keys")

_FLAGS = ("--json", "--quiet", "--verbose", "-q", "-v")


def _version(asked: bool) -> None:
    if asked:
        print(f"planaria {__version__}")
        raise typer.Exit


@app.callback()
def everywhere(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="The configuration file.", metavar="FILE")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no warnings.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tracebacks where something fails.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Options for every verb; they may stand before or behind it."""
    del version
    context.obj = _now(config, Output(json, quiet, verbose), context.invoked_subcommand or "")


def _now(config: Path | None, output: Output, verb: str) -> Invocation:
    return Invocation(config, output, os.environ, verb=verb)


def main(arguments: Sequence[str] | None = None) -> None:
    """Ends the process with the verb's exit status."""
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """The exit status."""
    arguments = _globals_first(arguments)
    output = Output(json="--json" in arguments, verbose="--verbose" in arguments or "-v" in arguments)
    verb = next((word for word in arguments if not word.startswith("-")), "")
    try:
        return _invoked(arguments)
    except PlanariaError as error:
        if output.verbose:
            _traceback()
        output.fail(verb, error)
        return error.status
    except KeyboardInterrupt:
        output.fail(verb, Interrupted("interrupted", hint="nothing half done counts; to go on: planaria runs"))
        return Interrupted.status
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what reads us has seen enough
        return 1
    except Exception as error:  # noqa: BLE001 - a bug: said in one sentence, with its traceback on request
        if output.verbose:
            _traceback()
        output.fail(
            verb, PlanariaError(f"a fault in Planaria: {type(error).__name__}: {error}", hint="--verbose shows where")
        )
        return 1


def _invoked(arguments: list[str]) -> int:
    """Raises UsageError for what the parser refuses."""
    try:
        result: Any = app(args=arguments or ["--help"], prog_name="planaria", standalone_mode=False)
    except typer.Exit as ended:
        return int(ended.exit_code)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except typer.TyperException as error:
        message, context = getattr(error, "format_message", error.__str__)(), getattr(error, "ctx", None)
        where = f"{context.command_path} --help" if context else "planaria --help"
        raise UsageError(message.rstrip("."), hint=where) from None
    return result if isinstance(result, int) else 0


def _globals_first(arguments: list[str]) -> list[str]:
    """`planaria status --json` is what people type: options for every verb are moved in front of it."""
    first: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for word in waiting:
        if word == "--":
            rest += [word, *waiting]
        elif word in _FLAGS or word.startswith("--config="):
            first.append(word)
        elif word == "--config":
            first += [word, *(value for value in [next(waiting, None)] if value is not None)]
        else:
            rest.append(word)
    return first + rest


def _traceback() -> None:
    import traceback

    traceback.print_exc(file=sys.stderr)
