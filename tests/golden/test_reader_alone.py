"""The one-file reader and the format in words: what they say of themselves, and what the reader does over damage."""

import ast
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest

from planaria.repository import recipients, sealed
from planaria.repository.index import ENTRY
from planaria.repository.layout import What, what_is
from planaria.repository.sealed import PREFIX_SIZE, SLOT_SIZE, Codec, Kind, SlotKind
from tests.golden.repository_reader import FOREIGN, PACKAGES, READER, read
from tests.support.small_repository import LINEAGE, START, Small, small

FORMAT = READER.with_name("FORMAT.md")


@pytest.fixture(scope="module")
def reader() -> ModuleType:
    spec = importlib.util.spec_from_file_location("planaria_reader", READER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return small(tmp_path_factory.mktemp("spool"))


@pytest.fixture
def root(whole: Small, tmp_path: Path) -> Path:
    for name, data in whole.objects.items():
        path = tmp_path / "repository" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "identity").write_text(whole.identity)
    return tmp_path / "repository"


def test_the_reader_is_one_short_file_that_needs_three_packages() -> None:
    tree = ast.parse(READER.read_text())
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "."]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - sys.stdlib_module_names == PACKAGES
    assert "planaria" not in PACKAGES | FOREIGN
    assert len(READER.read_text().splitlines()) <= 400
    said = re.search(r"pip install (.*)", READER.read_text())
    assert said is not None
    assert set(said[1].split()) == PACKAGES


def test_a_reader_that_imports_planaria_would_be_noticed(tmp_path: Path) -> None:
    probe = tmp_path / "probe.py"
    probe.write_text("import planaria\n")
    done = read(probe, tmp_path, tmp_path)
    assert done.returncode == 1
    assert "planaria is not installed here" in done.stderr


def outcomes(reader: ModuleType, root: Path, whole: Small, target: Path) -> Iterator[str]:
    """What the reader says, everything being read back: the words of each refusal. Wrong bytes fail the test."""
    try:
        repository = reader.Repository(root, reader.Identity(whole.identity))
    except reader.Damaged as error:
        yield str(error)
        return
    for number, (name, content) in enumerate(whole.expected.bases.items()):
        component, _, base = name.split("/")
        folder = target / str(number)
        try:
            reader.restore(repository, component, base, folder)
        except reader.Damaged as error:
            yield str(error)
        else:
            assert {path: (folder / path).read_bytes() for path in content} == content
    try:
        reader.journal(repository, "redis", LINEAGE, target / "journal", START.offset)
    except reader.Damaged as error:
        assert whole.expected.journal.startswith((target / "journal").read_bytes())
        yield str(error)
    else:
        assert (target / "journal").read_bytes() == whole.expected.journal


def test_undamaged_the_reader_refuses_nothing(reader: ModuleType, root: Path, whole: Small, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert list(outcomes(reader, root, whole, tmp_path / "out")) == []


NEEDED = ("root", "pack", "index", "base", "segment", "bundle")


@pytest.mark.parametrize("part", range(8))
def test_the_reader_writes_no_wrong_byte_over_damage_and_names_it(
    reader: ModuleType, root: Path, whole: Small, tmp_path: Path, part: int
) -> None:
    for number, (name, data) in enumerate(whole.objects.items()):
        at = len(data) * part // 8 + number % 3
        damaged = data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1 :] if part < 7 else data[: len(data) // 2]
        (root / name).write_bytes(damaged)
        target = tmp_path / "out" / str(number)
        target.mkdir(parents=True)
        said = list(outcomes(reader, root, whole, target))
        (root / name).write_bytes(data)
        assert all(name.rpartition("/")[2] in words or "format" in words or "chunk" in words for words in said)
        if what_is(name) in NEEDED:
            assert said, name


def test_the_reader_gives_no_wrong_byte_when_objects_are_exchanged_or_missing(
    reader: ModuleType, root: Path, whole: Small, tmp_path: Path
) -> None:
    names = [name for name in whole.objects if what_is(name) in NEEDED]
    for number, name in enumerate(names):
        other = names[(number + 1 + number % 3) % len(names)]
        (root / name).write_bytes(whole.objects[other])
        (root / other).unlink()
        target = tmp_path / "out" / str(number)
        target.mkdir(parents=True)
        said = list(outcomes(reader, root, whole, target))
        for one in (name, other):
            (root / one).write_bytes(whole.objects[one])
        assert said, (name, other)


def test_from_the_command_line_damage_is_one_sentence_and_status_1(root: Path, whole: Small, tmp_path: Path) -> None:
    damaged = max(name for name in whole.objects if what_is(name) == "segment")
    (root / damaged).write_bytes(whole.objects[damaged][:-1])
    done = read(READER, root, tmp_path / "identity", "journal", "redis", LINEAGE, str(tmp_path / "out"))
    assert done.returncode == 1
    assert done.stderr == f"read.py: {damaged} is damaged\n"
    assert whole.expected.journal.startswith((tmp_path / "out").read_bytes())
    (root / "planaria.json").write_bytes(b"{}")
    done = read(READER, root, tmp_path / "identity", "list")
    assert (done.returncode, done.stderr) == (1, "read.py: planaria.json is damaged\n")


def test_a_chunk_is_taken_from_another_pack_when_one_is_damaged(
    reader: ModuleType, root: Path, whole: Small, tmp_path: Path
) -> None:
    """As format.md, section 11 has it: chunks of packs that were found damaged are stored again."""
    repository = reader.Repository(root, reader.Identity(whole.identity))
    chunks = reader.Chunks(repository, "files")
    prefix, (pack,) = next((prefix, packs) for prefix, packs in chunks.where.items() if len(packs) == 1)
    chunk = next(chunk for chunk in chunks.pack(pack, reader.PACK)[1] if chunk[:16] == prefix)
    chunks.where[prefix] = ["00" * 32, pack]
    assert chunks.get(chunk)
    chunks.where[prefix] = ["00" * 32]
    with pytest.raises(reader.Damaged, match="is missing"):
        chunks.get(chunk)


def test_the_format_in_words_has_the_numbers_of_the_code() -> None:
    text = FORMAT.read_text()
    assert f"| 0 | {len(sealed.MAGIC)} | `{sealed.MAGIC.decode()}` |" in text
    kinds = re.search(r"\| 10 \| 2 \| kind: (.*?) \|", text)
    assert kinds is not None
    numbers = [int(word) for word in re.findall(r"\b(\d+) ", kinds[1])]
    assert numbers == [int(kind) for kind in Kind]
    assert f"| 12 | {PREFIX_SIZE - 12} | H, the length of the header |" in text
    assert f"| {PREFIX_SIZE} | H | header" in text
    assert f"| {PREFIX_SIZE + 64}+H | … | slots |" in text
    assert f"| {SLOT_SIZE} | S | AES-256-GCM ciphertext and tag |" in text
    assert f"codec: {Codec.RAW:d} raw, {Codec.ZSTD:d} zstd |" in text
    slots = ", ".join(f"{kind:d} {kind.name.lower()}" for kind in SlotKind)
    assert f"kind: {slots} |" in text
    assert f"entries of {ENTRY.size} bytes" in text
    memory = recipients.ARGON2_MEMORY_KIB // 1024
    assert f"{recipients.ARGON2_PASSES} passes, {memory} MiB, {recipients.ARGON2_LANES} lanes" in text
    assert f"up to {sealed.MAXIMUM_PLAIN >> 20} MiB of plain bytes" in text


EXAMPLES = {
    "key id": "00ff",
    "random": "0a1b",
    "format": "1",
    "component": "redis",
    "hh": "ab",
    "blake3": "ab" * 32,
    "epoch": "0",
    "time": "20251015T025130.250000Z",
    "lineage": "f00d",
    "from": "00000000000003e8",
    "to": "00000000000003e9",
    "level": "hour",
}


def test_every_name_in_the_table_of_objects_is_known_and_every_known_kind_is_in_it() -> None:
    table = FORMAT.read_text().partition("## 1. Objects")[2].partition("## 2.")[0]
    patterns = re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    names = [re.sub(r"<([^>]+)>", lambda found: EXAMPLES[found[1]], one).replace("…", "read.py") for one in patterns]
    known = {what_is(name) for name in [*names, f"redis/sessions/{EXAMPLES['time']}-0a1b.end"]}
    assert known == set(get_args(What))


def test_what_the_format_says_of_a_sealed_key_and_the_root_is_all_there_is(whole: Small) -> None:
    text = FORMAT.read_text()
    for name in (next(name for name in whole.objects if what_is(name) == "key"), "planaria.json"):
        for field in json.loads(whole.objects[name]):
            assert f"`{field}`" in text
