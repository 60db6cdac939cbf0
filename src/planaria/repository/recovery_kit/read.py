#!/usr/bin/env python3
"""Read a Planaria repository without Planaria: list its bases, write any of them out as plain files.

    python3 read.py REPOSITORY --identity FILE list
    python3 read.py REPOSITORY --identity FILE restore COMPONENT BASE DIRECTORY
    python3 read.py REPOSITORY --identity FILE journal COMPONENT LINEAGE FILE

REPOSITORY is a directory that holds the repository's objects as files (for an object store: a copy made with any tool).
FILE holds the identity, or `passphrase:` and a passphrase. BASE is the id that `list` prints, or its beginning.
Needs Python 3.11 and three packages: pip install cryptography zstandard blake3

The format is described in FORMAT.md, beside this file. This file shares no code with Planaria, on purpose.
Every byte it writes has been authenticated; anything else ends it with a message that names the object, and status 1.
Licence: Apache-2.0.
"""

import argparse
import base64
import datetime
import json
import struct
import sys
from pathlib import Path

import blake3
import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PREFIX = struct.Struct("<8sHHI")
SLOT = struct.Struct("<IBBHII32s")
ENTRY = struct.Struct("<16sIII")
PACK, META, INDEX, BASE, SEGMENT, BUNDLE = 1, 2, 3, 4, 5, 6
END = 255
SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


class Damaged(Exception):
    """The message names the object."""


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def hkdf(secret, length, info, salt=None):
    return HKDF(hashes.SHA256(), length=length, salt=salt, info=info).derive(secret)


def keyed(key, data):
    return blake3.blake3(data, key=key).digest()


class Identity:
    """Opens secrets sealed to it (FORMAT.md, section 3)."""

    def __init__(self, text):
        text = text.strip()
        self.passphrase = text.removeprefix("passphrase:") if text.startswith("passphrase:") else None
        self.derived = {}
        self.private = None
        if self.passphrase is None:
            if not text.startswith("planaria-identity:x25519:"):
                raise Damaged("the identity file holds neither an identity nor passphrase:…")
            self.private = X25519PrivateKey.from_private_bytes(unbase64(text.rpartition(":")[2]))

    def key_for(self, recipient):
        match recipient.split(":"):
            case ["key", "x25519", public] if self.private is not None:
                private = self.private
            case ["passphrase", "argon2id", salt, public] if self.passphrase is not None:
                if salt not in self.derived:
                    kdf = Argon2id(salt=unbase64(salt), length=32, iterations=3, lanes=4, memory_cost=256 * 1024)
                    seed = kdf.derive(self.passphrase.encode())
                    self.derived[salt] = X25519PrivateKey.from_private_bytes(seed)
                private = self.derived[salt]
            case _:
                return None
        return private if private.public_key().public_bytes_raw() == unbase64(public) else None

    def open(self, data, name, repository, key_id):
        """(secret, the fields it was sealed with)."""
        fields = json.loads(data)
        if (fields["repository"], fields["key"]) != (repository, key_id):
            raise Damaged(f"{name} holds another key")
        info = canonical(["planaria/1/key", repository, key_id, fields["component"]])
        for one in fields["sealed"]:
            private = self.key_for(one["recipient"])
            if private is not None:
                try:
                    return SUITE.decrypt(unbase64(one["secret"]), private, info=info), fields
                except InvalidTag:
                    continue
        raise Damaged(f"{name} is not sealed to this identity, or is damaged")


class Object:
    """One sealed object (FORMAT.md, section 2): header checked at once, slots opened in turn."""

    def __init__(self, repository, name, data, kind, component, bound_to_name):
        self.name, self.data = name, memoryview(data)
        try:
            magic, version, self.kind, length = PREFIX.unpack_from(data)
            if magic != b"PLANARIA" or version != 1 or self.kind != kind:
                raise ValueError
            self.start = PREFIX.size + length + 64
            signed = data[: PREFIX.size + length]
            self.header = json.loads(signed[PREFIX.size :])
            commitment, seal = data[self.start - 64 : self.start - 32], data[self.start - 32 : self.start]
        except (struct.error, ValueError):
            raise Damaged(f"{name} is not a readable object") from None
        auth = hkdf(repository.index_secret, 32, f"planaria/1/auth/{component}".encode())
        if keyed(auth, signed + commitment) != seal:
            raise Damaged(f"{name} is not authentic")
        if (self.header["repository"], self.header["component"]) != (repository.id, component):
            raise Damaged(f"{name} belongs elsewhere")
        if bound_to_name:
            body = self.data[self.start :]
            if self.header["name"] != name:
                raise Damaged(f"{name} holds another object")
            if (len(body), blake3.blake3(body).hexdigest()) != (self.header["size"], self.header["body"]):
                raise Damaged(f"{name} is damaged")
        elif blake3.blake3(data).hexdigest() != name.rpartition("/")[2]:
            raise Damaged(f"{name} is damaged")
        key_id, salt = self.header["key"], bytes.fromhex(self.header["salt"])
        info = b"planaria/1/object" + canonical([1, kind, repository.id, component, key_id])
        both = hkdf(repository.secret(component, key_id), 64, info, salt)
        self.cipher, self.context = AESGCM(both[:32]), info + salt
        if keyed(both[32:], signed) != commitment:
            raise Damaged(f"{name} was not written with the key it names")

    def slots(self):
        """(kind, chunk id, plain bytes) of every slot."""
        at = number = 0
        view = self.data[self.start :]
        while True:
            try:
                found, codec, kind, zero, plain_size, stored, chunk_id = SLOT.unpack_from(view, at)
                head = bytes(view[at : at + SLOT.size])
                sealed = view[at + SLOT.size : at + SLOT.size + stored]
                if found != number or zero or len(sealed) != stored:
                    raise ValueError
                plain = self.cipher.decrypt(number.to_bytes(12, "little"), sealed, self.context + head)
                if codec == 1:
                    plain = zstandard.ZstdDecompressor().decompress(plain, max_output_size=plain_size)
            except (struct.error, ValueError, InvalidTag, zstandard.ZstdError):
                raise Damaged(f"{self.name} is damaged in slot {number}") from None
            if len(plain) != plain_size:
                raise Damaged(f"{self.name} is damaged in slot {number}")
            at, number = at + SLOT.size + stored, number + 1
            if kind == END:
                break
            yield kind, chunk_id, plain
        if at != len(view):
            raise Damaged(f"{self.name} goes on behind its end")


class Repository:
    def __init__(self, root, identity):
        self.root, self.identity, self.secrets = Path(root), identity, {}
        fields = json.loads(self.read("planaria.json"))
        if fields["format"] != 1:
            raise Damaged(f"the repository has format {fields['format']}: take the reader from its recovery-kit/")
        self.id = fields["id"]
        both, _ = self.open_key("repository")
        self.chunk_secret, self.index_secret = both[:32], both[32:]

    def read(self, name):
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            raise Damaged(f"{name} is missing") from None

    def names(self, prefix):
        folder = self.root / prefix
        found = (path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else ()
        return sorted(path.relative_to(self.root).as_posix() for path in found)

    def open_key(self, key_id):
        """Any sealed copy will do: the last one's failure is told if none opens."""
        failure = Damaged(f"keys/{key_id} is missing")
        for name in self.names(f"keys/{key_id}"):
            try:
                return self.identity.open(self.read(name), name, self.id, key_id)
            except Damaged as error:
                failure = error
            except (ValueError, KeyError, TypeError):
                failure = Damaged(f"{name} is damaged")
        raise failure

    def secret(self, component, key_id):
        if key_id == "index":
            return hkdf(self.index_secret, 32, f"planaria/1/index/{component}".encode())
        if key_id not in self.secrets:
            secret, fields = self.open_key(key_id)
            auth = hkdf(self.index_secret, 32, f"planaria/1/auth/{component}".encode())
            seal = fields.pop("seal")
            if keyed(auth, canonical(fields)).hex() != seal:
                raise Damaged(f"keys/{key_id} is not authentic")
            self.secrets[key_id] = secret
        return self.secrets[key_id]

    def named(self, name, kind, component):
        return Object(self, name, self.read(name), kind, component, True)

    def components(self):
        apart = {"keys", "markers", "probe", "recovery-kit", "runs"}
        return sorted(path.name for path in self.root.iterdir() if path.is_dir() and path.name not in apart)

    def base(self, component, name):
        (_, _, record), *_ = self.named(name, BASE, component).slots()
        return json.loads(record)


class Chunks:
    """Chunk id -> plain bytes, by way of the index; remembers the last few packs, decoded."""

    def __init__(self, repository, component):
        self.repository, self.component, self.where, self.open = repository, component, {}, {}
        self.key = hkdf(repository.chunk_secret, 32, f"planaria/1/id/{component}".encode())
        for name in repository.names(f"{component}/index"):
            packs, *parts = [plain for _, _, plain in repository.named(name, INDEX, component).slots()]
            for prefix, pack, _, _ in ENTRY.iter_unpack(b"".join(parts)):
                self.where[prefix] = packs[32 * pack : 32 * pack + 32].hex()

    def pack(self, pack, kind):
        if pack not in self.open:
            while len(self.open) >= 8:
                del self.open[next(iter(self.open))]
            name = f"{self.component}/packs/{pack[:2]}/{pack}"
            one = Object(self.repository, name, self.repository.read(name), kind, self.component, False)
            self.open[pack] = {chunk_id: plain for _, chunk_id, plain in one.slots()}
        return self.open[pack]

    def get(self, chunk_id, pack=None, kind=PACK):
        pack = pack or self.where.get(chunk_id[:16])
        plain = self.pack(pack, kind).get(chunk_id) if pack else None
        if plain is None:
            raise Damaged(f"{self.component}: chunk {chunk_id.hex()} is missing")
        if keyed(self.key, plain) != chunk_id:
            raise Damaged(f"{self.component}/packs/{pack[:2]}/{pack} holds wrong bytes")
        return plain


def restore(repository, component, base_id, target):
    """Content, directories, links and modes; everything else a driver knew of a file goes to planaria-entries.jsonl."""
    names = [name for name in repository.names(f"{component}/bases") if name.rpartition("/")[2].startswith(base_id)]
    if len(names) != 1:
        raise Damaged(f"{len(names)} bases of {component} begin with {base_id!r}")
    if target.exists() and any(target.iterdir()):
        raise Damaged(f"{target} is not empty")
    base, chunks = repository.base(component, names[0]), Chunks(repository, component)
    pieces = (chunks.get(bytes.fromhex(chunk), pack, META) for chunk, pack, _, _, _ in base["manifest"])
    target.mkdir(parents=True, exist_ok=True)
    files = size = 0
    with (target / "planaria-entries.jsonl").open("wb") as entries:
        for line in b"".join(pieces).splitlines():
            entry = json.loads(line)
            ids = unbase64(entry.pop("chunks", ""))
            path = target / entry["path"]
            if Path(entry["path"]).is_absolute() or ".." in Path(entry["path"]).parts:
                raise Damaged(f"{names[0]} holds the unsafe path {entry['path']}")
            if entry["meta"].get("kind") == "directory":
                path.mkdir(parents=True, exist_ok=True)
            elif entry["meta"].get("kind") in (None, "file"):
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as file:
                    for at in range(0, len(ids), 32):
                        file.write(chunks.get(ids[at : at + 32]))
                    written = file.tell()
                if written != entry["size"]:
                    raise Damaged(f"{names[0]}: {entry['path']} has {written} bytes, not {entry['size']}")
                files, size = files + 1, size + written
            entries.write(canonical(entry) + b"\n")
    print(f"{files} files, {size} bytes: {target}")


def list_bases(repository):
    for component in repository.components():
        for name in repository.names(f"{component}/bases"):
            base = repository.base(component, name)
            at = datetime.datetime.fromtimestamp(base["facts"]["at"] / 1e6, datetime.UTC)
            size = base["bytes_logical"]
            print(f"{component}  {base['id']}  {at:%Y-%m-%d %H:%M:%SZ}  {base['driver']}  {size} bytes")


def segments(repository, component, lineage):
    """(from, to, object) of every segment of a lineage, single or in a bundle, by offset."""
    found = []
    for name in repository.names(f"{component}/journal/{lineage}"):
        one = repository.named(name, SEGMENT, component)
        found.append((one.header["facts"]["from"], one.header["facts"]["to"], one))
    for level in ("minute", "hour", "day"):
        for name in repository.names(f"{component}/bundles/{level}/{lineage}"):
            (_, _, contents), *parts = repository.named(name, BUNDLE, component).slots()
            whole = b"".join(plain for _, _, plain in parts)
            for row in json.loads(contents):
                data = whole[row["at"] : row["at"] + row["size"]]
                one = Object(repository, row["name"], data, SEGMENT, component, True)
                found.append((one.header["facts"]["from"], one.header["facts"]["to"], one))
    return sorted(found, key=lambda segment: (segment[0], -segment[1]))


def journal(repository, component, lineage, path):
    """The bytes of a lineage's journal, from its first offset as far as it is unbroken."""
    at = first = None
    with path.open("xb") as file:
        for begin, end, one in segments(repository, component, lineage):
            if at is None:
                at = first = begin
            if begin > at:
                print(f"a gap from offset {at} to {begin}: written up to there", file=sys.stderr)
                break
            if end > at:
                data = b"".join(plain for kind, _, plain in one.slots() if kind == 1)
                file.write(data[at - begin :])
                at = end
    print(f"{component} {lineage}: offsets {first} to {at}: {path}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--identity", type=Path, required=True)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list")
    one = verbs.add_parser("restore")
    one.add_argument("component")
    one.add_argument("base")
    one.add_argument("directory", type=Path)
    one = verbs.add_parser("journal")
    one.add_argument("component")
    one.add_argument("lineage")
    one.add_argument("file", type=Path)
    arguments = parser.parse_args()
    try:
        repository = Repository(arguments.repository, Identity(arguments.identity.read_text()))
        if arguments.verb == "list":
            list_bases(repository)
        elif arguments.verb == "restore":
            restore(repository, arguments.component, arguments.base, arguments.directory)
        else:
            journal(repository, arguments.component, arguments.lineage, arguments.file)
    except (Damaged, OSError) as error:
        print(f"read.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
