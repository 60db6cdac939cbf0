"""Secrets are found where the configuration says, and said nowhere."""

import os
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from planaria.core.errors import ConfigurationError
from planaria.settings.repository import Passphrase, identity_text
from planaria.settings.secrets import KubernetesSecret, SecretRef, TextOrSecret, text_of

SECRET = "hunter2"


def refused(reference: SecretRef, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigurationError) as caught:
        reference.resolve(environ or {})
    assert caught.value.hint
    assert SECRET not in caught.value.message + caught.value.hint
    return caught.value.message


def test_a_variable_is_read_from_the_environment_that_is_passed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "of the process")
    assert SecretRef(env="PASSWORD").resolve({"PASSWORD": SECRET}) == SECRET
    assert refused(SecretRef(env="PASSWORD"), {}) == "the environment variable PASSWORD is not set"
    assert refused(SecretRef(env="PASSWORD"), {"PASSWORD": ""}) == "the environment variable PASSWORD is empty"


@pytest.mark.parametrize(
    ("content", "secret"),
    [(SECRET, SECRET), (SECRET + "\n", SECRET), (SECRET + "\r\n", SECRET), (" a b \n\n", " a b \n"), ("é", "é")],
)
def test_a_file_is_the_secret_without_its_final_newline(tmp_path: Path, content: str, secret: str) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content.encode())
    assert SecretRef(file=file).resolve({}) == secret


def test_what_is_wrong_with_a_file_is_said_without_its_content(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    assert refused(SecretRef(file=file)) == f"the file {file} does not exist"
    file.write_bytes(b"\n")
    assert refused(SecretRef(file=file)) == f"the file {file} is empty"
    file.write_bytes(SECRET.encode() + b"\xff")
    assert refused(SecretRef(file=file)) == f"the file {file} is not text in UTF-8"
    file.write_bytes(SECRET.encode() * 10_000)
    assert refused(SecretRef(file=file)) == f"the file {file} is too large to be a secret"
    assert refused(SecretRef(file=tmp_path)) == f"the file {tmp_path} is not a regular file"
    assert "cannot be read: File name too long" in refused(SecretRef(file=tmp_path / ("x" * 300)))


def test_a_named_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is not a regular file" in refused(SecretRef(file=tmp_path / "pipe"))


def test_a_kubernetes_secret_is_refused_until_it_can_be_read() -> None:
    reference = SecretRef(kubernetes=KubernetesSecret(namespace="prod", name="redis", key="password"))
    assert "the Kubernetes Secret prod/redis cannot be read" in refused(reference)


def test_a_file_that_everyone_may_read_is_worth_a_warning_and_still_used(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET)
    file.chmod(0o644)
    assert "can be read by every user" in (SecretRef(file=file).exposed() or "")
    assert SecretRef(file=file).resolve({}) == SECRET
    file.chmod(0o640)
    assert SecretRef(file=file).exposed() is None
    assert SecretRef(file=tmp_path / "missing").exposed() is None
    assert SecretRef(env="X").exposed() is None


@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        5,
        [SECRET],
        {},
        {SECRET: "x"},
        {"env": "A", "file": "b"},
        {"env": "A", SECRET: "b"},
        {"env": ""},
        {"file": None},
        {"env": f"{SECRET} "},
        {"env": "1A"},
        {"kubernetes": SECRET},
        {"kubernetes": {"namespace": "n", "name": "m"}},
        {"kubernetes": {"namespace": "n", "name": "m", "key": "k", SECRET: "x"}},
    ],
)
def test_only_a_reference_of_one_form_is_taken_and_nothing_else_is_repeated(value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        SecretRef.model_validate(value)
    assert SECRET not in str(caught.value)


class Service(BaseModel):
    url: TextOrSecret


def test_a_url_is_text_or_a_reference(tmp_path: Path) -> None:
    (tmp_path / "dsn").write_text("redis://:pw@host\n")
    context = {"directory": tmp_path}
    for written in ({"env": "DSN"}, {"file": "dsn"}, "redis://:pw@host"):
        url = Service.model_validate({"url": written}, context=context).url
        assert text_of(url, {"DSN": "redis://:pw@host"}) == "redis://:pw@host"


def test_an_identity_is_told_apart_from_a_passphrase() -> None:
    reference = SecretRef(env="X")
    assert identity_text(reference, {"X": "planaria-identity:x25519:AA"}) == "planaria-identity:x25519:AA"
    assert identity_text(Passphrase(passphrase=reference), {"X": "correct horse"}) == "passphrase:correct horse"
