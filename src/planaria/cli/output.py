"""What a verb says: results to standard output (tables, or one JSON object), everything else to standard error."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from planaria.core.errors import PlanariaError

Json = dict[str, Any]
WIDE = 200
"""Columns when nobody looks: nothing is wrapped."""


@dataclass(slots=True)
class Output:
    json: bool = False
    quiet: bool = False
    verbose: bool = False
    _finished: bool = field(default=False)

    def say(self, text: str = "") -> None:
        """One line for people."""
        if not self.json:
            print(text)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """For people. A column whose heading begins with `>` is aligned to the right."""
        if self.json:
            return
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in headings:
            table.add_column(heading.lstrip(">"), justify="right" if heading.startswith(">") else "left")
        for row in rows:
            table.add_row(*(str(cell) for cell in row))
        Console(width=None if sys.stdout.isatty() else WIDE, highlight=False, markup=False).print(table)

    def finish(self, verb: str, result: Json, errors: Sequence[Json] = (), *, ok: bool = True) -> None:
        """The one object of `--json`."""
        self._finished = True
        if self.json:
            whole = {"planaria": 1, "verb": verb, "ok": ok, "result": result, "errors": list(errors)}
            print(json.dumps(whole, ensure_ascii=False))

    def fail(self, verb: str, error: PlanariaError) -> None:
        """An error that ended the verb: to standard error, and in the JSON object."""
        print(f"planaria: {error.message}", file=sys.stderr)
        for line in (error.hint or "").splitlines():
            print(f"  {line}", file=sys.stderr)
        if not self._finished:
            self.finish(verb, {}, [error_json(error)], ok=False)

    def warn(self, sentence: str) -> None:
        if not self.quiet:
            print(f"planaria: {sentence}", file=sys.stderr)


def error_json(error: PlanariaError) -> Json:
    found: Json = {"code": error.code, "message": error.message, "hint": error.hint}
    component = getattr(error, "object_name", None)
    return found | ({"object": component} if component else {})


def second(time: str) -> str:
    """RFC 3339 as people read it, to the second: `2026-10-15 02:51:30Z`."""
    return time[:19].replace("T", " ") + "Z"
