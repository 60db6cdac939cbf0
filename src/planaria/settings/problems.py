"""Pydantic's findings in our words: where, what, and never the value that was found there."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from planaria.core.nearest import known_names, nearest
from planaria.settings.document import Where
from planaria.settings.model import NAME_PATTERN

_WORDS = {
    "missing": "is missing",
    "string_type": "must be text (in quotes, if it looks like a number)",
    "string_too_short": "is empty",
    "too_short": "is empty",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "path_type": "must be a path",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "union_tag_invalid": "has none of the forms that are understood here",
    "union_tag_not_found": "has none of the forms that are understood here",
}
_NAME = "must be lower-case letters, digits and hyphens, beginning with a letter or digit, at most 63"


@dataclass(frozen=True, slots=True)
class Problem:
    where: Where
    message: str
    hint: str | None = None


def problems_of(error: ValidationError, model: type[BaseModel], above: Where, value: Any) -> list[Problem]:
    """`above` is where `value`, which was to become a `model`, stands in the document. One problem a place."""
    found: dict[Where, Problem] = {}
    for detail in error.errors(include_url=False, include_input=False):
        problem = _problem(detail, model, above, value)
        known = found.get(problem.where)
        if known is None:
            found[problem.where] = problem
        elif problem.message not in known.message:  # the alternatives of a union
            found[problem.where] = replace(known, message=f"{known.message}, or {problem.message}")
    return list(found.values())


def _problem(detail: ErrorDetails, model: type[BaseModel], above: Where, value: Any) -> Problem:
    kind = detail["type"]
    where, found = _in_document(detail["loc"], value, missing=kind == "missing")
    if kind == "extra_forbidden":
        return _unknown_key(model, above, where)
    if found is None and kind != "missing":
        return Problem(above + where, "is empty", "give it a value, or remove the line")
    return Problem(above + where, _message(detail))


def _in_document(loc: Where, value: Any, *, missing: bool) -> tuple[Where, Any]:
    """The place, without what pydantic adds to it (`[key]`, forms of a union), and what stands there."""
    where: Where = ()
    for number, part in enumerate(loc, 1):
        known = part in value if isinstance(value, dict) else isinstance(value, list) and isinstance(part, int)
        if known:
            where, value = (*where, part), value[part]
        elif missing and number == len(loc):
            where = (*where, part)
    return where, value


def _message(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch":
        return _NAME if context["pattern"] == NAME_PATTERN else "does not have the form that is needed here"
    return _WORDS.get(kind) or detail["msg"].replace("Input should be", "must be").replace("Input should", "must")


def _unknown_key(model: type[BaseModel], above: Where, where: Where) -> Problem:
    known = {key for owner in _models_at(model, where[:-1]) for key in _fields(owner)}
    near = nearest(str(where[-1]), known)
    question = f"; did you mean {near!r}?" if near else ""
    return Problem(above + where, f"there is no such key{question}", known_names(known))


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models_at(model: type[BaseModel], where: Where) -> list[type[BaseModel]]:
    """The models that may stand at `where` below `model`."""
    candidates = [model]
    for part in where:
        fields = [fields[part] for owner in candidates if isinstance(part, str) and part in (fields := _fields(owner))]
        if fields:  # else an index of a list or a key of a plain mapping, whose values are the same candidates
            candidates = [found for field in fields for found in _models_in(field.annotation)]
    return candidates


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
