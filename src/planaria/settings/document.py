"""YAML with the line of every value, and nothing that surprises.

Mappings, lists, text, numbers, true and false. No tags, no merge keys, no duplicate keys, no octal or sexagesimal
numbers, no dates; `yes`, `no`, `on`, `off` are text. Aliases work, within the bounds on depth and count.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from planaria.core.errors import ConfigurationError
from planaria.core.nearest import cut

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 24
MAX_VALUES = 20_000

Where = tuple[str | int, ...]
"""The path of a value: keys and list indexes from the top."""

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,18})")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,18})(?:\.[0-9]{1,18})?(?:[eE][-+]?[0-9]{1,2})?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # only its parser is used: events, never objects


@dataclass(frozen=True, slots=True)
class Document:
    path: Path
    value: dict[str, Any]
    lines: Mapping[Where, int]
    """The line of each key and list item, counted from 1."""

    def at(self, where: Where) -> str:
        """`planaria.yaml:7: components.redis.url`; of something missing, the line of what it is missing from."""
        return f"{self.path}:{self.line(where)}: {dotted(where)}".removesuffix(": ")

    def line(self, where: Where) -> int:
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, 1)


@dataclass(frozen=True, slots=True)
class _Node:
    line: int
    value: "bool | int | float | str | list[_Node] | dict[str, tuple[int, _Node]] | None"
    """Of a key of a mapping: its own line and its value."""


class _Refused(Exception):
    def __init__(self, line: int, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.line, self.message, self.hint = line, message, hint


class _TooMuch(_Refused):
    def __init__(self, line: int) -> None:
        super().__init__(line, f"holds more than {MAX_VALUES} values or {MAX_DEPTH} levels", "aliases count in full")


def dotted(where: Where) -> str:
    """`plans.whole.phases[0]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{cut(part)}" for part in where).removeprefix(".")


def read(path: Path) -> Document:
    """Raises ConfigurationError, saying file and line."""
    text = _text(path)
    lines: dict[Where, int] = {}
    try:
        root = _Composer(text).root()
        if not isinstance(root.value, dict):
            raise _Refused(root.line, "the configuration is not a mapping", "it begins with `environment: NAME`")
        value = _plain(root, (), lines)
    except _Refused as refused:
        raise ConfigurationError(f"{path}:{refused.line}: {refused.message}", hint=refused.hint) from None
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(path, text, error) from None
    except yaml.YAMLError:
        raise ConfigurationError(f"{path}: holds characters that YAML does not allow", hint="save it as text") from None
    return Document(path, value, lines)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"the configuration file {path} cannot be read: {error.strerror}", hint="check the path and its rights"
        ) from None
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"{path}: is larger than 1 MiB", hint="a configuration is a few KiB: is it the file?")
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise ConfigurationError(f"{path}:{line}: holds a NUL byte", hint="is it the right file? UTF-8 text is needed")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}:{line}: is not UTF-8 text", hint="save it as UTF-8") from None
    if not text.strip():
        raise ConfigurationError(f"{path}: is empty", hint="`planaria init` writes a commented starter configuration")
    return text


class _Composer:
    """Events to nodes. An alias is its anchor's node again; what it multiplies is bounded by `_plain`."""

    def __init__(self, text: str) -> None:
        self._events = yaml.parse(text, Loader=_Loader)
        self._anchors: dict[str, _Node] = {}
        self._count = 0

    def root(self) -> _Node:
        root = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise _Refused(_line(event), "a second document begins", "keep one, and remove the `---` line")
                root = self._node(next(self._events), 0)
        if root is None:
            raise _Refused(1, "holds nothing but comments", "`planaria init` writes a starter configuration")
        return root

    def _node(self, event: yaml.Event, depth: int) -> _Node:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise _Refused(line, "an alias comes before the end of its anchor", "write the value out")
            return self._anchors[event.anchor]
        self._count += 1
        if depth > MAX_DEPTH or self._count > MAX_VALUES:
            raise _TooMuch(line)
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            raise _Refused(line, "a tag (`!…`) is not understood here", "write plain values; text in quotes")
        if isinstance(event, yaml.MappingStartEvent):
            node = _Node(line, self._mapping(depth))
        elif isinstance(event, yaml.SequenceStartEvent):
            node = _Node(line, self._sequence(depth))
        elif isinstance(event, yaml.ScalarEvent):
            if _CONTROL.search(event.value):
                raise _Refused(line, "holds a control character", "remove it; secrets are given by reference")
            node = _Node(line, _scalar(event.value) if event.implicit[0] else event.value)
        else:
            raise _Refused(line, "a value is missing")
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _sequence(self, depth: int) -> list[_Node]:
        found = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            found.append(self._node(event, depth + 1))
        return found

    def _mapping(self, depth: int) -> dict[str, tuple[int, _Node]]:
        found: dict[str, tuple[int, _Node]] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = _line(event)
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag or not event.value.isprintable():
                raise _Refused(
                    line,
                    "a key is not plain text",
                    "write `key: value`; text that begins with {, [, & or * needs quotes",
                )
            if event.value == "<<":
                raise _Refused(line, "merge keys (`<<`) are not understood", "write the keys out")
            if event.value in found:
                raise _Refused(
                    line, f"the key {cut(event.value)!r} comes twice, first in line {found[event.value][0]}", "keep one"
                )
            found[event.value] = (line, self._node(next(self._events), depth + 1))
        return found


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return mark.line + 1 if mark else 1


def _scalar(text: str) -> bool | int | float | str | None:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _plain(node: _Node, where: Where, lines: dict[Where, int]) -> Any:
    if len(lines) > MAX_VALUES or len(where) > MAX_DEPTH:
        raise _TooMuch(node.line)
    if isinstance(node.value, dict):
        lines.update({(*where, key): line for key, (line, _) in node.value.items()})
        return {key: _plain(child, (*where, key), lines) for key, (_, child) in node.value.items()}
    if isinstance(node.value, list):
        lines.update({(*where, number): child.line for number, child in enumerate(node.value)})
        return [_plain(child, (*where, number), lines) for number, child in enumerate(node.value)]
    return node.value


def _syntax_error(path: Path, text: str, error: yaml.MarkedYAMLError) -> ConfigurationError:
    """Without the snippet that PyYAML adds: it may hold a secret."""
    mark = error.problem_mark or error.context_mark
    number = mark.line if mark else 0
    line = text.splitlines()[number : number + 1]
    if line and "\t" in line[0][: len(line[0]) - len(line[0].lstrip())]:
        return ConfigurationError(f"{path}:{number + 1}: is indented with a tab", hint="YAML is indented with spaces")
    return ConfigurationError(
        f"{path}:{number + 1}: is not YAML: {error.problem or error.context}",
        hint="check indentation, quotes and brackets here and in the line before",
    )
