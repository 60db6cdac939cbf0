"""Who can read: recipients, to whom secrets are sealed, and identities, which open them.

A recipient is public text. `key:x25519:<public>` belongs to a key pair; `passphrase:argon2id:<salt>:<public>` to a key
pair whose private half is Argon2id of a passphrase, so that sealing needs no passphrase. Both are sealed to with HPKE
(RFC 9180: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM). Binary parts are base64url without padding.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from planaria.core.clock import Randomness
from planaria.core.errors import ConfigurationError

ARGON2_PASSES = 3
ARGON2_MEMORY_KIB = 256 * 1024
ARGON2_LANES = 4

_SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_IDENTITY = "planaria-identity:x25519:"


def text_of(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def bytes_of(text: str) -> bytes:
    """Raises ValueError."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


@dataclass(frozen=True, slots=True)
class Recipient:
    text: str
    public: bytes
    salt: bytes = b""
    """Of the passphrase, where there is one."""

    def seal(self, secret: bytes, info: bytes) -> bytes:
        return _SUITE.encrypt(secret, X25519PublicKey.from_public_bytes(self.public), info=info)


def parse_recipient(text: str) -> Recipient:
    """Raises ConfigurationError."""
    try:
        match text.split(":"):
            case ["key", "x25519", public]:
                recipient = Recipient(text, bytes_of(public))
            case ["passphrase", "argon2id", salt, public]:
                recipient = Recipient(text, bytes_of(public), bytes_of(salt))
            case _:
                raise ValueError
        if len(recipient.public) != 32 or len(recipient.salt) != (16 if text.startswith("passphrase:") else 0):
            raise ValueError
        # Raises for the public keys with which everybody shares the same secret (RFC 7748, section 6.1).
        X25519PrivateKey.from_private_bytes(bytes(32)).exchange(X25519PublicKey.from_public_bytes(recipient.public))
    except ValueError:
        raise ConfigurationError(
            f"{text!r} is not a recipient",
            hint="key:x25519:… from `planaria keys add`, or passphrase:argon2id:…; KMS kinds are not built yet",
        ) from None
    return recipient


@dataclass(frozen=True, slots=True)
class Identity:
    """Opens what was sealed to it. `private_for` returns the private key for a recipient that is ours, else None."""

    private_for: Callable[[Recipient], X25519PrivateKey | None] = field(repr=False)

    def open(self, recipient: Recipient, sealed: bytes, info: bytes) -> bytes | None:
        """None when it was not sealed to us. Raises ValueError when it was, and does not open."""
        private = self.private_for(recipient)
        if private is None:
            return None
        try:
            return _SUITE.decrypt(sealed, private, info=info)
        except InvalidTag:
            raise ValueError("not what was sealed") from None


def new_identity(random: Randomness) -> tuple[str, Recipient]:
    """(identity text, to be kept secret; its recipient)."""
    private = X25519PrivateKey.from_private_bytes(random(32))
    return _IDENTITY + text_of(private.private_bytes_raw()), _recipient_of(private)


def _recipient_of(private: X25519PrivateKey) -> Recipient:
    public = private.public_key().public_bytes_raw()
    return Recipient(f"key:x25519:{text_of(public)}", public)


def identity_from_text(text: str) -> Identity:
    """From what `new_identity` made. Raises ConfigurationError, never showing the text."""
    stripped = text.strip()
    try:
        if not stripped.startswith(_IDENTITY):
            raise ValueError
        private = X25519PrivateKey.from_private_bytes(bytes_of(stripped.removeprefix(_IDENTITY)))
    except ValueError:
        raise ConfigurationError("the identity is not one of Planaria's", hint=f"it begins with {_IDENTITY}") from None
    ours = _recipient_of(private)
    return Identity(lambda recipient: private if recipient.public == ours.public else None)


def identity_from_passphrase(passphrase: str) -> Identity:
    """Raises ConfigurationError when it is empty."""
    _refuse_empty(passphrase)
    derived: dict[bytes, X25519PrivateKey] = {}

    def private_for(recipient: Recipient) -> X25519PrivateKey | None:
        if not recipient.salt:
            return None
        if recipient.salt not in derived:
            derived[recipient.salt] = _from_passphrase(passphrase, recipient.salt)
        private = derived[recipient.salt]
        return private if private.public_key().public_bytes_raw() == recipient.public else None

    return Identity(private_for)


def passphrase_recipient(passphrase: str, random: Randomness) -> Recipient:
    """Raises ConfigurationError when it is empty."""
    _refuse_empty(passphrase)
    salt = random(16)
    public = _from_passphrase(passphrase, salt).public_key().public_bytes_raw()
    return Recipient(f"passphrase:argon2id:{text_of(salt)}:{text_of(public)}", public, salt)


def _refuse_empty(passphrase: str) -> None:
    if not passphrase:
        raise ConfigurationError("the passphrase of the repository is empty")


def _from_passphrase(passphrase: str, salt: bytes) -> X25519PrivateKey:
    """RFC 9106 Argon2id, its 32 bytes of output taken as an X25519 private key (RFC 7748 clamps)."""
    kdf = Argon2id(salt=salt, length=32, iterations=ARGON2_PASSES, lanes=ARGON2_LANES, memory_cost=ARGON2_MEMORY_KIB)
    return X25519PrivateKey.from_private_bytes(kdf.derive(passphrase.encode()))


def identity_of(text: str) -> Identity:
    """An identity file's text, or a passphrase written as `passphrase:…`. Raises ConfigurationError."""
    stripped = text.strip()
    if stripped.startswith("passphrase:"):
        return identity_from_passphrase(stripped.removeprefix("passphrase:"))
    return identity_from_text(stripped)
