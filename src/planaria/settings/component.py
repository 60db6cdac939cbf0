"""What every component's settings have. A driver's `options.py` subclasses `ComponentSettings` with its own fields."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from planaria.settings.quantities import Duration
from planaria.settings.schedule import Schedule


def _an_hour_at_least(seconds: float) -> float:
    if seconds < 3600:  # `bases: 30`, meant as days, would be seconds
        raise ValueError("must be at least 1 h; write days as 30d")
    return seconds


_Kept = Annotated[Duration, AfterValidator(_an_hour_at_least)]


class Retention(BaseModel):
    """How long to keep. What a kept recovery point needs is kept with it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    bases: _Kept | None = Field(default=None, description="how long bases are kept")
    journal: _Kept | None = Field(default=None, description="how far back any second can be chosen")
    keep_last_good: int = Field(default=1, ge=1, le=1000, description="bases kept however old they are")


class ComponentSettings(BaseModel):
    """One component. Fields that this version does not act on are listed by `Settings.unused`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    driver: str = Field(description="the kind of component")
    schedule: Schedule | None = Field(default=None, description="when bases are taken: a five-field cron line, in UTC")
    retention: Retention | None = None
