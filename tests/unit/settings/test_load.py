"""Loading: the right model for each driver; everything that is wrong at once, where it is, without any value."""

import traceback
from pathlib import Path

import pytest

from planaria.core.errors import ConfigurationError
from planaria.settings.load import find, load
from planaria.settings.secrets import SecretRef
from tests.unit.settings.models import HEAD, MINIMAL, MODELS, StoreOptions, TreeOptions, hint, loaded, problems

SECRET = "hunter2"


def test_the_smallest_configuration_loads_with_defaults(tmp_path: Path) -> None:
    settings = loaded(tmp_path, MINIMAL)
    assert settings.environment == "prod"
    assert settings.repository.url == "file:///srv/repository"
    assert settings.budgets.memory == 512 * 1024**2
    assert settings.budgets.spool == 10 * 1024**3
    assert (settings.budgets.upload, settings.budgets.download, settings.budgets.workers) == (None, None, None)
    assert (settings.follow.flush, settings.follow.idle) == (1.0, 10.0)
    assert (settings.objectives.rto, settings.objectives.rpo) == (None, None)
    assert settings.unused() == []


FULL = """
environment: somabrain-prod
objectives: {rto: 4h, rpo: 1h}
repository:
  url: s3://company-backups/somabrain
  sse: {kms_key: alias/somabrain-backups}
  checksum: sha256
  endpoint: https://s3.example.org
  region: eu-central-1
  credentials: {access_key: {env: KEY}, secret_key: {file: secret}, session_token: {env: TOKEN}}
  path_style: yes
  ca_file: ca.pem
  recipients: ["key:x25519:AAAA", "passphrase:argon2id:BB:CC"]
  identity: {passphrase: {env: PASSPHRASE}}
  writer_key: {file: /etc/planaria/writer}
  copies: [s3://company-backups-eu/somabrain]
budgets: {memory: 1GiB, spool: 20GiB, upload: 200MiB/s, download: 1GB/s, workers: 2}
local: {state: state, cache: /c, spool: /s}
follow: {flush: 500ms, idle: 30}
components:
  files: {driver: directory, path: data, exclude: ["*.tmp"]}
  redis:
    driver: redis
    url: {env: REDIS_URL}
    schedule: "0 */6 * * *"
    retention: {bases: 7d, journal: 2d, keep_last_good: 3}
plans:
  whole: {phases: []}
"""


def test_everything_that_can_be_set_arrives(tmp_path: Path) -> None:
    settings = loaded(tmp_path, FULL)
    assert (settings.objectives.rto, settings.objectives.rpo) == (14_400, 3_600)
    repository = settings.repository
    assert repository.sse is not None
    assert repository.sse.kms_key == "alias/somabrain-backups"
    assert repository.credentials is not None
    assert repository.credentials.access_key == SecretRef(env="KEY")
    assert repository.path_style
    assert repository.recipients == ("key:x25519:AAAA", "passphrase:argon2id:BB:CC")
    assert (settings.budgets.memory, settings.budgets.upload, settings.budgets.workers) == (2**30, 200 * 2**20, 2)
    assert (settings.follow.flush, settings.follow.idle) == (0.5, 30)
    assert settings.plans == {"whole": {"phases": []}}


def test_components_keep_their_order_and_become_the_model_of_their_driver(tmp_path: Path) -> None:
    components = loaded(tmp_path, FULL).components
    assert list(components) == ["files", "redis"]
    assert isinstance(components["files"], TreeOptions)
    redis = components["redis"]
    assert isinstance(redis, StoreOptions)
    assert redis.url == SecretRef(env="REDIS_URL")
    assert redis.retention is not None
    assert (redis.retention.bases, redis.retention.journal, redis.retention.keep_last_good) == (604_800, 172_800, 3)


def test_relative_paths_start_beside_the_configuration_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded(tmp_path, FULL)
    monkeypatch.chdir(tmp_path)
    settings = load(Path("planaria.yaml"), MODELS)
    files = settings.components["files"]
    assert isinstance(files, TreeOptions)
    assert files.path == tmp_path / "data"
    assert settings.local.state == tmp_path / "state"
    assert settings.local.cache == Path("/c")
    assert settings.repository.ca_file == tmp_path / "ca.pem"
    assert settings.repository.credentials is not None
    assert settings.repository.credentials.secret_key.file == tmp_path / "secret"


def test_what_this_version_does_not_act_on_is_listed(tmp_path: Path) -> None:
    assert loaded(tmp_path, FULL).unused() == [
        "objectives.rto",
        "repository.copies[0]",
        "components.redis.schedule",
        "components.redis.retention",
        "plans.whole",
    ]


def test_all_problems_come_together_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """environment: Prod
repository:
  url: ftp://x
budgets:
  memory: 1MiB
  wrokers: 2
components:
  redis:
    driver: reddis
  cache:
    driver: redis
    timeout: soon
"""
    assert problems(tmp_path, text) == [
        "planaria.yaml:1: environment: must be lower-case letters, digits and hyphens, beginning with a letter or "
        "digit, at most 63",
        "planaria.yaml:3: repository.url: must begin with file:// or s3://",
        "planaria.yaml:5: budgets.memory: must be at least 64MiB: four packs on their way",
        "planaria.yaml:6: budgets.wrokers: there is no such key; did you mean 'workers'?",
        "planaria.yaml:9: components.redis.driver: there is no driver 'reddis'; did you mean 'redis'?",
        "planaria.yaml:10: components.cache.url: is missing",
        "planaria.yaml:12: components.cache.timeout: must be a whole number",
    ]
    assert "6 more:" in (hint(tmp_path, text) or "")


def test_the_hint_of_a_single_problem_lists_what_is_known(tmp_path: Path) -> None:
    assert hint(tmp_path, MINIMAL + "objectve: {}\n") == (
        "known: budgets, components, environment, follow, local, objectives, plans, repository"
    )
    assert hint(tmp_path, HEAD + "components: {x: {driver: y}}") == "known: directory, redis"


def test_a_great_many_problems_are_cut(tmp_path: Path) -> None:
    found = hint(tmp_path, MINIMAL + "".join(f"k{number}: 1\n" for number in range(100))) or ""
    assert "99 more:" in found
    assert len(found.splitlines()) == 23
    assert found.endswith("\n…")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("objectives: {rtoo: 1h}", "4: objectives.rtoo: there is no such key; did you mean 'rto'?"),
        ("repositry: {}", "4: repositry: there is no such key; did you mean 'repository'?"),
        ("<a>: 1", "4: <a>: there is no such key"),
        ("objectives:", "4: objectives: is empty"),
        ("budgets: {memory: }", "4: budgets.memory: is empty"),
        ("objectives: {rto: soon}", "4: objectives.rto: 'soon' is not a duration: write 4h, 1h30m, 7d or 250ms"),
        ("objectives: {rto: true}", "4: objectives.rto: must be a duration such as 4h or 1h30m"),
        ("objectives: 4h", "4: objectives: must be a mapping"),
        ("budgets: {workers: 0}", "4: budgets.workers: must be greater than or equal to 1"),
        ("budgets: {workers: 1.5}", "4: budgets.workers: must be a whole number"),
        ("budgets: {upload: 0}", "4: budgets.upload: must be more than nothing; leave it out for no limit"),
        ("follow: {flush: 0s}", "4: follow.flush: must be more than nothing; leave it out for no limit"),
        ("plans: {Whole: {}}", "4: plans.Whole: must be lower-case letters"),
        ("plans: {whole: 3}", "4: plans.whole: must be a mapping"),
        ("plans: [a]", "4: plans: must be a mapping"),
    ],
)
def test_a_problem_is_said_in_words_at_its_place(tmp_path: Path, more: str, says: str) -> None:
    (problem,) = problems(tmp_path, MINIMAL + more + "\n")
    assert problem.startswith("planaria.yaml:" + says)


@pytest.mark.parametrize(
    ("components", "says"),
    [
        ("", "planaria.yaml:3: components: is empty"),
        ("{}", "planaria.yaml:3: components: is empty"),
        ("redis", "planaria.yaml:3: components: must be a mapping"),
        ("{x: }", "planaria.yaml:3: components.x: must be a mapping that begins with `driver:`"),
        ("{x: {url: y}}", "planaria.yaml:3: components.x.driver: is missing: which kind of component is it?"),
        ("{x: {driver: [redis]}}", "planaria.yaml:3: components.x.driver: is missing"),
        ("{x: {driver: redis}}", "planaria.yaml:3: components.x.url: is missing"),
        ("{x: {driver: redis, url: }}", "planaria.yaml:3: components.x.url: is empty"),
        ("{x: {driver: redis, url: ''}}", "planaria.yaml:3: components.x.url: is empty"),
        ("{x: {driver: redis, url: 5}}", "planaria.yaml:3: components.x.url: must be text, or a secret: {env: NAME}"),
        (
            "{x: {driver: redis, url: u, pasword: 1}}",
            "planaria.yaml:3: components.x.pasword: there is no such key; did",
        ),
        ("{x: {driver: redis, url: u, schedule: daily}}", "planaria.yaml:3: components.x.schedule: must have five"),
        (
            "{x: {driver: redis, url: u, retention: {bases: 30}}}",
            "planaria.yaml:3: components.x.retention.bases: must be",
        ),
        (
            "{x: {driver: redis, url: u, retention: {base: 7d}}}",
            "planaria.yaml:3: components.x.retention.base: there is",
        ),
        ("{x: {driver: directory, path: /, exclude: '*'}}", "planaria.yaml:3: components.x.exclude: must be a list"),
        (
            "{x: {driver: redis, url: u, cluster: maybe}}",
            "planaria.yaml:3: components.x.cluster: must be true or false, or",
        ),
        ("{X: {driver: redis, url: u}}", "planaria.yaml:3: components.X: must be lower-case letters"),
        ("{-x: {driver: redis, url: u}}", "planaria.yaml:3: components.-x: must be lower-case letters"),
        ("{x_y: {driver: redis, url: u}}", "planaria.yaml:3: components.x_y: must be lower-case letters"),
        ("{keys: {driver: redis, url: u}}", "planaria.yaml:3: components.keys: the repository uses the name 'keys'"),
        ("{runs: {driver: redis, url: u}}", "planaria.yaml:3: components.runs: the repository uses the name 'runs'"),
    ],
)
def test_a_problem_of_a_component_is_said_at_its_place(tmp_path: Path, components: str, says: str) -> None:
    (problem,) = problems(tmp_path, f"{HEAD}components: {components}\n")
    assert problem.startswith(says)


def test_a_key_below_a_driver_s_own_mapping_finds_the_nearest_there(tmp_path: Path) -> None:
    text = HEAD + "components: {x: {driver: directory, path: /, under: {a: {driver: y, dept: 1}}}}\n"
    (problem,) = problems(tmp_path, text)
    assert problem == "planaria.yaml:3: components.x.under.a.dept: there is no such key; did you mean 'depth'?"


@pytest.mark.parametrize("missing", ["environment", "repository", "components"])
def test_what_must_be_there_is_missed(tmp_path: Path, missing: str) -> None:
    text = "".join(line + "\n" for line in MINIMAL.splitlines() if not line.startswith(missing))
    assert problems(tmp_path, text) == [f"planaria.yaml:1: {missing}: is missing"]


@pytest.mark.parametrize(
    "more",
    [
        f"repository: {{url: 'https://u:{SECRET}@host/x'}}",
        f"repository: {{url: 's3://key:{SECRET}@bucket'}}",
        f"repository: {{url: 's3://bucket?secret={SECRET}'}}",
        f"repository: {{url: 's3://[{SECRET}'}}",
        f"repository: {{url: {{{SECRET}: 1}}}}",
        f"repository: {{url: 's3://b', endpoint: 'https://u:{SECRET}@host'}}",
        f"repository: {{url: 's3://b', identity: {SECRET}}}",
        f"repository: {{url: 's3://b', identity: {{{SECRET}}}}}",
        f"repository: {{url: 's3://b', identity: {{passphrase: {SECRET}}}}}",
        f"repository: {{url: 's3://b', identity: {{passphrase: {{{SECRET}: }}}}}}",
        f"repository: {{url: 's3://b', writer_key: 'planaria-writer:{SECRET}'}}",
        f"repository: {{url: 's3://b', recipients: ['planaria-identity:x25519:{SECRET}']}}",
        f"repository: {{url: 's3://b', credentials: {{access_key: {SECRET}, secret_key: [{SECRET}]}}}}",
        f"components: {{x: {{driver: redis, url: u, password: {SECRET}}}}}",
        f"components: {{x: {{driver: redis, url: u, password: [{SECRET}]}}}}",
        f"components: {{x: {{driver: redis, url: u, password: {{{SECRET}}}}}}}",
        f"components: {{x: {{driver: redis, url: u, password: {{env: '{SECRET}!'}}}}}}",
        f"components: {{x: {{driver: redis, url: u, password: {{env: X, {SECRET}: 1}}}}}}",
        f"components: {{x: {{driver: redis, url: [{SECRET}]}}}}",
        f"components: {{x: {{driver: redis, url: {{{SECRET}: 1}}}}}}",
        f"components: {{x: {{driver: redis, url: u, timeout: {SECRET}}}}}",
        f"components: {{x: {{driver: redis, url: u, pasword: {SECRET}}}}}",
    ],
)
def test_no_error_repeats_a_secret(tmp_path: Path, more: str) -> None:
    replaced = more.partition(":")[0]
    text = "".join(line + "\n" for line in MINIMAL.splitlines() if not line.startswith(replaced)) + more
    with pytest.raises(ConfigurationError) as caught:
        loaded(tmp_path, text)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in caught.value.message + (caught.value.hint or "")


def test_the_configuration_named_explicitly_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("planaria.yaml", "named.yaml", "variable.yaml"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    variable = {"PLANARIA_CONFIG": str(tmp_path / "variable.yaml")}
    assert find(tmp_path / "named.yaml", variable) == tmp_path / "named.yaml"
    assert find(None, variable) == tmp_path / "variable.yaml"
    assert find(None, {}) == Path("planaria.yaml")
    assert find(None, {"PLANARIA_CONFIG": ""}) == Path("planaria.yaml")


def test_a_named_configuration_that_is_missing_is_not_replaced_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "planaria.yaml").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=r"there is no configuration file typo\.yaml") as caught:
        find(Path("typo.yaml"), {})
    assert "--config" in (caught.value.hint or "")
    with pytest.raises(ConfigurationError, match=r"there is no configuration file typo\.yaml") as caught:
        find(None, {"PLANARIA_CONFIG": "typo.yaml"})
    assert "$PLANARIA_CONFIG" in (caught.value.hint or "")


def test_without_any_configuration_the_error_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("planaria.settings.load.SYSTEM_WIDE", tmp_path / "etc" / "planaria.yaml")
    with pytest.raises(ConfigurationError, match=r"there is no configuration file$") as caught:
        find(None, {})
    for place in ("--config", "$PLANARIA_CONFIG", f"{tmp_path}/planaria.yaml", f"{tmp_path}/etc/planaria.yaml"):
        assert place in (caught.value.hint or "")
    assert "planaria init" in (caught.value.hint or "")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "planaria.yaml").touch()
    assert find(None, {}) == tmp_path / "etc" / "planaria.yaml"


def test_a_configuration_below_a_file_is_missing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="there is no configuration file"):
        find(tmp_path / "file" / "planaria.yaml", {})


def test_loading_what_is_missing_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path / "planaria.yaml", MODELS)
