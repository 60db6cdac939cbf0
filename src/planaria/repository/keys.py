"""Keys: what a host that only writes holds, what is sealed to recipients, and what is derived for each component.

    repository keys   K_id (chunk ids) and K_idx (index, manifests, seals): sealed once, in keys/repository/…
    data key          encrypts one writer's packs and segments: fresh for each lease, sealed in keys/<id>/…

A backup host holds the repository keys (its *writer key*) and the recipients' public halves, no identity: it can
write, find duplicates and check structure, and can read back nothing that an earlier data key encrypted.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import blake3
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from planaria.core.clock import Randomness
from planaria.core.errors import ConfigurationError, DamagedData, RepositoryRefused
from planaria.core.instant import Instant, rfc3339
from planaria.repository.recipients import Identity, Recipient, bytes_of, parse_recipient, text_of
from planaria.repository.sealed import FORMAT, INDEX_KEY_ID, SealingKey, canonical

REPOSITORY_KEYS = "repository"
_WRITER = "planaria-writer:"


@dataclass(frozen=True, slots=True)
class RepositoryKeys:
    repository: str
    chunk_id: bytes = field(repr=False)
    index: bytes = field(repr=False)

    def component(self, name: str) -> "ComponentKeys":
        auth = _derive(self.index, "auth", name)
        return ComponentKeys(
            repository=self.repository,
            component=name,
            chunk_id=_derive(self.chunk_id, "id", name),
            auth=auth,
            index=SealingKey(INDEX_KEY_ID, _derive(self.index, "index", name), auth),
        )

    def writer_text(self) -> str:
        """The writer key, as kept in a file on a host that only writes."""
        return f"{_WRITER}{self.repository}:{text_of(self.chunk_id + self.index)}"


@dataclass(frozen=True, slots=True)
class ComponentKeys:
    """A component is its own domain of deduplication and of keys."""

    repository: str
    component: str
    chunk_id: bytes = field(repr=False)
    auth: bytes = field(repr=False)
    index: SealingKey = field(repr=False)

    def id_of(self, chunk: bytes | bytearray | memoryview) -> bytes:
        return blake3.blake3(chunk, key=self.chunk_id).digest()

    def data(self, key_id: str, secret: bytes) -> SealingKey:
        return SealingKey(key_id, secret, self.auth)


def _derive(secret: bytes, purpose: str, component: str) -> bytes:
    info = f"planaria/1/{purpose}/{component}".encode()
    return HKDF(hashes.SHA256(), length=32, salt=None, info=info).derive(secret)


def new_repository_keys(repository: str, random: Randomness) -> RepositoryKeys:
    return RepositoryKeys(repository, random(32), random(32))


def writer_keys(text: str, repository: str) -> RepositoryKeys:
    """From `RepositoryKeys.writer_text`. Raises ConfigurationError, never showing the text."""
    stripped = text.strip()
    try:
        if not stripped.startswith(_WRITER):
            raise ValueError
        owner, _, secrets = stripped.removeprefix(_WRITER).partition(":")
        both = bytes_of(secrets)
        if len(both) != 64:
            raise ValueError
    except ValueError:
        raise ConfigurationError("the writer key is not one of Planaria's", hint=f"it begins with {_WRITER}") from None
    if owner != repository:
        raise RepositoryRefused(
            f"the writer key belongs to repository {owner[:8]}…, this one is {repository[:8]}…",
            hint="take the writer key that `planaria init` made for this repository",
        )
    return RepositoryKeys(repository, both[:32], both[32:])


def key_object(
    *,
    repository: str,
    name: str,
    component: str,
    secret: bytes,
    seal_key: bytes,
    recipients: Sequence[Recipient],
    created_at: Instant,
) -> bytes:
    """The JSON of a sealed key: readable by anyone, openable by recipients, sealed against change under `seal_key`."""
    key_id = key_id_of(name)
    info = _info(repository, key_id, component)
    fields: dict[str, Any] = {
        "planaria": "key",
        "format": FORMAT,
        "repository": repository,
        "name": name,
        "key": key_id,
        "component": component,
        "created_at": rfc3339(created_at),
        "sealed": [{"recipient": one.text, "secret": text_of(one.seal(secret, info))} for one in recipients],
    }
    return canonical(fields | {"seal": _key_seal(fields, seal_key)})


def key_id_of(name: str) -> str:
    """From `keys/<id>/<random>`."""
    return name.split("/")[1]


def _key_seal(fields: dict[str, Any], seal_key: bytes) -> str:
    return blake3.blake3(canonical(fields), key=seal_key).hexdigest()


def _info(repository: str, key_id: str, component: str) -> bytes:
    return canonical(["planaria/1/key", repository, key_id, component])


@dataclass(frozen=True, slots=True)
class KeyObject:
    """A sealed key, its fields of the right kinds, not yet believed."""

    name: str
    fields: dict[str, Any]

    @property
    def key_id(self) -> str:
        return key_id_of(self.name)

    @property
    def component(self) -> str:
        return str(self.fields["component"])

    @property
    def created_at(self) -> str:
        """RFC 3339, so that times compare as texts."""
        return str(self.fields["created_at"])

    @property
    def recipients(self) -> list[str]:
        return [str(one["recipient"]) for one in self.fields["sealed"]]

    def believe(self, seal_key: bytes) -> None:
        """Raises DamagedData."""
        unsealed = {name: value for name, value in self.fields.items() if name != "seal"}
        if self.fields["seal"] != _key_seal(unsealed, seal_key):
            raise DamagedData(f"{self.name} is not authentic: its seal does not verify", object_name=self.name)

    def open(self, identity: Identity) -> bytes | None:
        """The 32 or 64 secret bytes, or None when none of the sealed copies is ours. Raises DamagedData."""
        info = _info(self.fields["repository"], self.key_id, self.component)
        size = 64 if self.key_id == REPOSITORY_KEYS else 32
        for one in self.fields["sealed"]:
            try:
                recipient = parse_recipient(one["recipient"])
            except ConfigurationError:
                continue  # of a kind that a later Planaria knows
            try:
                secret = identity.open(recipient, bytes_of(one["secret"]), info)
                if secret is not None and len(secret) != size:
                    raise ValueError
            except ValueError:
                what = f"{self.name} is damaged: it is sealed to this identity, and does not open"
                raise DamagedData(what, object_name=self.name) from None
            if secret is not None:
                return secret
        return None


def parse_key_object(data: bytes, object_name: str, *, repository: str) -> KeyObject:
    """Raises DamagedData."""
    try:
        fields = json.loads(data)
        if fields["planaria"] != "key" or canonical(fields) != data or not fields["sealed"]:
            raise ValueError
        texts = [fields[name] for name in ("repository", "name", "key", "component", "created_at", "seal")]
        secrets = [bytes_of(one["secret"]) for one in fields["sealed"]]
        texts += [one["recipient"] for one in fields["sealed"]]
        if not all(isinstance(text, str) for text in texts) or not all(secrets):
            raise ValueError
        version = fields["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DamagedData(f"{object_name} is not a sealed key", object_name=object_name) from None
    if version != FORMAT:
        raise DamagedData(f"{object_name} says it has another format than {FORMAT}", object_name=object_name)
    if texts[:3] != [repository, object_name, key_id_of(object_name)]:
        raise DamagedData(f"{object_name} holds another key", object_name=object_name)
    return KeyObject(object_name, fields)
