"""Trying an identity before it is needed: every key opened, something decrypted with each."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from planaria.core.errors import DamagedData, ObjectMissing, RepositoryRefused
from planaria.repository import segments
from planaria.repository.base_reader import HEADER_GUESS, PackReader
from planaria.repository.bundles import open_bundle
from planaria.repository.check_reading import read_pack
from planaria.repository.keys import REPOSITORY_KEYS
from planaria.repository.layout import what_is
from planaria.repository.repository import ROOT, Repository, open_copy
from planaria.repository.sealed import parse_header
from planaria.repository.sealed_keys import copies_by_key
from planaria.storage.contract import ObjectInfo


@dataclass(frozen=True, slots=True)
class KeyProof:
    """`read`: the object that was decrypted with this key; None where it encrypts none. `problem` empty: it opened."""

    id: str
    component: str
    read: str | None
    problem: str


def prove_identity(repository: Repository) -> list[KeyProof]:
    """Opens every key, and decrypts one pack or segment with each. Raises RepositoryRefused without an identity."""
    identity, proofs = repository.identity, list[KeyProof]()
    if identity is None:
        raise RepositoryRefused(
            "this host has no identity that could be tried", hint="run this where repository.identity is set"
        )
    pending: dict[str, str] = {}
    for key_id, copies in copies_by_key(repository).items():
        component = copies.sound[0].component if copies.sound else ""
        try:
            open_copy(copies.sound, copies.damage, identity)
        except (DamagedData, RepositoryRefused) as error:
            proofs.append(KeyProof(key_id, component, None, error.message))
        else:
            pending[key_id] = component
    if REPOSITORY_KEYS in pending:  # planaria.json was believed with them when the repository was opened
        proofs.append(KeyProof(REPOSITORY_KEYS, pending.pop(REPOSITORY_KEYS), ROOT, ""))
    for component in sorted(set(pending.values())):
        for key_id, name, problem in _tried(repository, component, pending):
            proofs.append(KeyProof(key_id, component, name, problem))
            del pending[key_id]
    return proofs + [KeyProof(key_id, component, None, "") for key_id, component in pending.items()]


def _tried(repository: Repository, component: str, pending: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """(key id, object, what went wrong) of the first object of each key that is `pending`."""
    packs = PackReader(repository, component)
    for info in repository.store.list(f"{component}/"):
        if component not in pending.values():
            return
        if what_is(info.name) in ("pack", "segment", "bundle"):
            for key_id in [one for one in _keys_in(repository, component, info) if one in pending]:
                try:
                    _decrypt(repository, component, info, packs, key_id)
                except DamagedData as error:
                    yield key_id, info.name, error.message
                else:
                    yield key_id, info.name, ""


def _keys_in(repository: Repository, component: str, info: ObjectInfo) -> Iterable[str]:
    """The data keys that an object is encrypted with; none where it cannot be read."""
    try:
        if what_is(info.name) == "bundle":
            members = open_bundle(repository, component, info.name, repository.store.get(info.name))
            return sorted({parse_header(one.data, one.name).key_id for one in members})
        data = repository.store.get(info.name, 0, HEADER_GUESS if what_is(info.name) == "pack" else None)
        return [parse_header(data, info.name).key_id]
    except (DamagedData, ObjectMissing):
        return []


def _decrypt(repository: Repository, component: str, info: ObjectInfo, packs: PackReader, key_id: str) -> None:
    if what_is(info.name) == "pack":
        read_pack(info, packs)
        return
    data = repository.store.get(info.name)
    if what_is(info.name) == "segment":
        segments.open_segment(repository, component, info.name, data)
        return
    for one in open_bundle(repository, component, info.name, data):
        if parse_header(one.data, one.name).key_id == key_id:
            segments.open_segment(repository, component, one.name, one.data)
            return
