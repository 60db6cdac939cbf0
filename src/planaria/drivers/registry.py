"""The kinds of component there are. A kind's code is imported when it is asked for, and not before."""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

from planaria.core.errors import UsageError
from planaria.drivers.contract import Capabilities, Driver, Surroundings

if TYPE_CHECKING:
    from planaria.settings.component import ComponentSettings

_OPTIONS = {"directory": "DirectoryOptions", "redis": "RedisOptions"}
"""Kind -> the class in `drivers/<kind>/options.py`."""


def kinds() -> tuple[str, ...]:
    return tuple(_OPTIONS)


def capabilities(kind: str) -> Capabilities:
    """Raises UsageError for a kind there is not."""
    return cast(Capabilities, import_module(f"planaria.drivers.{_known(kind)}.driver").CAPABILITIES)


def options_models() -> "Mapping[str, type[ComponentSettings]]":
    """Kind -> the model of its settings."""
    return {kind: getattr(import_module(f"planaria.drivers.{kind}.options"), name) for kind, name in _OPTIONS.items()}


def create(options: "ComponentSettings", surroundings: Surroundings, environ: Mapping[str, str]) -> Driver:
    """The driver of a configured component; `options` as its kind's model made them. Raises UsageError."""
    module = import_module(f"planaria.drivers.{_known(options.driver)}.driver")
    return cast(Driver, module.create(options, surroundings, environ))


def _known(kind: str) -> str:
    if kind not in _OPTIONS:
        raise UsageError(f"there is no driver {kind!r}", hint="there are " + ", ".join(kinds()))
    return kind
