"""Two kinds of component to load, so that these tests stand apart from the drivers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from planaria.core.errors import ConfigurationError
from planaria.settings.component import ComponentSettings
from planaria.settings.load import load
from planaria.settings.model import Settings
from planaria.settings.paths import ConfiguredPath
from planaria.settings.secrets import SecretText, TextOrSecret


class StoreOptions(ComponentSettings):
    url: TextOrSecret
    password: SecretText | None = None
    timeout: int = 5
    cluster: bool | Literal["auto"] = "auto"


class TreeOptions(ComponentSettings):
    path: ConfiguredPath
    exclude: tuple[str, ...] = ()
    below: "dict[str, TreeDetails]" = Field(default_factory=dict, alias="under")


class TreeDetails(ComponentSettings):
    depth: int = 0


MODELS: Mapping[str, type[ComponentSettings]] = {"redis": StoreOptions, "directory": TreeOptions}

HEAD = "environment: prod\nrepository: {url: 'file:///srv/repository'}\n"
MINIMAL = HEAD + "components: {cache: {driver: redis, url: redis://localhost}}\n"


def loaded(directory: Path, text: str | bytes) -> Settings:
    path = directory / "planaria.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load(path, MODELS)


def problems(directory: Path, text: str | bytes) -> list[str]:
    """Every problem of this file, in order, without the directory in front; the first one's hint is left out."""
    with pytest.raises(ConfigurationError) as caught:
        loaded(directory, text)
    named = f"{directory}/"
    others = [line for line in (caught.value.hint or "").splitlines() if line.startswith(named)]
    return [line.removeprefix(named) for line in (caught.value.message, *others)]


def hint(directory: Path, text: str | bytes) -> str | None:
    with pytest.raises(ConfigurationError) as caught:
        loaded(directory, text)
    return caught.value.hint
