"""The reference pages, made from the code: `make docs`. A test holds them against it."""

import re
import sys
from pathlib import Path
from typing import Any

import typer

from planaria.cli.main import app
from planaria.core import errors
from planaria.core.quantities import DURATION_PATTERN, RATE_PATTERN, SIZE_PATTERN, shown_duration, shown_size
from planaria.drivers import registry
from planaria.settings.schema import json_schema

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
MADE = "<!-- Made by `make docs` from the code: change it there. -->\n\n"

MEANINGS = {
    0: "all that was asked was done (for `check` and `doctor`: and nothing was found wrong)",
    1: "it ran, and something failed, is missing or could not be proven",
    2: "usage or configuration",
    3: "the point asked for cannot be reached; nothing was touched",
    4: "the repository or a component cannot be reached, or refused us",
    5: "stored data is damaged or not authentic",
    6: "refused for safety: target not empty, another run on it, confirmation missing",
    130: "interrupted; resumable",
}


def table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def commands(command: Any, path: str, parent: typer.Context | None = None) -> list[tuple[str, Any, typer.Context]]:
    """(how it is called, the command, its context), the program itself first."""
    context = typer.Context(command, info_name=path.split()[-1], parent=parent, **command.context_settings)
    found = [(path, command, context)]
    for name, child in getattr(command, "commands", {}).items():
        found += commands(child, f"{path} {name}", context)
    return found


def cli() -> str:
    page = f"# The command line\n\n{MADE}"
    page += "Options of `planaria` itself may stand before the verb or behind it. `--json` prints one object, always:\n"
    page += '`{"planaria": 1, "verb": …, "ok": …, "result": {…}, "errors": [{"code": …, "message": …, "hint": …}]}`; '
    page += "fields are only ever added.\n"
    for path, command, context in commands(typer.main.get_command(app), "planaria"):
        usage = re.sub(r"\{([A-Z]+)\}|\[(\[[A-Z]+\])\]", r"\1\2", command.get_usage(context).removeprefix("Usage: "))
        page += f"\n## `{path}`\n\n{(command.help or '').strip()}\n\n```\n{' '.join(usage.split())}\n```\n"
        rows = [
            record
            for parameter in command.get_params(context)
            if (record := parameter.get_help_record(context)) and "--help" not in record[0]
        ]
        if rows:
            page += "\n" + table(
                ("option or argument", "meaning"), [(f"`{re.sub(' <.*>', '', a)}`", b) for a, b in rows]
            )
    return page


def statuses() -> str:
    page = f"# Exit statuses\n\n{MADE}" + table(("status", "means"), [(str(k), v) for k, v in MEANINGS.items()])
    return page + "\nWhich errors have which status: [errors](errors.md).\n"


def kinds() -> list[type[errors.PlanariaError]]:
    """Every class of error, in the order of the code."""
    return [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.PlanariaError)]


def all_errors() -> str:
    told = re.findall(r"^[ │├└─]*([A-Z]\w+)(?: \(\d+\))?(?: +(.+))?$", errors.__doc__ or "", re.MULTILINE)
    meaning = dict(told)
    rows = [(f"`{one.code}`", str(one.status), meaning[one.__name__]) for one in kinds()]
    page = f"# Errors\n\n{MADE}Every error in `--json` has a `code`, a `message` of one sentence, and a `hint`. "
    page += "An error of damaged data names its `object`, one of several components its `component`.\n\n"
    page += table(("code", "status", "when"), [row for row in rows if row[2]])
    return page + "\nWhat the statuses ask of you: [when something is wrong](../how-to/when-something-is-wrong.md).\n"


def settings() -> str:
    schema = json_schema(registry.options_models())
    page = f"# Settings\n\n{MADE}"
    page += "`--config FILE`, else `$PLANARIA_CONFIG`, else `./planaria.yaml`, else `/etc/planaria/planaria.yaml`. "
    page += "`planaria init` writes a commented one, and its JSON Schema beside it for editors.\n\n"
    page += "Durations: `90s`, `1h30m`, `7d`. Sizes: `512MiB`, `1.5GB`. Rates: `200MiB/s`. Times are UTC.\n"
    page += "A secret is `{env: NAME}`, `{file: PATH}` or `{kubernetes: …}`, and never stands in the file itself.\n"
    page += section("environment and its sections", schema, schema, "")
    for kind, model in registry.options_models().items():
        about = registry.capabilities(kind)
        page += f"\n## A component with `driver: {kind}`\n\n{about.title}. "
        page += f"{'Base and journal' if about.journal else 'Base only'}; recovered into: {', '.join(about.targets)}"
        page += f"; `--only`: {', '.join(f'`{one}`' for one in about.partial)}.\n\n"
        page += table(("key", "is", "default", "means"), rows(schema["$defs"][model.__name__], schema, ""))
    return page


def section(title: str, node: dict[str, Any], schema: dict[str, Any], path: str) -> str:
    return f"\n## The {title}\n\n" + table(("key", "is", "default", "means"), rows(node, schema, path))


def rows(node: dict[str, Any], schema: dict[str, Any], path: str) -> list[tuple[str, ...]]:
    """A row for each key, and for the keys below it."""
    found: list[tuple[str, ...]] = []
    for key, value in node.get("properties", {}).items():
        name = f"{path}{key}"
        forms = [form for form in alternatives(value, schema) if form.get("type") != "null"]
        section = is_section(forms[0])
        needed = "**required**" if key in node.get("required", []) else "" if section else default_of(value, forms)
        means = value.get("description") or forms[0].get("description", "").partition("\n")[0]
        kind = "section" if section else " or ".join(dict.fromkeys(map(kind_of, forms)))
        found.append((f"`{name}`", kind, needed, means))
        if section and len(forms) == 1:
            found += rows(forms[0], schema, f"{name}.")
    return found


def alternatives(node: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """What may stand there, references followed."""
    if "$ref" in node:
        return alternatives(schema["$defs"][node["$ref"].rpartition("/")[2]], schema)
    several = node.get("anyOf") or (node.get("oneOf") if "properties" not in node else None)
    return [form for one in several for form in alternatives(one, schema)] if several else [node]


def is_section(form: dict[str, Any]) -> bool:
    return "properties" in form and "oneOf" not in form


PATTERNS = {RATE_PATTERN: "rate", SIZE_PATTERN: "size", DURATION_PATTERN: "duration"}  # a rate begins as a size does


def kind_of(form: dict[str, Any]) -> str:
    if "const" in form:
        return f"`{form['const']}`"
    if "enum" in form:
        return " or ".join(f"`{one}`" for one in form["enum"])
    if "properties" in form:
        return "secret" if "oneOf" in form else "{" + ", ".join(f"{key}: …" for key in form["properties"]) + "}"
    quantity = next((name for pattern, name in PATTERNS.items() if pattern in form.get("pattern", "")), None)
    kind = {"string": "text", "object": "mapping", "array": "list", "boolean": "true or false", "integer": "number"}
    return quantity or kind.get(str(form["type"]), str(form["type"]))


def default_of(value: dict[str, Any], forms: list[dict[str, Any]]) -> str:
    default, kinds_of = value.get("default"), [kind_of(form) for form in forms]
    if default in (None, [], {}, ()):
        return ""
    if "size" in kinds_of:
        return f"`{shown_size(default).replace(' ', '')}`"
    if "duration" in kinds_of:
        return f"`{shown_duration(default).replace(' ', '')}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


PAGES = {"cli.md": cli, "settings.md": settings, "exit-statuses.md": statuses, "errors.md": all_errors}


def main() -> int:
    """0 when nothing had to change."""
    REFERENCE.mkdir(exist_ok=True)
    index = "# Reference\n\n" + MADE + "| page |\n|---|\n"
    index += "".join(f"| [{name.removesuffix('.md').replace('-', ' ')}]({name}) |\n" for name in PAGES)
    for name, text in [("README.md", index), *((name, make()) for name, make in PAGES.items())]:
        (REFERENCE / name).write_text(text)
    print(f"{len(PAGES)} pages in {REFERENCE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
