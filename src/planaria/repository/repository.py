"""A repository, opened: its identity, its keys, its store. Made once by `create`, opened by `open_repository`.

planaria.json            format, id, hashes of the recovery kit, and a seal: plain text, no secrets
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
from planaria.core.instant import Instant, rfc3339
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
from planaria.repository.layout import what_is
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
    _components: dict[str, ComponentKeys] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def id(self) -> str:
        return self.keys.repository

    def component(self, name: str) -> ComponentKeys:
        """Derived once: every header that is read is held against them."""
        found = self._components.get(name)
        if found is None:
            found = self._components[name] = self.keys.component(name)
        return found

    def scope(self, component: str, kind: Kind, name: str = "") -> Scope:
        return Scope(self.id, component, kind, name)

    def random_hex(self, count: int = 8) -> str:
        return self.random(count).hex()

    def new_data_key(self, component: str) -> SealingKey:
        """A fresh data key, durably sealed to the recipients before anything is encrypted with it.

        Raises RepositoryRefused when nobody can say who they are.
        """
        if not self.recipients:
            raise RepositoryRefused(
                "a sealed copy of the repository's keys is damaged: who shall read what is written now is not known",
                hint="set repository.recipients in the configuration; planaria check names the copy",
            )
        key_id, secret = self.random_hex(16), self.random(32)
        self.put_key(key_id, component, secret, self.recipients, self.clock.now())
        return self.component(component).data(key_id, secret)

    def put_key(
        self, key_id: str, component: str, secret: bytes, recipients: Sequence[Recipient], created_at: Instant
    ) -> None:
        """One more sealed copy of a key."""
        name = f"keys/{key_id}/{self.random_hex()}"
        data = key_object(
            repository=self.id,
            name=name,
            component=component,
            secret=secret,
            seal_key=self.component(component).auth,
            recipients=recipients,
            created_at=created_at,
        )
        self.store.put(name, data)

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
        copies, damage = key_copies(self.store, self.id, key_id, self.keys)
        secret = open_copy([one for one in copies if one.component == component], damage, self.identity)
        if secret is None:
            raise DamagedData(f"the data key keys/{key_id} of {component} is gone", object_name=f"keys/{key_id}")
        return secret


def open_copy(copies: Sequence[KeyObject], damage: Sequence[DamagedData], identity: Identity) -> bytes | None:
    """The secret in the first copy that opens; None when there is no copy. `damage`: what is wrong with others.

    Raises DamagedData, RepositoryRefused when all are sound and none is ours.
    """
    wrong = list(damage)
    for one in copies:
        try:
            secret = one.open(identity)
        except DamagedData as error:
            wrong.append(error)
        else:
            if secret is not None:
                return secret
    if wrong:
        raise wrong[0]
    if copies:
        raise not_ours(copies)
    return None


def key_copies(
    store: Store, repository: str, key_id: str, keys: RepositoryKeys | None
) -> tuple[list[KeyObject], list[DamagedData]]:
    """(every sound copy of a sealed key, what is wrong with the others). Believed where there are `keys` to tell."""
    found, damage = list[KeyObject](), list[DamagedData]()
    for info in store.list(f"keys/{key_id}/"):
        if what_is(info.name) == "key":
            try:
                one = parse_key_object(store.get(info.name), info.name, repository=repository)
                if keys is not None:
                    one.believe(keys.component(one.component).auth)
                found.append(one)
            except DamagedData as error:
                damage.append(error)
    return found, damage


def not_ours(copies: Sequence[KeyObject]) -> RepositoryRefused:
    """None of these copies is sealed to the identity that is configured."""
    recipients = sorted({text for one in copies for text in one.recipients})
    names = ", ".join(one.name for one in copies)
    return RepositoryRefused(
        f"the identity configured here does not open {names}",
        hint="it is sealed to " + ", ".join(f"{text[:28]}…" for text in recipients),
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
    repository = Repository(store, clock, random, keys, tuple(recipients), identity)
    repository.put_key(REPOSITORY_KEYS, "", keys.chunk_id + keys.index, recipients, now)
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
    return repository


def kit_files() -> dict[str, bytes]:
    """The recovery kit as objects."""
    folder = files("planaria.repository") / "recovery_kit"
    return {f"recovery-kit/{FORMAT}/{name}": (folder / name).read_bytes() for name in ("read.py", "FORMAT.md")}


def _root_seal(fields: dict[str, Any], keys: RepositoryKeys) -> str:
    return blake3.blake3(canonical(fields), key=keys.component("").auth).hexdigest()


def believe_root(data: bytes, keys: RepositoryKeys) -> dict[str, Any]:
    """The fields of planaria.json, once its seal is checked. Raises DamagedData."""
    try:
        fields: dict[str, Any] = json.loads(data)
        unsealed = {name: value for name, value in fields.items() if name != "seal"}
        if data != canonical(fields) or fields["seal"] != _root_seal(unsealed, keys):
            raise ValueError
    except (ValueError, KeyError, AttributeError, RecursionError):
        raise DamagedData(f"{ROOT} is not authentic: its seal does not verify", object_name=ROOT) from None
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
    """Needs an identity or a writer key. `recipients`: of what is written from now on (none: `present_recipients`).

    Raises RepositoryRefused, DamagedData, ConfigurationError.
    """
    repository, root = read_root(store)
    copies, damage = key_copies(store, repository, REPOSITORY_KEYS, None)
    if not copies:
        raise (
            damage[0]
            if damage
            else DamagedData("the repository's keys are gone", object_name=f"keys/{REPOSITORY_KEYS}")
        )
    if writer_key is not None:
        keys = writer_keys(writer_key, repository)
    elif identity is not None:
        keys = _opened(copies, damage, identity, root)
    else:
        raise ConfigurationError(
            "neither an identity nor a writer key is configured for the repository",
            hint="set repository.identity (reads and writes) or repository.writer_key (writes only)",
        )
    copies, damage = key_copies(store, repository, REPOSITORY_KEYS, keys)
    if not copies:
        raise damage[0]
    believe_root(root, keys)
    texts = recipients or ([] if damage else present_recipients(copies))
    return Repository(store, clock, random, keys, tuple(parse_recipient(text) for text in texts), identity)


def present_recipients(copies: Sequence[KeyObject]) -> list[str]:
    """Those of the newest sealed copy of the repository's keys: who reads what is written from now on."""
    return max(copies, key=lambda one: (one.created_at, one.name)).recipients


def _opened(
    copies: Sequence[KeyObject], damage: Sequence[DamagedData], identity: Identity, root: bytes
) -> RepositoryKeys:
    """The keys that planaria.json is sealed with: anybody can seal others to our recipients."""
    wrong = list(damage)
    for one in copies:
        try:
            both = one.open(identity)
            if both is not None:
                keys = RepositoryKeys(one.fields["repository"], both[:32], both[32:])
                believe_root(root, keys)
                return keys
        except DamagedData as error:
            wrong.append(error)
    raise wrong[0] if wrong else not_ours(copies)
