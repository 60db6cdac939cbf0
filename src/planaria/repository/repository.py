"""A repository, opened: its identity, its keys, its store. Made once by `create`, opened by `open_repository`.

planaria.json            {"planaria": "repository", "format": 1, "id": …, "created_at": …}, plain text, no secrets
keys/<key id>/<random>   sealed keys; more than one object under a key id when recipients were added later
"""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import blake3

from planaria.core.clock import Clock, Randomness
from planaria.core.errors import ConfigurationError, DamagedData, ObjectExists, ObjectMissing, RepositoryRefused
from planaria.core.instant import rfc3339
from planaria.repository.keys import (
    REPOSITORY_KEYS,
    ComponentKeys,
    KeyObject,
    RepositoryKeys,
    key_object,
    new_repository_keys,
    parse_key_object,
    writer_keys,
)
from planaria.repository.recipients import Identity, Recipient, parse_recipient
from planaria.repository.sealed import FORMAT, Kind, Scope, SealingKey, canonical
from planaria.storage.contract import Store

ROOT = "planaria.json"


@dataclass(frozen=True, slots=True)
class Repository:
    """Shared by many threads. Without an identity it can write and check structure, and read no data back."""

    store: Store
    clock: Clock
    random: Randomness
    keys: RepositoryKeys
    recipients: tuple[Recipient, ...]
    identity: Identity | None = None
    _secrets: dict[str, bytes] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def id(self) -> str:
        return self.keys.repository

    def component(self, name: str) -> ComponentKeys:
        return self.keys.component(name)

    def scope(self, component: str, kind: Kind, name: str = "") -> Scope:
        return Scope(self.id, component, kind, name)

    def random_hex(self, count: int = 8) -> str:
        return self.random(count).hex()

    def new_data_key(self, component: str) -> SealingKey:
        """A fresh data key, durably sealed to the recipients before anything is encrypted with it."""
        keys, key_id, secret = self.component(component), self.random_hex(16), self.random(32)
        data = key_object(
            repository=self.id,
            key_id=key_id,
            component=component,
            secret=secret,
            seal_key=keys.auth,
            recipients=self.recipients,
            created_at=self.clock.now(),
        )
        self.store.put(f"keys/{key_id}/{self.random_hex()}", data)
        return keys.data(key_id, secret)

    def data_key(self, component: str, key_id: str) -> SealingKey:
        """An earlier data key. Raises RepositoryRefused when no identity of ours opens it, DamagedData."""
        with self._lock:
            secret = self._secrets.get(key_id)
        if secret is None:
            secret = self._open_data_key(component, key_id)
            with self._lock:
                self._secrets[key_id] = secret
        return self.component(component).data(key_id, secret)

    def _open_data_key(self, component: str, key_id: str) -> bytes:
        if self.identity is None:
            raise RepositoryRefused(
                "this host has no identity: it can write here, and cannot read back",
                hint="set repository.identity in the configuration, where restores run",
            )
        objects = key_objects(self.store, self.id, key_id)
        if not objects:
            raise DamagedData(f"the data key keys/{key_id} is gone", object_name=f"keys/{key_id}")
        for one in objects:
            one.believe(self.component(component).auth)
            secret = one.open(self.identity)
            if secret is not None:
                if len(secret) != 32:
                    raise DamagedData(f"{one.name} does not hold a data key", object_name=one.name)
                return secret
        raise _not_ours(objects)


def key_objects(store: Store, repository: str, key_id: str) -> list[KeyObject]:
    """All sealed copies of one key. Raises DamagedData."""
    return [
        parse_key_object(store.get(info.name), info.name, repository=repository, key_id=key_id)
        for info in store.list(f"keys/{key_id}/")
    ]


def parse_keys(repository: Repository, object_name: str) -> KeyObject:
    """One sealed key, bound to its name and believed. Raises DamagedData."""
    key_id = object_name.split("/")[1]
    data = repository.store.get(object_name)
    one = parse_key_object(data, object_name, repository=repository.id, key_id=key_id)
    one.believe(repository.component(str(one.fields.get("component"))).auth)
    if canonical(one.fields) != data:
        raise DamagedData(f"{object_name} is not written as it was sealed", object_name=object_name)
    return one


def _not_ours(objects: Sequence[KeyObject]) -> RepositoryRefused:
    recipients = sorted({text for one in objects for text in one.recipients})
    return RepositoryRefused(
        "the identity configured here does not open this repository",
        hint="it is sealed to " + ", ".join(text[:28] + "…" for text in recipients),
    )


def create(
    store: Store, clock: Clock, random: Randomness, recipients: Sequence[Recipient], identity: Identity | None = None
) -> Repository:
    """Raises ConfigurationError without a recipient, ObjectExists where a repository already is."""
    if not recipients:
        raise ConfigurationError("a repository needs at least one recipient who can read it")
    if any(True for _ in store.list(ROOT)):
        raise ObjectExists(f"{store.url} already holds a repository")
    keys = new_repository_keys(random(16).hex(), random)
    now = clock.now()
    sealed = key_object(
        repository=keys.repository,
        key_id=REPOSITORY_KEYS,
        component="",
        secret=keys.chunk_id + keys.index,
        seal_key=keys.component("").auth,
        recipients=recipients,
        created_at=now,
    )
    store.put(f"keys/{REPOSITORY_KEYS}/{random(8).hex()}", sealed)
    root: dict[str, Any] = {
        "planaria": "repository",
        "format": FORMAT,
        "id": keys.repository,
        "created_at": rfc3339(now),
    }
    kit = kit_files()
    for name, data in kit.items():
        store.put(name, data)
    root["kit"] = {name: blake3.blake3(data).hexdigest() for name, data in kit.items()}
    store.put(ROOT, canonical(root | {"seal": _root_seal(root, keys)}))
    return Repository(store, clock, random, keys, tuple(recipients), identity)


def kit_files() -> dict[str, bytes]:
    """The recovery kit as objects."""
    folder = files("planaria.repository") / "recovery_kit"
    return {f"recovery-kit/{FORMAT}/{name}": (folder / name).read_bytes() for name in ("read.py", "FORMAT.md")}


def _root_seal(fields: dict[str, Any], keys: RepositoryKeys) -> str:
    return blake3.blake3(canonical(fields), key=keys.component("").auth).hexdigest()


def believe_root(data: bytes, keys: RepositoryKeys) -> dict[str, Any]:
    """The fields of planaria.json, once its seal is checked. Raises DamagedData."""
    fields: dict[str, Any] = json.loads(data)
    unsealed = {name: value for name, value in fields.items() if name != "seal"}
    if data != canonical(fields) or fields.get("seal") != _root_seal(unsealed, keys):
        raise DamagedData(f"{ROOT} is not authentic: its seal does not verify", object_name=ROOT)
    return fields


def read_root(store: Store) -> tuple[str, bytes]:
    """(the repository's id, the bytes that say so, not yet believed).

    Raises RepositoryRefused when there is none or its format is newer, DamagedData.
    """
    try:
        data = store.get(ROOT)
        fields = json.loads(data)
        if fields["planaria"] != "repository":
            raise ValueError
        version, repository = fields["format"], str(fields["id"])
        bytes.fromhex(repository)
    except ObjectMissing:
        raise RepositoryRefused(f"there is no repository at {store.url}", hint="planaria init") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DamagedData(f"{ROOT} is unreadable", object_name=ROOT) from None
    if version != FORMAT:
        raise RepositoryRefused(
            f"the repository has format {version}, this Planaria reads {FORMAT}", hint="upgrade Planaria"
        )
    return repository, data


def open_repository(
    store: Store,
    clock: Clock,
    random: Randomness,
    *,
    identity: Identity | None = None,
    writer_key: str | None = None,
    recipients: Sequence[str] = (),
) -> Repository:
    """Needs an identity or a writer key. `recipients`: of what is written from now on (none: those of `create`).

    Raises RepositoryRefused, DamagedData, ConfigurationError.
    """
    repository, root = read_root(store)
    objects = key_objects(store, repository, REPOSITORY_KEYS)
    if not objects:
        raise DamagedData("the repository's sealed keys are gone", object_name=f"keys/{REPOSITORY_KEYS}")
    if writer_key is not None:
        keys = writer_keys(writer_key, repository)
    elif identity is not None:
        keys = _opened(objects, identity, repository)
    else:
        raise ConfigurationError(
            "neither an identity nor a writer key is configured for the repository",
            hint="set repository.identity (reads and writes) or repository.writer_key (writes only)",
        )
    for one in objects:
        one.believe(keys.component("").auth)
    believe_root(root, keys)
    texts = recipients or sorted({text for one in objects for text in one.recipients})
    return Repository(store, clock, random, keys, tuple(parse_recipient(text) for text in texts), identity)


def _opened(objects: Sequence[KeyObject], identity: Identity, repository: str) -> RepositoryKeys:
    for one in objects:
        both = one.open(identity)
        if both is not None:
            if len(both) != 64:
                raise DamagedData(f"{one.name} does not hold the repository's keys", object_name=one.name)
            return RepositoryKeys(repository, both[:32], both[32:])
    raise _not_ours(objects)
