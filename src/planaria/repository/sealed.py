"""Sealed objects: the one byte layout of everything encrypted in a repository (recovery_kit/FORMAT.md, section 2).

    0        8   magic "PLANARIA"
    8        2   format version, little-endian like every number here
    10       2   kind of object
    12       4   length H of the header
    16       H   header: canonical JSON
    16+H     32  commitment: keyed BLAKE3 under the object's own commit key (AES-GCM does not commit to its key)
    16+H+32  32  seal: keyed BLAKE3 under the component's auth key; whoever may write can check it without decrypting
    then slots, each a 48-byte slot header and its ciphertext, closed by an empty slot of kind END

This module does no IO: bytes in, bytes out.
"""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from planaria.core.errors import DamagedData

MAGIC = b"PLANARIA"
FORMAT = 1
TAG = 16
SALT = 32
MAXIMUM_HEADER = 1 << 20
MAXIMUM_PLAIN = 64 << 20

_PREFIX = struct.Struct("<8sHHI")
_SLOT = struct.Struct("<IBBHII32s")
PREFIX_SIZE = _PREFIX.size
SLOT_SIZE = _SLOT.size
NO_CHUNK = bytes(32)
INDEX_KEY_ID = "index"
"""The key id in headers of objects under a component's index key."""


class Kind(IntEnum):
    """What an object is; bound into its keys and into every slot's associated data."""

    PACK = 1
    META = 2
    INDEX = 3
    BASE = 4
    SEGMENT = 5
    BUNDLE = 6
    MARKERS = 7
    RUN = 8
    LEASE = 9
    MARK = 10


class SlotKind(IntEnum):
    DATA = 1
    RECORD = 2
    STAMPS = 3
    END = 255


class Codec(IntEnum):
    RAW = 0
    ZSTD = 1


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an object belongs. `name` is its full object name; packs, named by their content, have none."""

    repository: str
    component: str
    kind: Kind
    name: str = ""


@dataclass(frozen=True, slots=True)
class SealingKey:
    """The secret that encrypts an object (a session's data key, or the index key) and the key that seals its header."""

    id: str
    secret: bytes = field(repr=False)
    auth: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Header:
    """A parsed header, not yet believed: see `believe` and `Opener`."""

    scope: Scope
    key_id: str
    salt: bytes
    facts: dict[str, Any]
    body_hash: str
    body_size: int
    signed: bytes
    commitment: bytes
    seal: bytes
    end: int
    """Where the slots begin."""


@dataclass(frozen=True, slots=True)
class Slot:
    number: int
    codec: Codec
    kind: SlotKind
    plain_size: int
    chunk_id: bytes
    offset: int
    """Of the slot header, in the object."""
    size: int
    """Slot header and ciphertext together."""


def canonical(value: object) -> bytes:
    """JSON with sorted keys and no spaces: equal values are equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def natural(value: Any) -> int:
    """A count, an offset or an instant in JSON. Raises ValueError: a seal does not say that it makes sense."""
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError(f"not a whole number: {value!r:.20}")
    return value


def string(value: Any) -> str:
    """Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError(f"not a text: {value!r:.20}")
    return value


def _object_keys(secret: bytes, salt: bytes, scope: Scope, key_id: str) -> tuple[AESGCM, bytes, bytes]:
    """(cipher, commit key, associated-data prefix) of one object."""
    context = canonical([FORMAT, int(scope.kind), scope.repository, scope.component, key_id])
    info = b"planaria/1/object" + context
    both = HKDF(hashes.SHA256(), length=64, salt=salt, info=info).derive(secret)
    return AESGCM(both[:32]), both[32:], info + salt


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "little")


class Sealer:
    """Encrypts slots into one growing buffer, used for object after object. One thread at a time.

    The salt makes every object's keys its own, so slot numbers serve as nonces.
    """

    def __init__(self, capacity: int) -> None:
        self._buffer = bytearray(capacity)
        self._view = memoryview(self._buffer)
        self._at = self.slots = 0

    def begin(self, scope: Scope, key: SealingKey, salt: bytes) -> None:
        """A new object in the same buffer. A content-named one (a pack) gets its header in front, now;
        a named one gets it in `finish_named`, when its facts are known."""
        if len(salt) != SALT:
            raise ValueError("a salt has 32 bytes")
        self._scope, self._key, self._salt = scope, key, salt
        self._cipher, self._commit_key, self._context = _object_keys(key.secret, salt, scope, key.id)
        self._at = self.slots = 0
        if not scope.name:
            self._put(_header_bytes(scope, key, salt, {}, "", 0, self._commit_key))

    @property
    def size(self) -> int:
        return self._at

    def room(self, stored: int) -> bool:
        """Do a slot of `stored` plain bytes and the closing slot still fit?"""
        return self._at + stored + 2 * (SLOT_SIZE + TAG) <= len(self._buffer)

    def add(
        self,
        payload: bytes | bytearray | memoryview,
        *,
        codec: Codec,
        kind: SlotKind,
        plain_size: int,
        chunk_id: bytes = NO_CHUNK,
    ) -> tuple[int, int]:
        """Encrypt `payload` as the next slot; (offset, size) of the slot in the buffer."""
        offset, stored = self._at, len(payload) + TAG
        end = offset + SLOT_SIZE + stored
        if end > len(self._buffer):
            self._grow(end)
        head = _SLOT.pack(self.slots, codec, kind, 0, plain_size, stored, chunk_id)
        self._put(head)
        target = self._view[self._at : self._at + stored]
        self._cipher.encrypt_into(_nonce(self.slots), payload, self._context + head, target)
        target.release()
        self._at += stored
        self.slots += 1
        return offset, SLOT_SIZE + stored

    def _put(self, data: bytes) -> None:
        if self._at + len(data) > len(self._buffer):
            self._grow(self._at + len(data))
        self._view[self._at : self._at + len(data)] = data
        self._at += len(data)

    def _grow(self, least: int) -> None:
        self._view.release()
        self._buffer.extend(bytes(max(least, 2 * len(self._buffer)) - len(self._buffer)))
        self._view = memoryview(self._buffer)

    def written(self, offset: int, size: int) -> memoryview:
        """What has been written so far, from `offset`; release it before adding more."""
        return self._view[offset : offset + size]

    def finish(self) -> memoryview:
        """Close a pack; the whole object, valid until the next `begin`."""
        self.add(b"", codec=Codec.RAW, kind=SlotKind.END, plain_size=0)
        return self._view[: self._at]

    def finish_named(self, facts: dict[str, Any]) -> bytes:
        """Close an object that has a name, its header bound to the name, to `facts` and to the hash of the slots."""
        body = self.finish()
        digest = blake3.blake3(body).hexdigest()
        header = _header_bytes(self._scope, self._key, self._salt, facts, digest, len(body), self._commit_key)
        return header + bytes(body)


def _header_bytes(
    scope: Scope, key: SealingKey, salt: bytes, facts: dict[str, Any], body_hash: str, body_size: int, commit_key: bytes
) -> bytes:
    fields: dict[str, Any] = {
        "component": scope.component,
        "key": key.id,
        "repository": scope.repository,
        "salt": salt.hex(),
    }
    if scope.name:
        fields |= {"name": scope.name, "facts": facts, "body": body_hash, "size": body_size}
    text = canonical(fields)
    signed = _PREFIX.pack(MAGIC, FORMAT, scope.kind, len(text)) + text
    commitment = blake3.blake3(signed, key=commit_key).digest()
    seal = blake3.blake3(signed + commitment, key=key.auth).digest()
    return signed + commitment + seal


def parse_header(data: bytes | memoryview, object_name: str) -> Header:
    """Raises DamagedData. `data` may be a beginning of the object.

    A repository's format never changes, and was checked when it was opened: another one in an object is damage.
    """
    try:
        magic, version, kind, length = _PREFIX.unpack_from(data)
    except struct.error:
        raise DamagedData(f"{object_name} is cut short", object_name=object_name) from None
    if magic != MAGIC:
        raise DamagedData(f"{object_name} does not begin like a Planaria object", object_name=object_name)
    if version != FORMAT:
        raise DamagedData(f"{object_name} says it has format {version}, not {FORMAT}", object_name=object_name)
    end = PREFIX_SIZE + length + 64
    if length > MAXIMUM_HEADER or end > len(data):
        raise DamagedData(f"{object_name} is cut short in its header", object_name=object_name)
    signed = bytes(data[: PREFIX_SIZE + length])
    try:
        fields = json.loads(signed[PREFIX_SIZE:])
        scope = Scope(fields["repository"], fields["component"], Kind(kind), fields.get("name", ""))
        salt, body = bytes.fromhex(fields["salt"]), fields.get("body", "")
        size, facts, key_id = int(fields.get("size", 0)), fields.get("facts", {}), str(fields["key"])
        if len(salt) != SALT or not isinstance(facts, dict):
            raise ValueError
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise DamagedData(f"{object_name} has an unreadable header", object_name=object_name) from None
    commitment, seal = bytes(data[end - 64 : end - 32]), bytes(data[end - 32 : end])
    return Header(scope, key_id, salt, facts, body, size, signed, commitment, seal, end)


def believe(header: Header, auth: bytes, expected: Scope, object_name: str) -> None:
    """The header was written by someone who may write, for exactly this place. Raises DamagedData."""
    seal = blake3.blake3(header.signed + header.commitment, key=auth).digest()
    if seal != header.seal:
        raise DamagedData(f"{object_name} is not authentic: its header's seal does not verify", object_name=object_name)
    if header.scope != expected:
        raise DamagedData(
            f"{object_name} holds another object: {header.scope.name or header.scope}", object_name=object_name
        )


def believe_body(header: Header, data: bytes | memoryview) -> None:
    """The slots of a named object are the ones its (believed) header speaks of. Raises DamagedData."""
    name = header.scope.name
    body = memoryview(data)[header.end :]
    if len(body) != header.body_size or blake3.blake3(body).hexdigest() != header.body_hash:
        raise DamagedData(f"{name} is damaged: its content does not match its header", object_name=name)


class Opener:
    """Decrypts slots of one object."""

    def __init__(self, header: Header, secret: bytes, object_name: str) -> None:
        """Raises DamagedData when the header does not commit to this key."""
        self._name = object_name
        self._cipher, commit_key, self._context = _object_keys(secret, header.salt, header.scope, header.key_id)
        if blake3.blake3(header.signed, key=commit_key).digest() != header.commitment:
            raise DamagedData(f"{object_name} was not written with the key it names", object_name=object_name)

    def open(self, slot: Slot, data: memoryview) -> bytes:
        """The payload (still compressed) of `slot`; `data` is the slot's own bytes. Raises DamagedData."""
        head = bytes(data[:SLOT_SIZE])
        try:
            return self._cipher.decrypt(_nonce(slot.number), data[SLOT_SIZE : slot.size], self._context + head)
        except InvalidTag:
            raise DamagedData(
                f"{self._name} is damaged in slot {slot.number}, at byte {slot.offset}", object_name=self._name
            ) from None


def parse_slot(data: memoryview, offset: int, object_name: str) -> Slot:
    """The slot that begins at the start of `data`, which lies at `offset` of the object. Raises DamagedData."""
    try:
        number, codec, kind, zero, plain, stored, chunk_id = _SLOT.unpack_from(data)
        slot = Slot(number, Codec(codec), SlotKind(kind), plain, chunk_id, offset, SLOT_SIZE + stored)
        if zero or stored < TAG or plain > MAXIMUM_PLAIN or slot.size > len(data):
            raise ValueError
    except (struct.error, ValueError):
        raise DamagedData(f"{object_name} is damaged at byte {offset}", object_name=object_name) from None
    return slot


def slots(data: memoryview, begin: int, object_name: str) -> Iterator[Slot]:
    """All slots in order, the closing one (kind END) last; DamagedData unless they fill the object exactly."""
    offset, number = begin, 0
    while True:
        slot = parse_slot(data[offset:], offset, object_name)
        if slot.number != number:
            raise DamagedData(f"{object_name} has its slots out of order at byte {offset}", object_name=object_name)
        offset, number = offset + slot.size, number + 1
        yield slot
        if slot.kind is SlotKind.END:
            break
    if offset != len(data):
        raise DamagedData(f"{object_name} goes on behind its end", object_name=object_name)
