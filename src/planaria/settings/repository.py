"""The `repository:` section: where it is, how the store is asked to keep it, who reads and who writes."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from planaria.settings.paths import ConfiguredPath
from planaria.settings.secrets import FORMS, SecretRef, SecretText

SCHEMES = ("file", "s3")
_ONLY_S3 = ("sse", "checksum", "endpoint", "region", "credentials", "path_style", "allow_http", "ca_file")
_RECIPIENT = re.compile(r"(?:key:x25519|passphrase:argon2id):[A-Za-z0-9_:-]+")


def _without_secrets(url: str, schemes: tuple[str, ...]) -> str:
    """Errors never repeat the URL: it may hold a password."""
    try:
        parts = urlsplit(url)
        credentials = parts.username is not None or bool(parts.query or parts.fragment)
    except ValueError:
        raise ValueError("cannot be understood as a URL") from None
    if parts.scheme not in schemes:
        raise ValueError(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    if credentials:
        raise ValueError("must not hold credentials, ? or #; access keys go under `credentials`")
    return url


def _store_url(url: str) -> str:
    parts = urlsplit(_without_secrets(url, SCHEMES))
    if parts.scheme == "file" and (parts.netloc or not parts.path.startswith("/")):
        raise ValueError("needs an absolute path: file:///var/lib/planaria/repository")
    if parts.scheme == "s3" and not parts.netloc:
        raise ValueError("needs a bucket: s3://bucket/prefix")
    return url


def _endpoint_url(url: str) -> str:
    if not urlsplit(_without_secrets(url, ("https", "http"))).netloc:
        raise ValueError("needs a host: https://s3.example.org")
    return url


def _recipient(text: str) -> str:
    """What is not a recipient may be an identity, pasted into the wrong place: it is not repeated."""
    if text.startswith("kms:"):
        raise ValueError("recipients of a KMS are not understood by this version")
    if not _RECIPIENT.fullmatch(text):
        raise ValueError("is not a recipient: those begin with key:x25519: or passphrase:argon2id:")
    return text


StoreUrl = Annotated[str, AfterValidator(_store_url)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Encryption(_Section):
    """Encryption by the store, under ours: asked for, and checked on what was stored."""

    kms_key: str = Field(min_length=1, description="key id, ARN or alias of the KMS key")


class Credentials(_Section):
    """Without them: those of the host, as AWS tools find them."""

    access_key: SecretText
    secret_key: SecretText
    session_token: SecretText | None = None


class Passphrase(_Section):
    passphrase: SecretText


def _identity_form(value: Any) -> str | None:
    if isinstance(value, Passphrase) or (isinstance(value, Mapping) and set(value) == {"passphrase"}):
        return "<passphrase>"
    known = isinstance(value, Mapping) and not set(value) - set(SecretRef.model_fields)
    return "<secret>" if known or isinstance(value, SecretRef) else None


IdentityRef = Annotated[
    Annotated[SecretRef, Tag("<secret>")] | Annotated[Passphrase, Tag("<passphrase>")],
    Discriminator(_identity_form, "identity", f"an identity is {FORMS}, or {{passphrase: …}} of one of these"),
]


def identity_text(identity: SecretRef | Passphrase, environ: Mapping[str, str]) -> str:
    """What `repository.recipients.identity_of` takes. Raises ConfigurationError."""
    if isinstance(identity, Passphrase):
        return f"passphrase:{identity.passphrase.resolve(environ)}"
    return identity.resolve(environ)


class RepositorySettings(_Section):
    url: StoreUrl = Field(description="s3://bucket/prefix or file:///absolute/path")
    sse: Encryption | None = None
    checksum: Literal["sha256"] | None = Field(default=None, description="checksum the store verifies on upload")
    endpoint: Annotated[str, AfterValidator(_endpoint_url)] | None = Field(
        default=None, description="of an S3 that is not AWS"
    )
    region: str | None = Field(default=None, min_length=1)
    credentials: Credentials | None = None
    path_style: bool = Field(default=False, description="https://host/bucket instead of https://bucket.host")
    allow_http: bool = Field(default=False, description="accept an endpoint without TLS")
    ca_file: ConfiguredPath | None = Field(default=None, description="certificate authority of the endpoint (PEM)")
    recipients: tuple[Annotated[str, AfterValidator(_recipient)], ...] = Field(
        default=(), description="who can read what is written from now on; none: those that `init` was given"
    )
    identity: IdentityRef | None = Field(default=None, description="who we are when we read: only where restores run")
    writer_key: SecretText | None = Field(default=None, description="for a host that writes and cannot read back")
    copies: tuple[StoreUrl, ...] = Field(default=(), description="further repositories, e.g. in another region")

    @model_validator(mode="after")
    def _consistent(self) -> "RepositorySettings":
        if not self.url.startswith("s3://"):
            idle = [name for name in _ONLY_S3 if name in self.model_fields_set]
            if idle:
                raise ValueError(f"{', '.join(idle)}: only for an s3:// url")
        if self.endpoint is not None and self.endpoint.startswith("http://") and not self.allow_http:
            raise ValueError("the endpoint has no TLS: use https://, or set allow_http: true")
        return self
