"""YAML as the configuration takes it: lines for everything, no surprises, no way to exhaust us."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from planaria.core.errors import ConfigurationError
from planaria.settings.document import MAX_BYTES, MAX_DEPTH, MAX_VALUES, dotted, read


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "planaria.yaml"


def refused(file: Path, text: str | bytes) -> ConfigurationError:
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigurationError) as caught:
        read(file)
    assert caught.value.status == 2
    return caught.value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("text", "text"),
        ("'5'", "5"),
        ('"5"', "5"),
        ("5", 5),
        ("-5", -5),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("", None),
        ("~", None),
        ("null", None),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("010", "010"),
        ("0x1f", "0x1f"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("2025-10-15", "2025-10-15"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("9" * 30, "9" * 30),
        ("[1, [a]]", [1, ["a"]]),
        ("{b: {c: d}}", {"b": {"c": "d"}}),
        ("|\n  one\n  two\n", "one\ntwo\n"),
    ],
)
def test_values_are_what_they_look_like(file: Path, written: str, value: Any) -> None:
    file.write_text(f"a: {written}\n")
    found = read(file).value["a"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text_whatever_they_look_like(file: Path) -> None:
    file.write_text("1: a\ntrue: b\non: c\n'': d\n")
    assert list(read(file).value) == ["1", "true", "on", ""]


def test_every_key_and_item_has_its_line(file: Path) -> None:
    file.write_text("# first\na:\n  - x\n  - b:\n      c: 1\n")
    document = read(file)
    assert document.lines == {("a",): 2, ("a", 0): 3, ("a", 1): 4, ("a", 1, "b"): 4, ("a", 1, "b", "c"): 5}
    assert document.at(("a", 1, "b", "c")) == f"{file}:5: a[1].b.c"


def test_what_is_missing_has_the_line_of_what_it_is_missing_from(file: Path) -> None:
    file.write_text("\n\na:\n  b: 1\n")
    document = read(file)
    assert document.at(("a", "missing")) == f"{file}:3: a.missing"
    assert document.at(("missing",)) == f"{file}:1: missing"
    assert document.at(()) == f"{file}:1"


def test_a_byte_order_mark_and_windows_line_ends_are_no_matter(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    document = read(file)
    assert document.value == {"a": 1, "b": 2}
    assert document.lines[("b",)] == 2


def test_an_alias_is_its_anchor_again_with_its_lines(file: Path) -> None:
    file.write_text("a: &x\n  b: 1\nc: *x\n")
    document = read(file)
    assert document.value == {"a": {"b": 1}, "c": {"b": 1}}
    assert document.lines[("c", "b")] == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", ": is empty"),
        (" \n\n", ": is empty"),
        ("# nothing\n", ":1: holds nothing but comments"),
        ("hello\n", ":1: the configuration is not a mapping"),
        ("\n- a\n", ":2: the configuration is not a mapping"),
        ("a: 1\n---\nb: 2\n", ":2: a second document begins"),
        ("a: 1\nb: 2\na: 3\n", ":3: the key 'a' comes twice, first in line 1"),
        ("a: {b: 1, b: 2}\n", ":1: the key 'b' comes twice, first in line 1"),
        ("a:\n\tb: 1\n", ":2: is indented with a tab"),
        ("a: &x [*x]\n", ":1: an alias comes before the end of its anchor"),
        ("a: *x\n", ":1: an alias comes before the end of its anchor"),
        ("a: !!python/object/apply:os.system [x]\n", ":1: a tag"),
        ("a: !!binary aGk=\n", ":1: a tag"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", ":3: merge keys"),
        ("? [a]\n: b\n", ":1: a key is not plain text"),
        ("a: {{b}}\n", ":1: a key is not plain text"),
        ('"a\\eb": 1\n', ":1: a key is not plain text"),
        ('"a\\nb": 1\n', ":1: a key is not plain text"),
        ("a: [1, 2\n", ": is not YAML: "),
        ("a: b: c\n", ":1: is not YAML: "),
        ('a: "\\0"\n', ":1: holds a control character"),
        ("a: \x07\n", ": holds characters that YAML does not allow"),
        (b"a: 1\nb: \0\n", ":2: holds a NUL byte"),
        (b"a: 1\n\nb: \xff\n", ":3: is not UTF-8 text"),
        ("a: 1\n".encode("utf-16"), ":1: holds a NUL byte"),
        ("a: " + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "levels"),
        ("[" * 1_000_000, "levels"),
        ("- " * 500_000, "levels"),
        ("{a: " * 250_000, "levels"),
        ("a: [" + "1," * 500_000 + "]", f"more than {MAX_VALUES} values"),
        ("\n".join(f"k{number}: 1" for number in range(MAX_VALUES + 1)), f":{MAX_VALUES}: holds more than"),
        ("# " + "x" * MAX_BYTES, ": is larger than 1 MiB"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_what_to_do(file: Path, text: str | bytes, says: str) -> None:
    error = refused(file, text)
    assert error.message.startswith(str(file))
    assert says in error.message
    assert error.hint


def test_the_largest_that_is_allowed_is_read(file: Path) -> None:
    file.write_text("a: 1\n#".ljust(MAX_BYTES, "x"))
    assert read(file).value == {"a": 1}
    file.write_text("a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1))
    assert read(file).lines[("a",)] == 1
    file.write_text("\n".join(f"k{number}: 1" for number in range(MAX_VALUES - 1)))
    assert len(read(file).value) == MAX_VALUES - 1


def test_aliases_that_multiply_are_stopped_by_count_and_by_depth(file: Path) -> None:
    names = "abcdefghi"
    wide = "a: &a [" + "x," * 9 + "]\n"
    wide += "".join(f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in pairwise(names))
    assert "more than" in refused(file, wide).message
    deep = "k0: &k0 [x]\n" + "".join(f"k{number}: &k{number} [*k{number - 1}]\n" for number in range(1, 100))
    assert "levels" in refused(file, deep).message


@pytest.mark.parametrize(
    "text", ['a: "hunter2', "a: [hunter2", "a: hunter2: x", "a: %hunter2", "a: @hunter2", "hunter2"]
)
def test_no_text_of_the_file_is_repeated_when_it_is_not_yaml(file: Path, text: str) -> None:
    error = refused(file, text)
    assert "hunter2" not in error.message + (error.hint or "")


def test_a_file_that_cannot_be_read_says_why(file: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        read(file)
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        read(file.parent)


def test_paths_are_written_with_dots_and_brackets() -> None:
    assert dotted(("plans", "whole", "phases", 0, "name")) == "plans.whole.phases[0].name"
    assert len(dotted(("x" * 1_000_000,))) < 100
