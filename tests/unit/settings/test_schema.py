"""The JSON Schema: every reference resolves, a component's keys depend on its driver, texts match what is taken."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter

from planaria.core.quantities import duration, rate, size
from planaria.settings.quantities import Duration, Rate, Size
from planaria.settings.schema import json_schema
from tests.unit.settings.models import MODELS, StoreOptions

SCHEMA = json_schema(MODELS)


def references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def test_every_reference_resolves() -> None:
    found = set(references(SCHEMA))
    assert len(found) > 5
    assert found <= {f"#/$defs/{name}" for name in SCHEMA["$defs"]}


def test_the_top_takes_the_keys_of_settings_and_no_other() -> None:
    assert SCHEMA["additionalProperties"] is False
    assert set(SCHEMA["required"]) == {"environment", "repository", "components"}
    assert {"budgets", "follow", "local", "objectives", "plans"} < set(SCHEMA["properties"])


def test_a_component_has_the_keys_of_its_driver() -> None:
    component = SCHEMA["properties"]["components"]["additionalProperties"]
    assert component["properties"]["driver"]["enum"] == ["redis", "directory"]
    cases = {case["if"]["properties"]["driver"]["const"]: case["then"]["$ref"] for case in component["allOf"]}
    assert set(cases) == set(MODELS)
    store = SCHEMA["$defs"][cases["redis"].removeprefix("#/$defs/")]
    assert set(store["properties"]) == set(StoreOptions.model_fields)
    assert store["additionalProperties"] is False


def test_reserved_names_are_not_component_names() -> None:
    names = SCHEMA["properties"]["components"]["propertyNames"]
    assert re.search(names["pattern"], "somabrain-redis")
    assert not re.search(names["pattern"], "Redis")
    assert "keys" in names["not"]["enum"]


@pytest.mark.parametrize(("annotation", "parse"), [(Duration, duration), (Size, size), (Rate, rate)])
def test_examples_and_patterns_agree_with_what_is_taken(annotation: Any, parse: Callable[[str], float]) -> None:
    adapter = TypeAdapter(annotation)
    schema = adapter.json_schema()
    pattern = schema["anyOf"][0]["pattern"]
    assert schema["examples"]
    for example in schema["examples"]:
        assert adapter.validate_python(example) == parse(example)
    for text in ("4h", "1h30m", " 7d ", "", "  ", "h", "30m1h", "512MiB", "1.5GB", "200MiB/s", "7/s", "10 GiB", "x"):
        assert bool(re.search(pattern, text)) == _taken(parse, text), text


def _taken(parse: Callable[[str], float], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("value", [True, None, -1, float("nan"), float("inf"), [1], "4 hours"])
@pytest.mark.parametrize("annotation", [Duration, Size, Rate])
def test_a_quantity_is_text_with_a_unit_or_a_number(annotation: Any, value: Any) -> None:
    with pytest.raises(ValueError, match=r"must be a|is not a"):
        TypeAdapter(annotation).validate_python(value)


def test_plain_numbers_are_seconds_and_bytes() -> None:
    assert TypeAdapter(Duration).validate_python(1.5) == 1.5
    assert TypeAdapter(Size).validate_python(1024) == 1024
    with pytest.raises(ValueError, match="integer"):
        TypeAdapter(Size).validate_python(1.5)
