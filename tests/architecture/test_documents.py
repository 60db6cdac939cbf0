"""Documents point at what exists, and say each thing in one place."""

import re
import tomllib
from pathlib import Path

import pytest

from planaria.core import errors
from planaria.drivers.registry import options_models
from planaria.settings.load import load

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FORMAT = ROOT / "src" / "planaria" / "repository" / "recovery_kit" / "FORMAT.md"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_into_the_tree_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)", document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_target_that_is_spoken_of_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)`", document.read_text())) <= targets


def test_the_readme_begins_with_the_two_commands() -> None:
    beginning, first, *_ = (ROOT / "README.md").read_text().split("```")
    assert beginning.strip() == "# Planaria"
    assert re.findall(r"^(make \w+)", first, re.MULTILINE) == ["make demo", "make test"]


def test_the_readme_tells_every_exit_status_that_the_errors_have() -> None:
    told = re.findall(r"^\| (\d+) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    kinds = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.PlanariaError)]
    assert [int(status) for status in told] == sorted({0} | {kind.status for kind in kinds})


EXAMPLES = [
    pytest.param(block, id=f"{document.relative_to(ROOT)}-{number}")
    for document in DOCUMENTS
    for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL))
    if block.startswith("environment:")
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_whole_configuration_that_is_shown_is_valid(example: str, tmp_path: Path) -> None:
    file = tmp_path / "planaria.yaml"
    file.write_text(example)
    assert load(file, options_models()).components


def test_the_format_is_written_down_once() -> None:
    page = (ROOT / "docs" / "design" / "repository-format.md").read_text()
    assert "(../../src/planaria/repository/recovery_kit/FORMAT.md)" in page
    assert FORMAT.is_file()
    assert not [line for line in page.splitlines() if line.startswith("|") and line in FORMAT.read_text()]


def test_the_layer_tables_are_those_of_the_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [name.strip() for line in contracts[0]["layers"] for name in line.split("|")]
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "AGENTS.md").read_text(), re.MULTILINE)
    assert rows == layers


def test_ci_runs_the_whole_of_make_test() -> None:
    commands = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line and line[0] != "#"]
    assert commands[-2:] == ["export CI=true", "exec make test"]
