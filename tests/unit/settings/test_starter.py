"""The starter configuration loads as it stands, and what it offers in comments can be uncommented."""

from pathlib import Path
from typing import Any

import pytest

from planaria.drivers.directory.options import DirectoryOptions
from planaria.drivers.redis.options import RedisOptions
from planaria.settings.component import ComponentSettings
from planaria.settings.load import load
from planaria.settings.model import Settings
from planaria.settings.starter import Profile, starter

MODELS: dict[str, type[ComponentSettings]] = {"redis": RedisOptions, "directory": DirectoryOptions}
KEY = "key:x25519:AAAA"


def loaded(directory: Path, text: str) -> Settings:
    path = directory / "planaria.yaml"
    path.write_text(text)
    return load(path, MODELS)


def uncommented(text: str) -> str:
    """The lines whose comment is configuration: those after the head that say `key: …` once the `# ` is gone."""
    head, separator, body = text.partition("repository:\n")
    lines = [line.replace("# ", "", 1) if line.lstrip().startswith("# ") else line for line in body.splitlines()]
    prose = ("Only where", "Upstream", "Components in")
    return head + separator + "\n".join(line for line in lines if not line.strip().startswith(prose)) + "\n"


@pytest.mark.parametrize("profile", [None, "somabrain"])
@pytest.mark.parametrize("url", ["s3://backups/prod", "file:///var/lib/planaria/repository"])
def test_it_loads_as_it_stands(tmp_path: Path, url: str, profile: Profile | None) -> None:
    settings = loaded(tmp_path, starter("prod", url, profile))
    assert settings.environment == "prod"
    assert settings.repository.url == url
    assert list(settings.components) == ["redis"]
    assert settings.objectives.rto == 4 * 3600


@pytest.mark.parametrize("url", ["s3://backups/prod", "file:///srv/repository"])
def test_what_it_offers_in_comments_loads_too(tmp_path: Path, url: str) -> None:
    text = uncommented(starter("prod", url)).replace("key:x25519:…", KEY)
    settings = loaded(tmp_path, text)
    assert list(settings.components) == ["redis", "files"]
    assert settings.components["redis"].schedule == "0 */6 * * *"
    assert settings.repository.recipients == (KEY,)
    assert settings.repository.identity is not None
    assert (settings.budgets.upload, settings.budgets.workers) == (200 * 2**20, 2)
    assert (settings.repository.sse is not None) == url.startswith("s3")


def test_what_init_made_is_written_into_it(tmp_path: Path) -> None:
    identity = tmp_path / "an identity: with # odd 'name'"
    text = starter("prod", "s3://b", recipients=[KEY, "passphrase:argon2id:AA:BB"], identity_file=identity)
    repository = loaded(tmp_path, text).repository
    assert repository.recipients == (KEY, "passphrase:argon2id:AA:BB")
    assert repository.identity is not None
    assert getattr(repository.identity, "file", None) == identity


@pytest.mark.parametrize("environment", ["true", "null", "no", "1e3", "2025", "a-b", "y"])
def test_an_environment_that_yaml_would_take_for_something_else_is_quoted(tmp_path: Path, environment: str) -> None:
    assert loaded(tmp_path, starter(environment, "s3://b")).environment == environment


@pytest.mark.parametrize("url", ["s3://b/with space", "s3://b/a: b", "file:///a'b\"c", "file:///a\\b"])
def test_a_url_that_yaml_would_take_apart_is_quoted(tmp_path: Path, url: str) -> None:
    assert loaded(tmp_path, starter("prod", url)).repository.url == url


def test_the_somabrain_profile_has_its_schedules_and_retention(tmp_path: Path) -> None:
    class Later(ComponentSettings, extra="allow"):
        pass

    kinds = dict.fromkeys(("redis", "postgres", "kafka", "milvus", "kubernetes"), Later)
    path = tmp_path / "planaria.yaml"
    path.write_text(uncommented(starter("prod", "file:///r", "somabrain")).replace("key:x25519:…", KEY))
    settings = load(path, kinds)
    assert list(settings.components) == ["postgres", "redis", "memory", "kafka", "configuration"]
    assert (settings.objectives.rto, settings.objectives.rpo) == (4 * 3600, 3600)
    assert {name: (one.schedule, days(one)) for name, one in settings.components.items()} == {
        "postgres": ("0 2 * * *", 30),
        "redis": ("0 */6 * * *", 7),
        "memory": ("0 4 * * *", 30),
        "kafka": ("0 3 * * *", 14),
        "configuration": (None, 90),
    }
    assert topics(settings.components["kafka"]) == ["cog.*", "audit.*", "metrics.*", "soma.*"]


def days(component: ComponentSettings) -> float:
    assert component.retention is not None
    assert component.retention.bases is not None
    return component.retention.bases / 86_400


def topics(component: ComponentSettings) -> Any:
    return (component.model_extra or {})["topics"]
