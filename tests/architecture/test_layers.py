"""Who may import whom: the contracts in pyproject.toml hold, and each of them would notice."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import pytest

from planaria.drivers.registry import kinds

ROOT = Path(__file__).parents[2]
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS: list[dict[str, Any]] = CONFIGURATION["contracts"]

Seed = tuple[str, str]
"""(module that imports, module that it must not import)."""


def lint(directory: Path) -> str:
    """What import-linter says of the `planaria` in `directory`."""
    program = Path(sys.executable).with_name("lint-imports")
    command = [str(program), "--no-cache", "--config", str(ROOT / "pyproject.toml")]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout + done.stderr


def verdicts(said: str) -> dict[str, str]:
    return dict(re.findall(r"^(\S.*?)\s+(KEPT|BROKEN)$", said, re.MULTILINE))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src" / "planaria", tmp_path / "planaria", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def plant(directory: Path, seeds: list[Seed]) -> None:
    for module, imported in seeds:
        path = directory.joinpath(*module.split("."))
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        with file.open("r+") as source:
            source.seek(0, os.SEEK_END)
            source.write(f"\nimport {imported}\n")


def layer_seeds(contract: dict[str, Any]) -> Iterator[Seed]:
    """Every layer imports each one above it, and those that stand side by side import each other."""
    layers = [[f"planaria.{name.strip()}" for name in line.split("|")] for line in contract["layers"]]
    for above, below in combinations(layers, 2):
        yield from ((low, high) for low in below for high in above)
    for beside in layers:
        yield from permutations(beside, 2)


SEEDS: dict[str, Callable[[dict[str, Any]], Iterator[Seed]]] = {
    "layers": layer_seeds,
    "independence": lambda contract: permutations(contract["modules"], 2),
    "forbidden": lambda contract: (
        (source, module) for source in contract["source_modules"] for module in contract["forbidden_modules"]
    ),
}


def test_every_contract_is_kept() -> None:
    said = lint(ROOT / "src")
    assert verdicts(said) == {contract["name"]: "KEPT" for contract in CONTRACTS}, said


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract["name"])
def test_a_contract_names_every_import_that_breaks_it(contract: dict[str, Any], copy: Path) -> None:
    seeds = list(SEEDS[contract["type"]](contract))
    assert seeds
    plant(copy, seeds)
    said = lint(copy)
    assert verdicts(said)[contract["name"]] == "BROKEN", said
    unnoticed = [f"{module} -> {imported}" for module, imported in seeds if f"{module} -> {imported} " not in said]
    assert not unnoticed, said


def test_every_kind_of_driver_is_kept_apart_from_the_others() -> None:
    contract = next(contract for contract in CONTRACTS if contract["type"] == "independence")
    assert set(contract["modules"]) == {f"planaria.drivers.{kind}" for kind in kinds()}


def test_a_package_that_has_no_layer_is_refused(copy: Path) -> None:
    (copy / "planaria" / "elsewhere").mkdir()
    (copy / "planaria" / "elsewhere" / "__init__.py").touch()
    said = lint(copy)
    assert verdicts(said)["Layers: arrows point one way"] == "BROKEN", said
    assert "elsewhere" in said
