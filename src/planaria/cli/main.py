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
from planaria.cli.output import Output, abandoned, flushed, prepare
from planaria.core.errors import Failed, Interrupted, PlanariaError, UsageError

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
_HELP = ("--help", "-h")


@app.callback()
def everywhere(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="The configuration file.", metavar="FILE")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no warnings.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tracebacks where something fails.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Show it.")] = False,
) -> None:
    """Options for every verb; they may stand before or behind it."""
    invocation: Invocation = context.obj
    invocation.config = config
    output = invocation.output
    output.json, output.quiet, output.verbose = json, quiet, verbose
    del version  # said before anything is parsed


def main(arguments: Sequence[str] | None = None) -> None:
    """Ends the process with the verb's exit status."""
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """The exit status."""
    prepare()
    everywhere, words = _parted(arguments)
    output = Output("--json" in everywhere, verbose="--verbose" in everywhere or "-v" in everywhere)
    invocation = Invocation(None, output, os.environ, verb=_verb(words))
    try:
        status = _invoked([*everywhere, *words], words, invocation)
    except BrokenPipeError:
        abandoned()  # what reads us has seen enough
        return 1
    except (Exception, KeyboardInterrupt) as failure:  # noqa: BLE001 - a bug too is said in one sentence
        if output.verbose:
            _traceback()
        error = _as_ours(failure)
        output.fail(invocation.verb, error)
        status = error.status
    return flushed(status)


def _as_ours(failure: BaseException) -> PlanariaError:
    """Every way to fail, as one sentence with its status."""
    if isinstance(failure, PlanariaError):
        return failure
    if isinstance(failure, KeyboardInterrupt):
        return Interrupted("interrupted", hint="nothing half done counts; to go on: planaria runs")
    if isinstance(failure, OSError) and failure.strerror:
        where = f"{failure.filename}: " if failure.filename is not None else ""
        return Failed(f"{where}{failure.strerror}", hint="on this host: check the path, its owner and the free space")
    return Failed(f"a fault in Planaria: {type(failure).__name__}: {failure}", hint="--verbose shows where")


def _invoked(arguments: list[str], words: list[str], invocation: Invocation) -> int:
    """Raises UsageError for what the parser refuses."""
    if "--version" in arguments[: len(arguments) - len(words)]:
        invocation.output.say(f"planaria {__version__}")
        invocation.output.finish("", {"version": __version__})
        return 0
    page = _help(words) if not arguments or set(words) & set(_HELP) else None
    if page is not None:
        invocation.output.say(page)
        invocation.output.finish(invocation.verb, {"help": page})
        return 0
    try:
        result: Any = app(args=arguments, prog_name="planaria", standalone_mode=False, obj=invocation)
    except typer.Exit as ended:
        return int(ended.exit_code)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except typer.TyperException as error:
        message, context = error.format_message(), getattr(error, "ctx", None)
        where = f"{context.command_path if context else f'planaria {invocation.verb}'} --help"
        raise UsageError(message.rstrip("."), hint=where) from None
    if result == Interrupted.status and not invocation.output.finished:  # what the parser makes of Ctrl-C
        raise KeyboardInterrupt
    return result if isinstance(result, int) else 0


def _help(words: list[str]) -> str | None:
    """The page asked for. It is found without the parser, which would load what only verbs at work need."""
    if "_PLANARIA_COMPLETE" in os.environ:  # a shell asks, and not a person
        return None
    command: Any = typer.main.get_command(app)
    context = typer.Context(command, info_name="planaria", **command.context_settings)
    for word in words:
        if word in _HELP or not hasattr(command, "commands"):
            break
        if word not in command.commands:
            return None  # the parser says what is wrong with it
        command = command.commands[word]
        context = typer.Context(command, info_name=word, parent=context)
    return str(command.get_help(context)).rstrip()


def _parted(arguments: list[str]) -> tuple[list[str], list[str]]:
    """(options for every verb, the rest): `planaria status --json` is what people type."""
    first: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for word in waiting:
        if word == "--":
            rest += [word, *waiting]
        elif word in (*_FLAGS, "--version") or word.startswith("--config="):
            first.append(word)
        elif word == "--config":
            first += [word, *(value for value in [next(waiting, None)] if value is not None)]
        else:
            rest.append(word)
    return first, rest


def _verb(words: list[str]) -> str:
    """As it was typed: `keys list` has two words."""
    told = [word for word in words[:2] if not word.startswith("-")]
    return " ".join(told if told[:1] == ["keys"] else told[:1])


def _traceback() -> None:
    import traceback

    traceback.print_exc(file=sys.stderr)
