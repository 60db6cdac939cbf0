"""Find the configuration file, read it, and say precisely what is wrong with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from planaria.core.errors import ConfigurationError
from planaria.core.nearest import cut, known_names, nearest
from planaria.settings.component import ComponentSettings
from planaria.settings.document import Document, read
from planaria.settings.model import Settings
from planaria.settings.problems import Problem, problems_of

VARIABLE = "PLANARIA_CONFIG"
SYSTEM_WIDE = Path("/etc/planaria/planaria.yaml")
_SHOWN = 20


def find(explicit: Path | None, environ: Mapping[str, str]) -> Path:
    """`--config`, else $PLANARIA_CONFIG, else ./planaria.yaml, else /etc/planaria/planaria.yaml.

    Raises ConfigurationError, which says where it looked.
    """
    if explicit is not None or environ.get(VARIABLE):
        path, source = (explicit, "--config") if explicit is not None else (Path(environ[VARIABLE]), f"${VARIABLE}")
        if _missing(path):
            raise ConfigurationError(
                f"there is no configuration file {path}", hint=f"{source} names it; `planaria init` makes one"
            )
        return path
    places = (Path("planaria.yaml"), SYSTEM_WIDE)
    for path in places:
        if not _missing(path):
            return path
    looked = ", ".join(("--config", f"${VARIABLE}", *(str(path.absolute()) for path in places)))
    raise ConfigurationError("there is no configuration file", hint=f"looked at {looked}; `planaria init` makes one")


def _missing(path: Path) -> bool:
    """One that we may not look at is not missing: reading it will say so."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def load(path: Path, component_models: Mapping[str, type[ComponentSettings]]) -> Settings:
    """The settings in `path`; each component becomes the model that `component_models` has for its driver.

    Raises one ConfigurationError for all that is wrong: its message is the first problem, `FILE:LINE: PATH: what`;
    its hint says what to do about that one, and then, each on a line of its own, what else is wrong.
    """
    document = read(path)
    context = {"directory": path.absolute().parent}
    problems, components = _components(document.value.get("components"), component_models, context)
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(document.value | components, context=context)
    except ValidationError as error:
        problems += problems_of(error, Settings, (), document.value)
    if settings is None or problems:
        raise _error(document, problems)
    return settings


def _components(
    section: Any, models: Mapping[str, type[ComponentSettings]], context: Mapping[str, Any]
) -> tuple[list[Problem], dict[str, Any]]:
    """(what is wrong inside components, `{"components": …}` for Settings to judge their names and number)."""
    if not isinstance(section, dict):
        return [], {}
    problems: list[Problem] = []
    built: dict[str, ComponentSettings] = {}
    for name, value in section.items():
        where = ("components", name)
        built[name] = ComponentSettings.model_construct(driver="")
        model = _model_of(value, models)
        if isinstance(model, Problem):
            problems.append(Problem((*where, *model.where), model.message, model.hint))
            continue
        try:
            built[name] = model.model_validate(value, context=context)
        except ValidationError as error:
            problems += problems_of(error, model, where, value)
    return problems, {"components": built}


def _model_of(value: Any, models: Mapping[str, type[ComponentSettings]]) -> type[ComponentSettings] | Problem:
    kinds = sorted(models)
    if not isinstance(value, dict):
        return Problem((), "must be a mapping that begins with `driver:`", known_names(kinds))
    driver = value.get("driver")
    if not isinstance(driver, str):
        return Problem(("driver",), "is missing: which kind of component is it?", known_names(kinds))
    if driver in models:
        return models[driver]
    near = nearest(driver, kinds)
    question = f"; did you mean {near!r}?" if near else ""
    return Problem(("driver",), f"there is no driver {cut(driver)!r}{question}", known_names(kinds))


def _error(document: Document, problems: list[Problem]) -> ConfigurationError:
    def line(problem: Problem) -> str:
        return f"{document.at(problem.where)}: {problem.message}"

    first, *others = sorted(problems, key=lambda problem: document.line(problem.where))
    hints = [first.hint] if first.hint else []
    if others:
        hints.append(f"{len(others)} more:" if len(others) > 1 else "one more:")
        hints += [line(problem) for problem in others[:_SHOWN]]
        hints += ["…"] if len(others) > _SHOWN else []
    return ConfigurationError(line(first), hint="\n".join(hints) or None)
