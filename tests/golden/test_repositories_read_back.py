"""Repositories of every released format, as they were written then: today's Planaria, today's reader and the reader
that lies in each of them bring back every byte."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import blake3
import pytest

from planaria.core.position import Position
from planaria.repository.base_reader import open_base
from planaria.repository.bases import find_base
from planaria.repository.export import ENTRIES, export
from planaria.repository.layout import What, what_is
from planaria.repository.recipients import identity_of
from planaria.repository.repository import Repository, open_repository
from planaria.repository.sealed import FORMAT
from planaria.storage.local import LocalStore
from tests.golden.repository_reader import READER, read
from tests.support.clocks import ManualClock, seeded
from tests.support.small_repository import FILES, LIMITS, REDIS, bases_back, check, journal_back

PACKED = sorted((Path(__file__).parent / "repositories").iterdir())
KEY, PASSPHRASE = "format-1-key", "format-1-passphrase"


@dataclass(frozen=True)
class Golden:
    folder: Path
    expected: dict[str, Any]

    @property
    def root(self) -> Path:
        return self.folder / "repository"

    @property
    def identity(self) -> Path:
        return self.folder / "identity"

    @property
    def own_reader(self) -> Path:
        return self.root / "recovery-kit" / str(FORMAT) / "read.py"

    def opened(self) -> Repository:
        identity = identity_of(self.identity.read_text())
        return open_repository(LocalStore(self.root), ManualClock(), seeded(1), identity=identity)

    def write_only(self) -> Repository:
        key = (self.folder / "writer-key").read_text()
        return open_repository(LocalStore(self.root), ManualClock(), seeded(1), writer_key=key)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Golden]:
    found = {}
    for path in PACKED:
        folder = tmp_path_factory.mktemp(path.stem)
        with zipfile.ZipFile(path) as packed:
            packed.extractall(folder)
        found[path.stem] = Golden(folder, json.loads((folder / "expected.json").read_text()))
    return found


@pytest.fixture(scope="module", params=[KEY, PASSPHRASE])
def golden(request: pytest.FixtureRequest, unpacked: dict[str, Golden]) -> Golden:
    return unpacked[request.param]


def digested(content: dict[str, bytes]) -> dict[str, list[Any]]:
    return {path: [len(data), blake3.blake3(data).hexdigest()] for path, data in content.items()}


def files_in(folder: Path) -> dict[str, list[Any]]:
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return digested({name: path.read_bytes() for name, path in found.items() if name != ENTRIES})


def test_there_is_a_repository_of_each_way_to_be_a_recipient(unpacked: dict[str, Golden]) -> None:
    assert list(unpacked) == [KEY, PASSPHRASE]
    assert sum(path.stat().st_size for path in PACKED) < 300_000


def test_they_hold_every_kind_of_object_and_files_of_every_shape(golden: Golden) -> None:
    kinds = {what_is(info.name) for info in LocalStore(golden.root).list("")}
    assert kinds == set(get_args(What))
    sizes = {size for content in golden.expected["bases"].values() for size, _ in content.values()}
    assert sizes >= {0, 1, 1 << 20, (2 << 20) + 5000}


def test_planaria_reads_every_base_and_the_journal(golden: Golden) -> None:
    repository = golden.opened()
    back = dict([*bases_back(repository, FILES), *bases_back(repository, REDIS)])
    wanted = {
        name: {path: kept for path, kept in content.items() if kept[0]}
        for name, content in golden.expected["bases"].items()
    }
    assert {name: digested(content) for name, content in back.items()} == wanted
    journal = golden.expected["journal"]
    data = journal_back(repository, Position(journal["lineage"], journal["to"]))
    assert [len(data), blake3.blake3(data).hexdigest()] == [journal["to"] - journal["from"], journal["blake3"]]


def test_a_check_finds_nothing_with_an_identity_and_without(golden: Golden) -> None:
    assert check(golden.opened()).findings == []
    assert check(golden.write_only(), read=False).findings == []


@pytest.fixture(params=["today's", "its own"])
def reader(request: pytest.FixtureRequest, unpacked: dict[str, Golden]) -> Path:
    """Today's, and the one that lies in the repository."""
    return READER if request.param == "today's" else unpacked[KEY].own_reader


def test_the_reader_lists_every_base_and_journal(unpacked: dict[str, Golden], reader: Path) -> None:
    golden = unpacked[KEY]
    done = read(reader, golden.root, golden.identity, "list")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    bases = {f"{component}/bases/{base}" for component, base, *_ in lines if base != "journal"}
    assert bases == set(golden.expected["bases"])
    journal = golden.expected["journal"]
    begin = f"{journal['lineage']}:{journal['from']}"
    assert [line for line in lines if line[1] == "journal"] == [["redis", "journal", begin, "to", str(journal["to"])]]
    assert begin in {line[-1] for line in lines if line[0] == "redis" and line[1] != "journal"}


def test_the_reader_restores_every_base(unpacked: dict[str, Golden], reader: Path, tmp_path: Path) -> None:
    golden = unpacked[KEY]
    for name, content in golden.expected["bases"].items():
        component, _, base = name.split("/")
        target = tmp_path / component / base
        done = read(reader, golden.root, golden.identity, "restore", component, base, str(target))
        assert (done.returncode, done.stderr) == (0, "")
        assert files_in(target) == content


def test_the_reader_restores_with_a_passphrase(unpacked: dict[str, Golden], tmp_path: Path) -> None:
    golden = unpacked[PASSPHRASE]
    newest = max(golden.expected["bases"])
    component, _, base = newest.split("/")
    done = read(golden.own_reader, golden.root, golden.identity, "restore", component, base, str(tmp_path / "out"))
    assert (done.returncode, done.stderr) == (0, "")
    assert files_in(tmp_path / "out") == golden.expected["bases"][newest]


def test_the_reader_writes_the_journal_from_its_beginning_and_from_within(
    unpacked: dict[str, Golden], reader: Path, tmp_path: Path
) -> None:
    golden = unpacked[KEY]
    journal = golden.expected["journal"]
    done = read(reader, golden.root, golden.identity, "journal", "redis", journal["lineage"], str(tmp_path / "all"))
    assert (done.returncode, done.stderr) == (0, "")
    whole = (tmp_path / "all").read_bytes()
    assert blake3.blake3(whole).hexdigest() == journal["blake3"]
    since = journal["from"] + 1234
    arguments = ("journal", "redis", journal["lineage"], str(tmp_path / "some"), "--from", str(since))
    assert read(reader, golden.root, golden.identity, *arguments).returncode == 0
    assert (tmp_path / "some").read_bytes() == whole[1234:]


def test_export_writes_what_the_reader_writes(unpacked: dict[str, Golden], tmp_path: Path) -> None:
    golden = unpacked[KEY]
    newest = max(name for name in golden.expected["bases"] if name.startswith(FILES))
    base = newest.rpartition("/")[2]
    repository = golden.opened()
    export(open_base(repository, find_base(repository, FILES, base), LIMITS), tmp_path / "export")
    assert read(READER, golden.root, golden.identity, "restore", FILES, base, str(tmp_path / "reader")).returncode == 0
    assert files_in(tmp_path / "export") == files_in(tmp_path / "reader") == golden.expected["bases"][newest]
    lines = [(tmp_path / one / ENTRIES).read_text().splitlines() for one in ("export", "reader")]
    paths, beside = ([json.loads(line)["path"] for line in own] for own in lines)
    assert paths == beside


def test_another_identity_reads_nothing(unpacked: dict[str, Golden], reader: Path, tmp_path: Path) -> None:
    other = tmp_path / "identity"
    for text, says in (("planaria-identity:x25519:" + "A" * 43, "is not sealed to this identity"), ("x", "neither")):
        other.write_text(text)
        done = read(reader, unpacked[KEY].root, other, "list")
        assert (done.returncode, done.stdout) == (1, "")
        assert says in done.stderr
        assert len(done.stderr.splitlines()) == 1
