"""Recipients and identities: what is sealed to whom, and that texts which are none are refused without being shown."""

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from planaria.core.errors import ConfigurationError
from planaria.repository.recipients import (
    identity_from_text,
    identity_of,
    new_identity,
    parse_recipient,
    passphrase_recipient,
    text_of,
)
from tests.support.clocks import seeded

SECRET, INFO = b"s" * 32, b"where it belongs"


def test_an_identity_opens_what_was_sealed_to_its_recipient() -> None:
    text, recipient = new_identity(seeded(1))
    again = parse_recipient(recipient.text)
    assert identity_from_text(text + "\n").open(again, again.seal(SECRET, INFO), INFO) == SECRET


def test_what_was_sealed_to_another_is_not_ours() -> None:
    _, theirs = new_identity(seeded(1))
    ours, _ = new_identity(seeded(2))
    assert identity_of(ours).open(theirs, theirs.seal(SECRET, INFO), INFO) is None


def test_a_secret_does_not_open_in_another_place() -> None:
    text, recipient = new_identity(seeded(1))
    with pytest.raises(ValueError, match="not what was sealed"):
        identity_of(text).open(recipient, recipient.seal(SECRET, INFO), b"elsewhere")


PUBLIC = text_of(X25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "key",
        "key:x25519:",
        f"key:x448:{PUBLIC}",
        f"key:x25519:{PUBLIC}AAAA",
        f"key:x25519:{PUBLIC[:-1]}ü",
        f"key:x25519:{text_of(bytes(32))}",
        f"passphrase:argon2id::{PUBLIC}",
        f"passphrase:argon2id:{text_of(bytes(15))}:{PUBLIC}",
        f"passphrase:scrypt:{text_of(bytes(16))}:{PUBLIC}",
        "kms:aws:alias/backups",
    ],
)
def test_a_text_that_is_no_recipient_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a recipient") as caught:
        parse_recipient(text)
    assert caught.value.hint


@pytest.mark.parametrize("text", ["hunter2", "planaria-identity:x25519:aGVsbG8", "planaria-identity:x25519:****"])
def test_a_wrong_identity_is_refused_and_never_shown(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        identity_of(text)
    assert text not in f"{caught.value.message}{caught.value.hint}"


def test_an_empty_passphrase_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="empty"):
        identity_of("passphrase:")
    with pytest.raises(ConfigurationError, match="empty"):
        passphrase_recipient("", seeded(1))


def test_neither_identities_nor_recipients_show_secrets_in_their_words() -> None:
    text, recipient = new_identity(seeded(1))
    assert text.rpartition(":")[2] not in repr(identity_of(text)) + repr(recipient)
