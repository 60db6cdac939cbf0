"""What a verb says: results to standard output (tables, or one JSON object), everything else to standard error."""

import contextlib
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from typing import Any

from planaria.core.errors import PlanariaError

Json = dict[str, Any]


@dataclass(slots=True)
class Output:
    json: bool = False
    quiet: bool = False
    verbose: bool = False
    finished: bool = False
    """The verb has said what came of it."""

    def say(self, text: str = "") -> None:
        """One line for people."""
        if not self.json:
            print(text)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """For people. A column whose heading begins with `>` is aligned to the right. Nothing is cut or wrapped."""
        lines = [[heading.lstrip(">") for heading in headings], *([str(cell) for cell in row] for row in rows)]
        widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
        right = [heading.startswith(">") for heading in headings]
        for line in lines:
            cells = [
                cell.rjust(width) if number else cell.ljust(width)
                for cell, width, number in zip(line, widths, right, strict=True)
            ]
            self.say("  ".join(cells).rstrip())

    def finish(self, verb: str, result: Json, errors: Sequence[Json] = (), *, ok: bool = True) -> None:
        """The one object of `--json`: a second one is not said."""
        if self.json and not self.finished:
            import json

            print(json.dumps({"planaria": 1, "verb": verb, "ok": ok, "result": result, "errors": list(errors)}))
        self.finished = True

    def fail(self, verb: str, error: PlanariaError) -> None:
        """An error that ended the verb: to standard error, and in the JSON object."""
        print(f"planaria: {error.message}", file=sys.stderr)
        for line in (hint_of(error) or "").splitlines():
            print(f"  {line}", file=sys.stderr)
        self.finish(verb, {}, [error_json(error)], ok=False)

    def warn(self, sentence: str) -> None:
        if not self.quiet:
            print(f"planaria: {sentence}", file=sys.stderr, flush=True)

    def complain(self, sentence: str) -> None:
        """What went wrong, and did not end the verb. Not even --quiet hides it."""
        print(f"planaria: {sentence}", file=sys.stderr, flush=True)

    def missed(self, about: str, error: PlanariaError) -> None:
        """An error of one of several things."""
        found = hint_of(error)
        hint = f" ({'; '.join(found.splitlines())})" if found else ""
        self.complain(f"{about}: {error.message}{hint}")


def prepare() -> None:
    """Whatever the terminal's encoding cannot show is shown escaped: what we say must never be what fails."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def flushed(status: int) -> int:
    """`status`, once all that was said has left us; 1 where it could not."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # whoever reads us has seen enough
            print(f"planaria: standard output cannot be written: {error.strerror}", file=sys.stderr)
        abandoned()
        return status or 1
    return status


def abandoned() -> None:
    """Nothing more is said on standard output, and Python does not try again when it ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


HINTS = {
    "damaged-data": "planaria check --read names all that is damaged; planaria points shows what else can be reached",
    "store-unavailable": "planaria doctor checks the store; it may pass",
    "store-refused": "planaria doctor checks what the store lets us do",
    "component-unavailable": "planaria doctor checks the service; it may pass",
    "component-refused": "planaria doctor names what the service asks for",
    "interrupted": "run it again: nothing half done counts",
}
"""What to do next, for errors whose cause could not say."""


def hint_of(error: PlanariaError) -> str | None:
    return error.hint or HINTS.get(error.code)


def error_json(error: PlanariaError, **more: str) -> Json:
    found: Json = {"code": error.code, "message": error.message, "hint": hint_of(error), **more}
    named = getattr(error, "object_name", None)
    return found | ({"object": named} if named else {})


def second(time: str) -> str:
    """RFC 3339 as people read it, to the second: `2026-10-15 02:51:30Z`."""
    return time[:19].replace("T", " ") + "Z"
