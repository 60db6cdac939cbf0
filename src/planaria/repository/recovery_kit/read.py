#!/usr/bin/env python3
"""Read a Planaria repository without Planaria: list what it holds, write any base out as plain files.

    python3 read.py REPOSITORY --identity FILE list
    python3 read.py REPOSITORY --identity FILE restore COMPONENT BASE DIRECTORY
    python3 read.py REPOSITORY --identity FILE journal COMPONENT LINEAGE FILE [--from OFFSET]

REPOSITORY is a directory that holds the repository's objects as files (for an object store: a copy made with any tool).
FILE holds the identity, or `passphrase:` and a passphrase. BASE is an id that `list` prints, or its beginning; behind
it stands where its journals begin: LINEAGE:OFFSET. Needs Python 3.11 and: pip install cryptography zstandard blake3

The format is described in FORMAT.md, beside this file. This file shares no code with Planaria, on purpose.
Every byte it writes has been authenticated; anything else ends it with a message that names the object, and status 1.
Licence: Apache-2.0.
"""

import argparse
import base64
import datetime
import json
import re
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
DATA, END = 1, 255
BASE_NAME, PLACE_NAME = r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]+", r"[0-9a-f]{16}-[0-9a-f]{16}-[0-9a-f]+"
SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


class Damaged(Exception):
    """The message names the object."""


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def hkdf(secret, length, info, salt=None):
    return HKDF(hashes.SHA256(), length=length, salt=salt, info=info).derive(secret)


def derived(secret, purpose, component):
    """The keys of a component (FORMAT.md, section 3)."""
    return hkdf(secret, 32, f"planaria/1/{purpose}/{component}".encode())


def keyed(key, data):
    return blake3.blake3(data, key=key).digest()


def authentic(fields, auth):
    """Is this JSON as it was sealed?"""
    rest = {name: value for name, value in fields.items() if name != "seal"}
    return keyed(auth, canonical(rest)).hex() == fields["seal"]


class Identity:
    """Opens secrets sealed to it (FORMAT.md, section 3)."""

    def __init__(self, text):
        text = text.strip()
        self.passphrase = text.removeprefix("passphrase:").encode() if text.startswith("passphrase:") else None
        self.derived, self.private = {}, None
        try:
            if self.passphrase is None:
                private = unbase64(text.removeprefix("planaria-identity:x25519:"))
                self.private = X25519PrivateKey.from_private_bytes(private)
        except ValueError:
            raise Damaged("the identity file holds neither an identity nor passphrase:…") from None

    def key_for(self, recipient):
        match recipient.split(":"):
            case ["key", "x25519", public] if self.private is not None:
                private = self.private
            case ["passphrase", "argon2id", salt, public] if self.passphrase is not None:
                if salt not in self.derived:
                    kdf = Argon2id(salt=unbase64(salt), length=32, iterations=3, lanes=4, memory_cost=256 * 1024)
                    self.derived[salt] = X25519PrivateKey.from_private_bytes(kdf.derive(self.passphrase))
                private = self.derived[salt]
            case _:
                return None
        return private if private.public_key().public_bytes_raw() == unbase64(public) else None

    def open(self, data, name, repository, key_id):
        """(secret, the fields it was sealed with)."""
        fields = json.loads(data)
        info = canonical(["planaria/1/key", repository, key_id, fields["component"]])
        for one in fields["sealed"]:
            private = self.key_for(one["recipient"])
            if private is not None:
                return SUITE.decrypt(unbase64(one["secret"]), private, info=info), fields
        raise Damaged(f"{name} is not sealed to this identity")


class Object:
    """One sealed object (FORMAT.md, section 2): header checked at once, slots opened in turn."""

    def __init__(self, repository, name, data, kind, component):
        self.name, self.data = name, memoryview(data)
        try:
            magic, version, found, length = PREFIX.unpack_from(data)
            if (magic, version, found) != (b"PLANARIA", 1, kind):
                raise ValueError
            self.start = PREFIX.size + length + 64
            signed, rest = data[: PREFIX.size + length], data[PREFIX.size + length : self.start]
            header = json.loads(signed[PREFIX.size :])
        except (struct.error, ValueError):
            raise Damaged(f"{name} is not a readable object") from None
        if keyed(derived(repository.index_secret, "auth", component), signed + rest[:32]) != rest[32:]:
            raise Damaged(f"{name} is not authentic")
        if (header["repository"], header["component"], header.get("name", name)) != (repository.id, component, name):
            raise Damaged(f"{name} holds another object")
        body = self.data[self.start :] if "name" in header else self.data  # a pack has the hash of all as its name
        size, digest = (header["size"], header["body"]) if "name" in header else (len(data), name.rpartition("/")[2])
        if (len(body), blake3.blake3(body).hexdigest()) != (size, digest):
            raise Damaged(f"{name} is damaged")
        key_id, salt = header["key"], bytes.fromhex(header["salt"])
        info = b"planaria/1/object" + canonical([1, kind, repository.id, component, key_id])
        both = hkdf(repository.secret(component, key_id), 64, info, salt)
        self.cipher, self.context = AESGCM(both[:32]), info + salt
        if keyed(both[32:], signed) != rest[:32]:
            raise Damaged(f"{name} was not written with the key it names")

    def heads(self):
        """(where, number, kind, chunk id) of every slot, the closing one last; checked as far as that goes unopened."""
        at, number, kind = self.start, 0, None
        while kind != END:
            head = self.data[at : at + SLOT.size].tobytes().ljust(SLOT.size, b"\xff")
            found, _, kind, zero, _, stored, chunk_id = SLOT.unpack(head)
            if found != number or zero:
                raise Damaged(f"{self.name} is damaged in slot {number}")
            yield at, number, kind, chunk_id
            at, number = at + SLOT.size + stored, number + 1
        if at != len(self.data):
            raise Damaged(f"{self.name} does not end where it should")

    def plain(self, at, number):
        """The plain bytes of the slot that lies there."""
        _, codec, _, _, size, stored, _ = SLOT.unpack_from(self.data, at)
        head, sealed = bytes(self.data[at : at + SLOT.size]), self.data[at + SLOT.size : at + SLOT.size + stored]
        try:
            plain = self.cipher.decrypt(number.to_bytes(12, "little"), sealed, self.context + head)
            return zstandard.ZstdDecompressor().decompress(plain, max_output_size=size) if codec == 1 else plain
        except (InvalidTag, ValueError, zstandard.ZstdError):
            raise Damaged(f"{self.name} is damaged in slot {number}") from None

    def slots(self):
        """(kind, plain bytes) of every slot but the closing one."""
        return [(kind, self.plain(at, number)) for at, number, kind, _ in self.heads()][:-1]


class Repository:
    def __init__(self, root, identity):
        self.root, self.identity, self.secrets = Path(root), identity, {}
        try:
            root = json.loads(self.read("planaria.json"))
            self.id, version, _ = root["id"], root["format"], root["seal"]
        except (ValueError, KeyError, TypeError):
            raise Damaged("planaria.json is damaged") from None
        if version != 1:
            raise Damaged(f"the repository has format {version}: take the reader from its recovery-kit/")
        # Whoever can write can seal other keys to us, but no planaria.json with them.
        both = self.open_key("repository", lambda both, _: authentic(root, derived(both[32:], "auth", "")))
        self.chunk_secret, self.index_secret = both[:32], both[32:]

    def read(self, name):
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            raise Damaged(f"{name} is missing") from None

    def names(self, prefix, pattern):
        """Of the objects below `prefix`; what others keep there is passed over."""
        paths = (path for path in (self.root / prefix).rglob("*") if re.fullmatch(pattern, path.name))
        return sorted(path.relative_to(self.root).as_posix() for path in paths if path.is_file())

    def open_key(self, key_id, fits):
        """Any sealed copy that opens and `fits` will do; else the last one's failure is told."""
        failure = Damaged(f"keys/{key_id} is missing")
        for name in self.names(f"keys/{key_id}", "[0-9a-f]+"):
            try:
                secret, fields = self.identity.open(self.read(name), name, self.id, key_id)
                if fits(secret, fields):
                    return secret
                failure = Damaged(f"{name} is not authentic, or planaria.json is not")
            except Damaged as error:
                failure = error
            except (InvalidTag, ValueError, KeyError, TypeError, AttributeError):
                failure = Damaged(f"{name} is damaged")
        raise failure

    def secret(self, component, key_id):
        auth = derived(self.index_secret, "auth", component)
        if key_id == "index":
            return derived(self.index_secret, "index", component)
        if key_id not in self.secrets:
            self.secrets[key_id] = self.open_key(key_id, lambda _, fields: authentic(fields, auth))
        return self.secrets[key_id]

    def named(self, name, kind, component):
        return Object(self, name, self.read(name), kind, component)

    def base(self, component, name):
        ((_, record),) = self.named(name, BASE, component).slots()
        return json.loads(record)


class Chunks:
    """Chunk id -> plain bytes, by way of the index; keeps the last few packs."""

    def __init__(self, repository, component):
        self.repository, self.component, self.where, self.packs = repository, component, {}, {}
        self.key = derived(repository.chunk_secret, "id", component)
        for name in repository.names(f"{component}/index", "[0-9a-f]+"):
            try:
                packs, *parts = [plain for _, plain in repository.named(name, INDEX, component).slots()]
            except Damaged as error:
                print(f"read.py: {error}; what it knew is looked for elsewhere", file=sys.stderr)
                continue
            for prefix, pack, _, _ in ENTRY.iter_unpack(b"".join(parts)):
                self.where.setdefault(prefix, []).append(packs[32 * pack : 32 * pack + 32].hex())

    def pack(self, pack, kind):
        """(object, where each of its chunks lies)."""
        if pack not in self.packs:
            while len(self.packs) >= 8:
                del self.packs[next(iter(self.packs))]
            one = self.repository.named(f"{self.component}/packs/{pack[:2]}/{pack}", kind, self.component)
            self.packs[pack] = one, {chunk_id: (at, number) for at, number, _, chunk_id in one.heads()}
        return self.packs[pack]

    def get(self, chunk_id, packs=None, kind=PACK):
        """From the first pack that holds it unharmed."""
        failure = Damaged(f"{self.component}: chunk {chunk_id.hex()} is missing")
        for pack in packs or self.where.get(chunk_id[:16], ()):
            try:
                one, lies = self.pack(pack, kind)
                plain = one.plain(*lies[chunk_id]) if chunk_id in lies else b""
                if keyed(self.key, plain) == chunk_id:
                    return plain
                failure = Damaged(f"{one.name} does not hold chunk {chunk_id.hex()}")
            except Damaged as error:
                failure = error
        raise failure


def entries(chunks, record):
    """The lines of a base's manifest."""
    rest = b""
    for chunk, pack, *_ in record["manifest"]:
        *lines, rest = (rest + chunks.get(bytes.fromhex(chunk), [pack], META)).split(b"\n")
        yield from map(json.loads, lines)


def restore(repository, component, base, target):
    """Directories and contents; all else that a driver knew of a file is in planaria-entries.jsonl."""
    names = repository.names(f"{component}/bases", re.escape(base) + ".*")
    if len(names) != 1:
        raise Damaged(f"{len(names)} bases of {component} begin with {base!r}")
    if target.exists() and any(target.iterdir()):
        raise Damaged(f"{target} is not empty")
    record, chunks = repository.base(component, names[0]), Chunks(repository, component)
    target.mkdir(parents=True, exist_ok=True)
    count = size = 0
    with (target / "planaria-entries.jsonl").open("xb") as listed:
        for entry in entries(chunks, record):
            ids = unbase64(entry.pop("chunks", ""))
            path, kind = Path(entry["path"]), entry["meta"].get("kind")
            if path.is_absolute() or ".." in path.parts:
                raise Damaged(f"{names[0]} holds the unsafe path {path}")
            if kind == "directory":
                (target / path).mkdir(parents=True, exist_ok=True)
            elif kind in (None, "file"):
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                with (target / path).open("xb") as file:
                    for at in range(0, len(ids), 32):
                        file.write(chunks.get(ids[at : at + 32]))
                    if file.tell() != entry["size"]:
                        raise Damaged(f"{names[0]}: {path} has {file.tell()} bytes, not {entry['size']}")
            listed.write(canonical(entry) + b"\n")
            count, size = count + 1, size + entry["size"]
    if (count, size) != (record["files"], record["bytes_logical"]):
        raise Damaged(f"the manifest of {names[0]} does not add up")
    print(f"{count} entries, {size} bytes: {target}")


def list_all(repository):
    for component in sorted(path.parent.name for path in repository.root.glob("*/sessions")):
        for name in repository.names(f"{component}/bases", BASE_NAME):
            base = repository.base(component, name)
            at = datetime.datetime.fromtimestamp(base["facts"]["at"] / 1e6, datetime.UTC)
            begin = (f"{lineage}:{offset}" for lineage, offset in base["facts"]["positions"].values())
            words = (component, base["id"], f"{at:%Y-%m-%d %H:%M:%SZ}", base["driver"], base["bytes_logical"])
            print(*words, "bytes", *begin, sep="  ")
        names = journal_names(repository, component)
        for lineage in sorted({name.split("/")[-2] for name in names}):
            begins, ends = zip(*(place(name) for name in names if name.split("/")[-2] == lineage), strict=True)
            print(component, "journal", f"{lineage}:{min(begins)}", "to", max(ends), sep="  ")


def journal_names(repository, component):
    return [name for kind in ("journal", "bundles") for name in repository.names(f"{component}/{kind}", PLACE_NAME)]


def place(name):
    """(from, to) of a segment or bundle."""
    begin, end, _ = name.rpartition("/")[2].split("-")
    return int(begin, 16), int(end, 16)


def members(repository, component, name):
    """(name, bytes) of a segment, or of every one in a bundle."""
    if name.startswith(f"{component}/journal/"):
        return [(name, repository.read(name))]
    (_, rows), *parts = repository.named(name, BUNDLE, component).slots()
    whole = b"".join(plain for _, plain in parts)
    return [(row["name"], whole[row["at"] : row["at"] + row["size"]]) for row in json.loads(rows)]


def journal(repository, component, lineage, target, start):
    """The bytes of a lineage's journal from `start` (None: its first), as far as it is unbroken."""
    names = [name for name in journal_names(repository, component) if name.split("/")[-2] == lineage]
    waiting = sorted(((*place(name), name) for name in names), reverse=True)
    at = first = (waiting[-1][0] if waiting else 0) if start is None else start
    last, failure, near, bad, tried = max((end for _, end, _ in waiting), default=0), None, [], set(), set()
    with target.open("xb") as file:
        while True:
            while waiting and waiting[-1][0] <= at:
                near.append(waiting.pop())
            near = [one for one in near if one[1] > at]
            todo = [(end, name) for _, end, name in near if name not in tried]
            if not todo:
                break
            before, (_, longest) = at, max(todo)
            tried.add(longest)
            try:
                for name, data in members(repository, component, longest):
                    begin, end = place(name)
                    if begin <= at < end:
                        file.write(content(repository, component, name, data)[at - begin :])
                        at = end
            except Damaged as error:
                failure = error
                bad.add(longest)
            if at > before:
                tried = set(bad)
    print(f"{component} {lineage}: offsets {first} to {at}: {target}")
    if at < last or at == first:
        raise failure or Damaged(f"the journal {lineage} of {component} does not go on at offset {at}")


def content(repository, component, name, data):
    """The journal's bytes in a segment."""
    one = Object(repository, name, data, SEGMENT, component)
    plain = b"".join(plain for kind, plain in one.slots() if kind == DATA)
    if len(plain) != place(name)[1] - place(name)[0]:
        raise Damaged(f"{name} does not hold what its name says")
    return plain


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--identity", type=Path, required=True)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list")
    for verb, *names in (("restore", "component", "base", "target"), ("journal", "component", "lineage", "target")):
        one = verbs.add_parser(verb)
        for name in names:
            one.add_argument(name, type=Path if name == "target" else str)
    one.add_argument("--from", type=int, dest="start", metavar="OFFSET")
    given = vars(parser.parse_args())
    try:
        repository = Repository(given.pop("repository"), Identity(given.pop("identity").read_text()))
        {"list": list_all, "restore": restore, "journal": journal}[given.pop("verb")](repository, **given)
    except (Damaged, OSError) as error:
        sys.exit(f"read.py: {error}")


if __name__ == "__main__":
    main()
