"""Settings of a directory component."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from planaria.drivers.directory.patterns import matcher
from planaria.settings.component import ComponentSettings
from planaria.settings.paths import ConfiguredPath


def _glob(pattern: str) -> str:
    matcher([pattern])
    return pattern


class DirectoryOptions(ComponentSettings):
    """Any tree of files."""

    driver: Literal["directory"] = Field(description="any tree of files")
    path: ConfiguredPath = Field(description="the directory that is backed up")
    exclude: tuple[Annotated[str, AfterValidator(_glob)], ...] = Field(
        default=(), description="globs of what is left out; without a / they match a name anywhere: *.tmp, cache/**"
    )
    reread: bool = Field(
        default=False, description="read files again that have the size, times and inode they had in the last base"
    )
    one_file_system: bool = Field(default=False, description="do not descend into other file systems mounted below")
