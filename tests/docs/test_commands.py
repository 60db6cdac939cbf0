"""Every command that a document shows exists, with the options that it shows."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from planaria.cli.main import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
PROGRAM: Any = typer.main.get_command(app)

COMMAND = re.compile(r"(?:\.venv/bin/|\b)planaria((?: +(?:\"[^\"]*\"|'[^']*'|[^\s;&|`)>#\"']+))+)")
"""As it stands in a block or a code span, with its words."""


def shown(document: Path) -> list[str]:
    text = document.read_text()
    blocks = re.findall(r"^```(?!yaml)[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`(planaria [^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    lines = [line.partition(" #")[0] for block in blocks for line in block.splitlines()]
    lines = [line for line in lines if "[OPTIONS]" not in line and not line.startswith("ACL SETUSER planaria")]
    found = [match[1].strip() for line in [*lines, *spans] for match in COMMAND.finditer(line)]
    return [command for command in found if re.match(r"[a-z-]", command)]


COMMANDS = [
    pytest.param(command, id=f"{path.relative_to(ROOT)}: {command}")
    for path in DOCUMENTS
    for command in dict.fromkeys(shown(path))
]


def refusal(words: list[str]) -> str | None:
    """What the parser would not understand. Arguments may be left out, as prose does."""
    command, places = PROGRAM, 0
    waiting = iter(words)
    for word in waiting:
        if word.startswith("-"):
            name = word.partition("=")[0]
            option = next((one for one in (*command.params, *PROGRAM.params) if name in one.opts), None)
            if option is None and name not in ("--help", "-h"):
                return f"no option {name}"
            if option is not None and not option.is_flag and "=" not in word:
                next(waiting, None)
        elif hasattr(command, "commands"):
            if word not in command.commands:
                return f"no verb {word}"
            command = command.commands[word]
        else:
            places += 1
    room = [one.nargs for one in command.params if one.param_type_name == "argument"]
    return None if -1 in room or places <= len(room) else f"{places} arguments"


def test_there_are_commands_to_look_at() -> None:
    assert len(COMMANDS) > 40


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_shown_can_be_typed(command: str) -> None:
    assert refusal(shlex.split(command)) is None


@pytest.mark.parametrize(
    ("command", "why"),
    [("recvoer", "no verb recvoer"), ("status --nope", "no option --nope"), ("export a b c", "3 arguments")],
)
def test_what_cannot_be_typed_would_be_found(command: str, why: str) -> None:
    assert refusal(shlex.split(command)) == why
