"""Paths in the configuration: relative ones start at the directory of the configuration file."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo


def _anchored(path: Path, info: ValidationInfo) -> Path:
    try:
        expanded = path.expanduser()
    except RuntimeError:
        raise ValueError("begins with ~ of a user without a home directory; write the whole path") from None
    directory = (info.context or {}).get("directory")
    return directory / expanded if directory else expanded


ConfiguredPath = Annotated[Path, AfterValidator(_anchored)]
"""`load` validates with the context `{"directory": Path}`; without one, a relative path stays as it is."""
