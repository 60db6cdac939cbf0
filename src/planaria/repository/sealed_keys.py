"""The keys of a repository as they lie there: every key's sealed copies, whom they are sealed to, what they cover."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from planaria.core.errors import DamagedData, ObjectMissing, RepositoryRefused
from planaria.repository.keys import REPOSITORY_KEYS, KeyObject, key_id_of, parse_key_object
from planaria.repository.layout import component_of, what_is
from planaria.repository.recipients import Identity, Recipient, parse_recipient
from planaria.repository.records import get_record
from planaria.repository.repository import Repository, open_copy
from planaria.repository.sealed import Kind


@dataclass(frozen=True, slots=True)
class SealedKey:
    """One key, sealed in one object or more.

    `covers`: in words, what it encrypts. `opens`: whether our identity does; None without one.
    """

    id: str
    component: str
    created_at: str
    recipients: tuple[str, ...]
    objects: tuple[str, ...]
    covers: str
    opens: bool | None


@dataclass(frozen=True, slots=True)
class Copies:
    """The sealed copies of one key, believed; what is wrong with others."""

    sound: list[KeyObject]
    damage: list[DamagedData]

    def has(self, recipient: Recipient) -> bool:
        return any(parse_recipient(text).public == recipient.public for one in self.sound for text in one.recipients)


def copies_by_key(repository: Repository) -> dict[str, Copies]:
    """Every key's sealed copies, the repository's own keys first."""
    found = {REPOSITORY_KEYS: Copies([], [])}
    for info in repository.store.list("keys/"):
        if what_is(info.name) != "key":
            continue
        own = found.setdefault(key_id_of(info.name), Copies([], []))
        try:
            one = parse_key_object(repository.store.get(info.name), info.name, repository=repository.id)
            one.believe(repository.component(one.component).auth)
            own.sound.append(one)
        except DamagedData as error:
            own.damage.append(error)
    return found


def list_keys(repository: Repository) -> tuple[list[SealedKey], list[DamagedData]]:
    """(every key, oldest first; what is wrong with sealed copies). Needs no identity."""
    uses, found, damage = dict(_uses(repository)), list[SealedKey](), list[DamagedData]()
    for key_id, copies in copies_by_key(repository).items():
        damage += copies.damage
        if not copies.sound:
            continue
        first = min(copies.sound, key=lambda one: one.created_at)
        recipients = {text: None for one in copies.sound for text in one.recipients}
        found.append(
            SealedKey(
                id=key_id,
                component=first.component,
                created_at=first.created_at,
                recipients=tuple(recipients),
                objects=tuple(one.name for one in copies.sound),
                covers=_covers(key_id, first.component, uses),
                opens=_opens(copies, repository.identity),
            )
        )
    return sorted(found, key=lambda one: (one.id != REPOSITORY_KEYS, one.created_at)), damage


def _uses(repository: Repository) -> Iterator[tuple[str, str]]:
    """(key id, purpose) of every lease."""
    for info in repository.store.list(""):
        if what_is(info.name) == "lease":
            try:
                facts = get_record(repository, component_of(info.name), Kind.LEASE, info.name).facts
            except (DamagedData, ObjectMissing):
                continue  # `check` names it
            yield str(facts.get("key")), str(facts.get("purpose"))


def _covers(key_id: str, component: str, uses: Mapping[str, str]) -> str:
    if key_id == REPOSITORY_KEYS:
        return "names, sizes and times of everything"
    words = {"base": f"one base of {component}", "journal": f"journals of {component}"}
    return words.get(uses.get(key_id, ""), f"data of {component}")


def _opens(copies: Copies, identity: Identity | None) -> bool | None:
    if identity is None:
        return None
    try:
        return open_copy(copies.sound, copies.damage, identity) is not None
    except (DamagedData, RepositoryRefused):
        return False
