"""Makes the golden repositories: `python -m tests.golden.make_repositories`, on purpose and never by a test.

Clock and randomness are given, so names and content come out the same each time; what HPKE draws for itself does not.
So a repository that was released with a format stays as it is, and this only adds the ones that are not there. Each is
one zip file: what lies in it is data, the reader of its day included, and not to be linted or imported.
"""

import json
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import blake3

from planaria.core.position import Position
from planaria.repository.key_admin import add_recipient
from planaria.repository.recipients import Recipient, identity_of, new_identity, passphrase_recipient
from planaria.repository.repository import create, open_repository
from planaria.storage.memory import MemoryStore
from tests.support.clocks import ManualClock, seeded
from tests.support.small_repository import FILES, LINEAGE, START, Builder, fill

HERE = Path(__file__).parent / "repositories"
PASSPHRASE = "correct horse battery staple"


def large(noise: bytes) -> dict[str, bytes]:
    """Files of every shape: empty, one byte, exactly a piece, more than one, more than one and a bit of noise."""
    piece = 1 << 20
    return {
        "nothing": b"",
        "one": b"1",
        "piece": bytes(piece),
        "pieces.bin": bytes(piece) + b"A" * piece + noise,
        "deep/er/name-with.dots_and-dashes": noise[:77],
        "größe/naïve file name": b"Umlaute sind Zeichen wie andere auch\n",
    }


def make(path: Path, seed: int, recipients: Callable[[Callable[[int], bytes]], tuple[str, list[Recipient]]]) -> None:
    """Sealed to the first recipient when it is made, to the others afterwards; written by a host that cannot read."""
    clock, random = ManualClock(), seeded(seed)
    store = MemoryStore(clock)  # whose times the sweep of journals can wait for
    key, _ = new_identity(seeded(seed + 1))
    text, wanted = recipients(seeded(seed + 1))
    made = create(store, clock, random, wanted[:1], identity_of(key))
    writer_key = made.keys.writer_text()
    with tempfile.TemporaryDirectory() as spool:
        builder = Builder(open_repository(store, clock, random, writer_key=writer_key), clock, Path(spool))
        noise = seeded(seed + 2)(5000)
        fill(builder, noise)
        builder.base(FILES, large(noise), {}, {})
    for one in wanted[1:]:
        add_recipient(made, one)
    expected = {
        "bases": {
            name: {path: [len(data), blake3.blake3(data).hexdigest()] for path, data in content.items()}
            for name, content in builder.expected.bases.items()
        },
        "journal": {
            "lineage": LINEAGE,
            "from": START.offset,
            "to": Position(LINEAGE, START.offset + len(builder.expected.journal)).offset,
            "blake3": blake3.blake3(builder.expected.journal).hexdigest(),
        },
    }
    words = {"expected.json": json.dumps(expected, indent=1, ensure_ascii=False), "identity": text}
    contents = {name: f"{said}\n".encode() for name, said in (words | {"writer-key": writer_key}).items()}
    contents |= {f"repository/{info.name}": store.get(info.name) for info in store.list("")}
    with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as packed:
        for name, data in contents.items():
            packed.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


def by_key(random: Callable[[int], bytes]) -> tuple[str, list[Recipient]]:
    text, recipient = new_identity(random)
    return text, [recipient]


def by_passphrase(random: Callable[[int], bytes]) -> tuple[str, list[Recipient]]:
    _, recipient = new_identity(random)
    return f"passphrase:{PASSPHRASE}", [recipient, passphrase_recipient(PASSPHRASE, random)]


def main() -> None:
    for name, seed, recipients in (("format-1-key", 100, by_key), ("format-1-passphrase", 200, by_passphrase)):
        path = HERE / f"{name}.zip"
        if path.exists():
            sys.stderr.write(f"{path} is there and stays\n")
        else:
            HERE.mkdir(exist_ok=True)
            make(path, seed, recipients)


if __name__ == "__main__":
    main()
