"""JSON Schema of the configuration file, for editors that complete and check while it is written."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from planaria.settings.component import ComponentSettings
from planaria.settings.model import NAME_PATTERN, RESERVED, Settings


def json_schema(component_models: Mapping[str, type[ComponentSettings]]) -> dict[str, Any]:
    """Draft 2020-12. A component's keys depend on its `driver`."""
    models: list[type[BaseModel]] = [Settings, *component_models.values()]
    references, shared = models_json_schema([(model, "validation") for model in models])
    definitions = shared["$defs"]
    settings = definitions.pop("Settings")
    settings["properties"]["components"] |= {
        "propertyNames": {"pattern": NAME_PATTERN, "not": {"enum": list(RESERVED)}},
        "additionalProperties": {
            "type": "object",
            "required": ["driver"],
            "properties": {"driver": {"enum": list(component_models)}},
            "allOf": [
                {
                    "if": {"properties": {"driver": {"const": driver}}, "required": ["driver"]},
                    "then": references[model, "validation"],
                }
                for driver, model in component_models.items()
            ],
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **settings,
        "title": "Planaria configuration",
        "$defs": definitions,
    }
