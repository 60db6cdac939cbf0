"""Deciding who can read: what `planaria keys add` and `rotate` do.

Nothing is overwritten: a key that is sealed to one more recipient gets one more object, so every step can be repeated.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from planaria.core.errors import ConfigurationError, DamagedData, Failed, RepositoryRefused
from planaria.core.instant import Instant, from_datetime
from planaria.repository.keys import REPOSITORY_KEYS
from planaria.repository.recipients import Identity, Recipient, parse_recipient
from planaria.repository.repository import Repository, open_copy, present_recipients
from planaria.repository.sealed_keys import copies_by_key


@dataclass(frozen=True, slots=True)
class Added:
    """Keys newly sealed to a recipient, and keys that were already."""

    sealed: int
    already: int


@dataclass(frozen=True, slots=True)
class Rotated:
    """`left`: recipients of what came before, not of what comes. `notes`: what that does not change, in sentences."""

    recipients: tuple[str, ...]
    left: tuple[str, ...]
    notes: tuple[str, ...]


def add_recipient(repository: Repository, recipient: Recipient) -> Added:
    """From now on `recipient` reads everything: what is there, and what comes. May be repeated, and interrupted.

    Raises RepositoryRefused without an identity; Failed, when all that could be done is done, naming what could not.
    """
    _identity(repository)
    made = _make_present(repository, [*_present(repository), recipient.text])  # first: for keys made meanwhile
    sealed, already, failed = int(made), int(not made), list[str]()
    for key_id, copies in copies_by_key(repository).items():
        if key_id == REPOSITORY_KEYS:
            continue
        if copies.has(recipient):
            already += 1
            continue
        try:
            secret = open_copy(copies.sound, copies.damage, _identity(repository))
        except (DamagedData, RepositoryRefused) as error:
            failed.append(error.message)
            continue
        if secret is not None:
            now = repository.clock.now()
            repository.put_key(key_id, copies.sound[0].component, secret, [recipient], now)
            sealed += 1
    if failed:
        raise Failed(
            f"{len(failed)} of {len(failed) + sealed + already} keys are not sealed to the new recipient: {failed[0]}",
            hint="repeat this with an identity that opens them; planaria keys list shows who opens what",
        )
    return Added(sealed, already)


def _identity(repository: Repository) -> Identity:
    if repository.identity is None:
        raise RepositoryRefused(
            "this host has no identity, and so cannot seal to others what it cannot open",
            hint="run this where repository.identity is set",
        )
    return repository.identity


def _present(repository: Repository) -> list[str]:
    copies = copies_by_key(repository)[REPOSITORY_KEYS]
    if copies.damage:
        raise copies.damage[0]
    return present_recipients(copies.sound)


def _make_present(repository: Repository, recipients: Sequence[str]) -> bool:
    """These are who reads what is written from now on: the newest copy of the repository's keys is sealed to them.

    False: so it was already.
    """
    copies = copies_by_key(repository)[REPOSITORY_KEYS].sound
    texts = dict.fromkeys(recipients)
    if set(texts) == set(present_recipients(copies)):
        return False
    newest = from_datetime(datetime.fromisoformat(max(one.created_at for one in copies)))
    now = Instant(max(repository.clock.now(), newest + 1))  # newest, whatever our clock says
    secret = repository.keys.chunk_id + repository.keys.index
    repository.put_key(REPOSITORY_KEYS, "", secret, [parse_recipient(text) for text in texts], now)
    return True


def rotate(repository: Repository, recipients: Sequence[Recipient]) -> Rotated:
    """`recipients`, and nobody else, read what comes; they read what is there too. May be repeated, and interrupted.

    Raises what `add_recipient` does, ConfigurationError without a recipient.
    """
    if not recipients:
        raise ConfigurationError("a repository needs at least one recipient who can read it")
    for one in recipients:
        add_recipient(repository, one)
    texts = tuple(one.text for one in recipients)
    _make_present(repository, texts)
    before = {text for copies in copies_by_key(repository).values() for one in copies.sound for text in one.recipients}
    left = tuple(sorted(before - set(texts)))
    ours = any(_identity(repository).private_for(one) is not None for one in recipients)
    return Rotated(texts, left, tuple(_notes(left, ours=ours)))


def _notes(left: Sequence[str], *, ours: bool) -> Iterator[str]:
    for text in left:
        yield (
            f"{text[:28]}… can still read what was written before: its data keys are sealed to it, and copies of them "
            "may be anywhere. Only encrypting that data anew would end it."
        )
    if left:
        yield (
            "It can also read names, sizes and times of what comes: the repository's own keys (K_id, K_idx) do not "
            "change with a rotation."
        )
    yield (
        "Writers that run now seal to the recipients they began with, and so does a host whose configuration names "
        "repository.recipients: change it there, and restart them."
    )
    if not ours:
        yield "The identity configured here is none of the new recipients': it will not read what comes."
