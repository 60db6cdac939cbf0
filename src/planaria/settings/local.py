"""Where this host keeps what is not in the repository: system directories for root, XDG's for everyone else."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from planaria.core.errors import ConfigurationError
from planaria.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Directories:
    """Not created yet, and not shared by two environments."""

    state: Path
    cache: Path
    spool: Path


def directories(settings: Settings, environ: Mapping[str, str], *, root: bool) -> Directories:
    """As configured under `local:`, else below /var, else by the XDG base directory specification.

    Raises ConfigurationError when there is no home directory to put them in.
    """
    local, name = settings.local, settings.environment
    if local.state and local.cache and local.spool:
        return Directories(local.state, local.cache, local.spool)
    state = Path("/var/lib") if root else _xdg(environ, "XDG_STATE_HOME", ".local/state")
    cache = Path("/var/cache") if root else _xdg(environ, "XDG_CACHE_HOME", ".cache")
    return Directories(
        state=local.state or state / "planaria" / name / "state",
        cache=local.cache or cache / "planaria" / name,
        spool=local.spool or state / "planaria" / name / "spool",
    )


def _xdg(environ: Mapping[str, str], variable: str, below_home: str) -> Path:
    """The specification says that a relative path is to be ignored."""
    configured = Path(environ.get(variable, ""))
    if configured.is_absolute():
        return configured
    home = Path(environ.get("HOME", ""))
    if not home.is_absolute():
        raise ConfigurationError(
            f"neither {variable} nor HOME says where this host keeps its own files",
            hint="set local: {state: PATH, cache: PATH, spool: PATH} in the configuration",
        )
    return home / below_home
