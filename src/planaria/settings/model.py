"""The configuration of one environment, as `load` returns it."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SerializeAsAny

from planaria.settings.component import ComponentSettings
from planaria.settings.paths import ConfiguredPath
from planaria.settings.quantities import Duration, Rate, Size
from planaria.settings.repository import RepositorySettings

RESERVED = ("keys", "markers", "probe", "recovery-kit", "runs")
"""Components share the top level of the repository with these."""

NAME_PATTERN = r"^[a-z0-9][a-z0-9-]{0,62}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]

_MIN_MEMORY = 64 * 1024 * 1024


def _component_name(name: str) -> str:
    if name in RESERVED:
        raise ValueError(f"the repository uses the name {name!r} itself; choose another")
    return name


def _enough_memory(count: int) -> int:
    if count < _MIN_MEMORY:
        raise ValueError("must be at least 64MiB: four packs on their way")
    return count


def _positive(value: float) -> float:
    if value <= 0:
        raise ValueError("must be more than nothing; leave it out for no limit")
    return value


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Objectives(_Section):
    rto: Duration | None = Field(default=None, description="how long a recovery may take")
    rpo: Duration | None = Field(default=None, description="how much time of writes may be lost")


class Budgets(_Section):
    memory: Annotated[Size, AfterValidator(_enough_memory)] = Field(default=512 * 1024**2, description="of one process")
    spool: Size = Field(default=10 * 1024**3, description="disk that journals may fill while the store is away")
    upload: Annotated[Rate, AfterValidator(_positive)] | None = Field(default=None, description="no limit by default")
    download: Annotated[Rate, AfterValidator(_positive)] | None = Field(default=None, description="no limit by default")
    workers: int | None = Field(default=None, ge=1, le=256, description="threads that encode; one per core by default")


class Local(_Section):
    """Directories on this host. `local.directories` knows the defaults."""

    state: ConfiguredPath | None = Field(default=None, description="runs that can be resumed")
    cache: ConfiguredPath | None = Field(default=None, description="may be deleted at any time")
    spool: ConfiguredPath | None = Field(default=None, description="journals on their way while the store is away")


class Follow(_Section):
    flush: Annotated[Duration, AfterValidator(_positive)] = Field(
        default=1.0, description="a journal is durable this soon"
    )
    idle: Annotated[Duration, AfterValidator(_positive)] = Field(
        default=10.0, description="how often the silence of an idle source is recorded"
    )


class Settings(_Section):
    environment: Name = Field(description="typed to confirm a recovery into the configured services")
    objectives: Objectives = Objectives()
    repository: RepositorySettings
    budgets: Budgets = Budgets()
    local: Local = Local()
    follow: Follow = Follow()
    components: dict[Annotated[Name, AfterValidator(_component_name)], SerializeAsAny[ComponentSettings]] = Field(
        min_length=1, description="upstream first: what comes later refers to what comes before"
    )
    plans: dict[Name, dict[str, Any]] = Field(default_factory=dict)

    def unused(self) -> list[str]:
        """Paths of what is valid and set, and that this version does not act on yet: `doctor` lists them."""
        found = [] if self.objectives.rto is None else ["objectives.rto"]
        found += [f"repository.copies[{number}]" for number in range(len(self.repository.copies))]
        for name, component in self.components.items():
            found += [f"components.{name}.{key}" for key in ("schedule", "retention") if getattr(component, key)]
        return found + [f"plans.{name}" for name in self.plans]
