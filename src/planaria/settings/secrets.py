"""Secrets are never written in the configuration: it says where to find them, and no error repeats one."""

import re
import stat
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from planaria.core.errors import ConfigurationError
from planaria.settings.paths import ConfiguredPath

FORMS = "{env: NAME}, {file: PATH} or {kubernetes: {namespace: …, name: …, key: …}}"
_LARGEST = 64 * 1024


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _variable(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError("must be the name of a variable: letters, digits and _ only")
    return name


class KubernetesSecret(_Strict):
    namespace: str = Field(min_length=1)
    name: str = Field(min_length=1)
    key: str = Field(min_length=1)


class SecretRef(_Strict):
    """Where a secret is: exactly one of an environment variable, a file, a key of a Kubernetes Secret."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [kind]} for kind in ("env", "file", "kubernetes")]}
    )

    env: Annotated[str, AfterValidator(_variable)] | None = Field(default=None, description="an environment variable")
    file: ConfiguredPath | None = Field(
        default=None, description="a file that holds nothing else; a final newline is ignored"
    )
    kubernetes: KubernetesSecret | None = Field(default=None, description="a key of a Kubernetes Secret")

    @model_validator(mode="before")
    @classmethod
    def _one_form(cls, value: Any) -> Any:
        """What is wrong here may be the secret itself, so neither values nor unknown keys are repeated."""
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping) or len(value) != 1 or not set(value) <= set(cls.model_fields):
            raise ValueError(f"a secret is said by where it is: {FORMS}")
        place = next(iter(value.values()))
        if place in (None, ""):
            raise ValueError(f"says no place: a secret is one of {FORMS}")
        if isinstance(place, Mapping) and not set(place) <= set(KubernetesSecret.model_fields):
            raise ValueError("a Kubernetes Secret has a namespace, a name and a key, and nothing else")
        return value

    def __str__(self) -> str:
        if self.env is not None:
            return f"the environment variable {self.env}"
        if self.file is not None:
            return f"the file {self.file}"
        assert self.kubernetes is not None  # noqa: S101  (exactly one is set)
        return f"the Kubernetes Secret {self.kubernetes.namespace}/{self.kubernetes.name}"

    def resolve(self, environ: Mapping[str, str]) -> str:
        """The secret. Raises ConfigurationError, which names the place and never what is in it."""
        if self.kubernetes is not None:
            raise ConfigurationError(
                f"{self} cannot be read: this version does not read Kubernetes Secrets itself",
                hint="mount it as a file and use {file: PATH}, or as a variable and use {env: NAME}",
            )
        if self.env is not None and self.env not in environ:
            raise ConfigurationError(f"{self} is not set", hint="set it where planaria runs, or use {file: PATH}")
        secret = environ[self.env] if self.env is not None else self._read()
        if not secret:
            raise ConfigurationError(f"{self} is empty", hint="put the secret there, or remove the setting")
        return secret

    def exposed(self) -> str | None:
        """One sentence when the secret is a file that others on this host may read: worth a warning, not an error."""
        if self.file is None:
            return None
        try:
            mode = self.file.stat().st_mode
        except OSError:
            return None  # `resolve` says it
        return f"{self} can be read by every user of this host (chmod o-r {self.file})" if mode & stat.S_IROTH else None

    def _read(self) -> str:
        assert self.file is not None  # noqa: S101  (only called then)
        try:
            if self.file.exists() and not self.file.is_file():  # a FIFO would block for ever
                raise ConfigurationError(f"{self} is not a regular file", hint="name the file that holds the secret")
            with self.file.open("rb") as file:
                data = file.read(_LARGEST + 1)
            if len(data) > _LARGEST:
                raise ConfigurationError(f"{self} is too large to be a secret", hint="name the file that holds it")
            return data.decode().removesuffix("\n").removesuffix("\r")
        except FileNotFoundError:
            raise ConfigurationError(f"{self} does not exist", hint="create it, with mode 600") from None
        except OSError as error:
            raise ConfigurationError(
                f"{self} cannot be read: {error.strerror}", hint="check its owner and mode, and who planaria runs as"
            ) from None
        except UnicodeDecodeError:
            raise ConfigurationError(f"{self} is not text in UTF-8", hint="write the secret as text") from None


SecretText = SecretRef
"""A password, token or key: always by reference."""


def _form(value: Any) -> str | None:
    if isinstance(value, Mapping | SecretRef):
        return "<secret>"
    return "<text>" if isinstance(value, str) else None


TextOrSecret = Annotated[
    Annotated[str, Field(min_length=1), Tag("<text>")] | Annotated[SecretRef, Tag("<secret>")],
    Discriminator(_form, "text_or_secret", f"must be text, or a secret: {FORMS}"),
]
"""A URL or DSN, which may carry a password: then it is given by reference."""


def text_of(value: str | SecretRef, environ: Mapping[str, str]) -> str:
    """What a TextOrSecret says. Raises ConfigurationError."""
    return value.resolve(environ) if isinstance(value, SecretRef) else value
