"""Durations, sizes and rates in the configuration: text with a unit, or a plain number of seconds or bytes."""

import math
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from planaria.core import quantities


def _read(parse: Callable[[str], float], what: str) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        if isinstance(value, str):
            return parse(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            raise ValueError(f"must be a {what}")
        return value

    return read


def _schema(kind: str, pattern: str, description: str, *examples: str) -> WithJsonSchema:
    text = {"type": "string", "pattern": rf"^\s*{pattern}\s*$"}
    return WithJsonSchema(
        {"anyOf": [text, {"type": kind, "minimum": 0}], "description": description, "examples": list(examples)}
    )


Duration = Annotated[
    float,
    BeforeValidator(_read(quantities.duration, "duration such as 4h or 1h30m")),
    _schema("number", quantities.DURATION_PATTERN, "a duration; a plain number is seconds", "4h", "1h30m", "7d"),
]
"""Seconds."""

Size = Annotated[
    int,
    BeforeValidator(_read(quantities.size, "size such as 512MiB")),
    _schema("integer", quantities.SIZE_PATTERN, "a size; a plain number is bytes", "512MiB", "10GiB"),
]
"""Bytes."""

Rate = Annotated[
    int,
    BeforeValidator(_read(quantities.rate, "rate such as 200MiB/s")),
    _schema("integer", quantities.RATE_PATTERN, "a rate; a plain number is bytes a second", "200MiB/s"),
]
"""Bytes a second."""
