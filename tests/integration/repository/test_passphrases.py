"""Passphrases as they are used: each costs Argon2id over 256 MiB, which no unit test has time for."""

from planaria.repository.escrow import escrow_sheet, read_sheet
from planaria.repository.recipients import (
    identity_from_passphrase,
    identity_of,
    new_identity,
    parse_recipient,
    passphrase_recipient,
)
from planaria.repository.repository import create
from planaria.storage.memory import MemoryStore
from tests.support.clocks import ManualClock, seeded

SECRET, INFO = bytes(range(32)), b"what it is for"


def test_a_passphrase_opens_what_was_sealed_without_it_and_another_does_not() -> None:
    recipient = passphrase_recipient("correct horse", seeded(1))
    sealed = parse_recipient(recipient.text).seal(SECRET, INFO)
    ours = identity_of("passphrase:correct horse\n")
    assert ours.open(recipient, sealed, INFO) == SECRET
    assert ours.private_for(recipient) is ours.private_for(recipient), "the costly derivation is made once"
    assert ours.private_for(new_identity(seeded(1))[1]) is None
    assert identity_from_passphrase("correct hors").open(recipient, sealed, INFO) is None


def test_a_passphrase_with_any_character_survives_the_sheet() -> None:
    phrase = "passphrase:correct horse, 100% größer: ~ 🐎"
    clock = ManualClock()
    recipient = passphrase_recipient(phrase.removeprefix("passphrase:"), seeded(75))
    repository = create(MemoryStore(clock), clock, seeded(76), [recipient])
    sheet = escrow_sheet(repository, phrase)
    assert read_sheet(sheet).identity == phrase
    assert "%20 stands for a space" in sheet
