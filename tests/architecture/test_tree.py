"""The shape of the tree: sizes, names, docstrings, and nothing in it that belongs to one machine."""

import ast
import hashlib
import re
import statistics
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "planaria"
SOURCES = sorted(PACKAGE.rglob("*.py"))
FILE_LINES = 400
FUNCTION_LINES = 60
NAMELESS = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
APACHE_2 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)]


def tracked() -> list[Path]:
    """Text files under version control, all but the lock file, which must name where packages come from."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = [ROOT / name for name in listed.split("\0") if name and name != "uv.lock"]
    return [path for path in found if path.is_file() and b"\0" not in path.read_bytes()]


def test_no_file_is_longer_than_the_budget() -> None:
    sizes = {shown(path): lines(path) for path in SOURCES}
    assert {name: size for name, size in sizes.items() if size > FILE_LINES} == {}


def test_the_usual_file_is_short() -> None:
    assert statistics.median(size for path in SOURCES if (size := lines(path)) > 1) <= 160


def test_no_function_is_longer_than_the_budget() -> None:
    long = {
        f"{shown(path)}:{one.lineno} {one.name}": size
        for path in SOURCES
        for one in functions(path)
        if (size := (one.end_lineno or 0) - one.lineno + 1) > FUNCTION_LINES
    }
    assert long == {}


def test_no_module_or_class_has_a_name_that_says_nothing() -> None:
    modules = [shown(path) for path in SOURCES if NAMELESS & {path.stem, *path.relative_to(PACKAGE).parts}]
    classes = [
        f"{shown(path)} {node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and re.search(r"(Manager|Helper|Utils?|Mixin)$", node.name)
    ]
    assert modules + classes == []


def test_every_module_says_what_it_is_for() -> None:
    trees = {path: ast.parse(path.read_text()) for path in SOURCES}
    assert [shown(path) for path, tree in trees.items() if tree.body and not ast.get_docstring(tree)] == []


def joined(*parts: str) -> str:
    """Patterns are kept in pieces, so that this file does not hold what it looks for."""
    return "".join(parts)


HOSTS = (("pypi", "org"), ("pythonhosted", "org"), ("deb.debian", "org"), ("crates", "io"))
FOREIGN = {
    "an absolute path of the machine it was made on": joined(r"(?<![\w.~-])/", r"(work|root)/[\w.-]+"),
    "a host of a package registry": "|".join(joined(r"\b", name, r"\.", end, r"\b") for name, end in HOSTS),
}


@pytest.mark.parametrize("pattern", FOREIGN.values(), ids=FOREIGN)
def test_no_file_names(pattern: str) -> None:
    found = [
        f"{shown(path)}:{number}: {line.strip()[:80]}"
        for path in tracked()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if re.search(pattern, line)
    ]
    assert found == []


def test_the_version_is_the_newest_in_the_changelog() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    newest = re.search(
        r"^## \[(.+?)\] - (\d{4}-\d\d-\d\d|unreleased)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert newest is not None
    assert newest[1] == project["version"]


def test_the_licence_is_apache_2_word_for_word() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0"
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE_2
