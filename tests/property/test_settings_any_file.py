"""Whatever the configuration file holds: settings, or a ConfigurationError that names the file and tells no secret."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from planaria.core.errors import ConfigurationError
from planaria.settings.document import read
from planaria.settings.load import load
from planaria.settings.model import Settings
from tests.unit.settings.models import MINIMAL, MODELS

SECRET = "hunter2"
KNOWN = [
    "environment", "repository", "components", "budgets", "objectives", "plans", "local", "follow", "url", "driver",
    "redis", "directory", "identity", "passphrase", "env", "file", "kubernetes", "password", "retention", "bases",
    "schedule", "memory", "upload", "endpoint", "credentials", "access_key", "secret_key", "copies", "recipients",
]  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["redis", "directory", "s3://b", "file:///r", "http://h", "4h", "512MiB", "0 2 * * *", "prod", "1h ago"]
    ),
)
KEYS = st.sampled_from(KNOWN) | st.text(max_size=8)
TREES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=25
)
SECTIONS = st.dictionaries(st.sampled_from(KNOWN[:8]) | KEYS, TREES, max_size=8)
PUNCTUATION = st.text(alphabet=" \n\t:-[]{}&*!|>'\"%@`#,?~<ab1\x00\x07\ufeff\u2028", max_size=60)
ONE_FILE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def load_or_refuse(path: Path, data: bytes) -> Settings | ConfigurationError:
    path.write_bytes(data)
    result = attempt(path)
    if isinstance(result, ConfigurationError):
        assert str(path) in result.message
        assert result.message.isprintable()
    return result


def attempt(path: Path) -> Settings | ConfigurationError:
    try:
        return load(path, MODELS)
    except ConfigurationError as error:
        return error


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "planaria.yaml"


@ONE_FILE
@given(data=st.binary(max_size=200) | PUNCTUATION.map(str.encode))
def test_any_bytes_are_refused_by_name(file: Path, data: bytes) -> None:
    assert isinstance(load_or_refuse(file, data), ConfigurationError)


@ONE_FILE
@given(at=st.integers(0, len(MINIMAL)), cut=st.integers(0, 20), insert=PUNCTUATION | st.text(max_size=5))
def test_a_slip_in_a_good_file_loads_or_is_refused_by_name(file: Path, at: int, cut: int, insert: str) -> None:
    load_or_refuse(file, (MINIMAL[:at] + insert + MINIMAL[at + cut :]).encode(errors="surrogatepass"))


@ONE_FILE
@given(tree=SECTIONS)
def test_any_tree_is_refused_by_name(file: Path, tree: dict[str, Any]) -> None:
    load_or_refuse(file, yaml.safe_dump(tree, allow_unicode=True).encode(errors="surrogatepass"))


@ONE_FILE
@given(section=st.sampled_from(KNOWN[:8]), tree=TREES)
def test_any_section_of_a_good_file_loads_or_is_refused_by_name(file: Path, section: str, tree: Any) -> None:
    good = yaml.safe_load(MINIMAL)
    result = load_or_refuse(file, yaml.safe_dump(good | {section: tree}).encode())
    if isinstance(result, ConfigurationError):
        assert re.match(rf"{re.escape(str(file))}(:\d+)?: ", result.message)


PLACES = ["password", "identity", "writer_key", "access_key", "url"]
WRAPPED = st.recursive(
    st.just(SECRET),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from([SECRET, "env", "file", "passphrase", "kubernetes"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@ONE_FILE
@given(place=st.sampled_from(PLACES), value=WRAPPED)
def test_a_secret_in_the_place_of_a_reference_is_never_repeated(file: Path, place: str, value: Any) -> None:
    assume(value != {"env": SECRET} and value != {"file": SECRET} and value != {"passphrase": {"env": SECRET}})
    good = yaml.safe_load(MINIMAL)
    if place in ("password", "url"):
        good["components"]["cache"][place] = value
    elif place == "access_key":
        good["repository"] = {"url": "s3://b", "credentials": {"access_key": value, "secret_key": {"env": "X"}}}
    else:
        good["repository"][place] = value
    result = load_or_refuse(file, yaml.safe_dump(good).encode())
    if isinstance(result, ConfigurationError):
        assert SECRET not in result.message + (result.hint or "")


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(alphabet="abc.: #'\"", min_size=1, max_size=6), inner, max_size=4)
    ),
    max_leaves=20,
)


@ONE_FILE
@given(tree=st.dictionaries(st.sampled_from("abc"), PLAIN, min_size=1))
def test_a_document_is_the_tree_that_was_written_with_a_line_for_every_place(file: Path, tree: dict[str, Any]) -> None:
    file.write_text(yaml.safe_dump(tree, allow_unicode=True, default_flow_style=False), encoding="utf-8")
    document = read(file)
    assert document.value == tree
    for where, line in document.lines.items():
        value: Any = tree
        for part in where:
            value = value[part]
        assert 1 <= line <= len(file.read_text(encoding="utf-8").split("\n"))
