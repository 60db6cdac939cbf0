"""`planaria init`: the repository and its keys, and a commented configuration where there is none."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from planaria.cli.invocation import Invocation
from planaria.cli.secret_files import write_new, write_secret
from planaria.core.errors import ConfigurationError

if TYPE_CHECKING:
    from planaria.settings.model import Settings

DEFAULT_URL = "file:///var/lib/planaria/repository"


def init(
    context: typer.Context,
    profile: Annotated[
        Literal["somabrain"] | None,
        typer.Option("--profile", metavar="somabrain", help="Start from a known environment's parts."),
    ] = None,
    environment: Annotated[
        str, typer.Option("--environment", metavar="NAME", help="Its name, in a new configuration.")
    ] = "production",
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="Of the repository, in a new configuration.")
    ] = DEFAULT_URL,
) -> int:
    """Create the repository, its keys, a configuration."""
    invocation: Invocation = context.obj
    made: dict[str, Any] = {"configuration": None, "schema": None, "identity": None, "repository": None}
    path = _existing(invocation)
    if path is None:
        path = (invocation.config or Path("planaria.yaml")).absolute()
        made |= _configure(path, environment, url, profile)
    settings = invocation_settings(path)
    made |= _create(settings, invocation, path)
    output = invocation.output
    for what, where in made.items():
        if where is not None:
            output.say(f"{what:<14} {where}")
    output.say()
    output.say("Keep a copy of the identity away from this host: without it nothing can be read back.")
    output.say(f"Next: edit {path}, then  planaria --config {path} doctor")
    output.finish("init", made)
    return 0


def _existing(invocation: Invocation) -> Path | None:
    try:
        return invocation.config_path()
    except ConfigurationError:
        return None


def invocation_settings(path: Path) -> "Settings":
    from planaria.drivers.registry import options_models
    from planaria.settings.load import load

    return load(path, options_models())


def _configure(path: Path, environment: str, url: str, profile: Literal["somabrain"] | None) -> dict[str, Any]:
    """A new identity, the configuration that names it, and the schema beside it. Raises SafetyRefusal."""
    import json

    from planaria.drivers.registry import options_models
    from planaria.repository.recipients import new_identity
    from planaria.service.system_clock import system_randomness
    from planaria.settings.schema import json_schema
    from planaria.settings.starter import starter

    identity_file = path.parent / "planaria-identity"
    text, recipient = new_identity(system_randomness)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_secret(identity_file, text)
    schema = path.parent / "planaria.schema.json"
    if not schema.exists():
        write_new(schema, json.dumps(json_schema(options_models()), indent=1) + "\n", 0o644)
    head = f"# yaml-language-server: $schema={schema.name}\n"
    whole = starter(environment, url, profile, recipients=[recipient.text], identity_file=identity_file)
    write_new(path, head + whole, 0o644)
    return {"configuration": str(path), "schema": str(schema), "identity": str(identity_file)}


def _create(settings: "Settings", invocation: Invocation, path: Path) -> dict[str, Any]:
    """The repository, unless it is there: then it is opened. Raises errors of the store, RepositoryRefused."""
    from planaria.core.errors import ObjectExists
    from planaria.repository.recipients import parse_recipient
    from planaria.repository.repository import create
    from planaria.service.environment import identity_configured, open_environment, store_of

    host = invocation.host()
    of = settings.repository
    if not of.recipients:
        raise ConfigurationError(
            f"{path}: repository.recipients names nobody who could read it", hint="a public key: key:x25519:…"
        )
    store = store_of(settings, host)
    recipients = [parse_recipient(text) for text in of.recipients]
    try:
        identity = identity_configured(settings, host.environ)
        repository = create(store, host.clock, host.random, recipients, identity)
    except ObjectExists:
        repository = open_environment(settings, host).repository
        invocation.output.warn(f"{store.url} holds a repository already, and it opens.")
    return {"repository": f"{store.url} (id {repository.id})"}
