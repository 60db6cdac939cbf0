"""The reference is what the code says, and all of it."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from planaria.cli.main import app
from planaria.core.errors import PlanariaError

ROOT = Path(__file__).parents[2]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DOCS = load()


@pytest.mark.parametrize("name", list(DOCS.PAGES))
def test_a_page_is_what_make_docs_makes(name: str) -> None:
    assert (ROOT / "docs" / "reference" / name).read_text() == DOCS.PAGES[name]()


def everything(command: Any, path: str) -> list[tuple[str, list[str]]]:
    """(verb, its options)."""
    found = [(path, [max(one.opts, key=len) for one in command.params if one.param_type_name == "option"])]
    for name, child in getattr(command, "commands", {}).items():
        found += everything(child, f"{path} {name}")
    return found


@pytest.mark.parametrize(("verb", "options"), everything(typer.main.get_command(app), "planaria"))
def test_every_verb_and_option_is_explained(verb: str, options: list[str]) -> None:
    page = (ROOT / "docs" / "reference" / "cli.md").read_text()
    section = re.search(rf"^## `{verb}`\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert section is not None
    told = dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", section[1], re.MULTILINE))
    missing = [option for option in options if not any(option in name for name in told) and option != "--help"]
    assert missing == []
    assert all(told.values())


def test_every_exit_status_of_an_error_is_explained_and_no_other() -> None:
    statuses = {0} | {kind.status for kind in (PlanariaError, *DOCS.kinds())}
    assert set(DOCS.MEANINGS) == statuses


def test_every_page_agrees_on_the_statuses() -> None:
    told = re.findall(r"^\| (\d+) \| (.+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert {int(status): meaning for status, meaning in told} == DOCS.MEANINGS
    asked = (ROOT / "docs" / "how-to" / "when-something-is-wrong.md").read_text()
    assert {int(one) for one in re.findall(r"^\| (\d+) \|", asked, re.MULTILINE)} == set(DOCS.MEANINGS) - {0}


def test_every_setting_that_may_be_left_out_says_what_it_is_for() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    assert "one of several forms" not in page
    rows = re.findall(r"^\| `([a-z_.]+)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", page, re.MULTILINE)
    assert {"environment", "repository.url", "follow.flush", "budgets.memory", "components"} <= {row[0] for row in rows}
    assert [row[0] for row in rows if not row[1].strip()] == []
