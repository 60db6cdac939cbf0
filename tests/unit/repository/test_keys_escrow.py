"""The recovery sheet: typed in again it is the identity, or the line that is wrong is named."""

import re
from pathlib import Path

import pytest

from planaria.core.errors import Failed, RepositoryRefused
from planaria.repository.escrow import escrow_sheet, prove_sheet, read_sheet
from planaria.repository.recipients import identity_of, new_identity
from planaria.repository.repository import create
from planaria.storage.memory import MemoryStore
from tests.support.clocks import ManualClock, seeded
from tests.support.small_repository import Small, small

ROW = re.compile(r"^    (\d\d|sum)  .*$", re.MULTILINE)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return small(tmp_path_factory.mktemp("spool"))


@pytest.fixture(scope="module")
def sheet(whole: Small) -> str:
    return escrow_sheet(whole.opened(whole.store()), whole.identity)


def rows(sheet: str) -> list[str]:
    return [match[0] for match in ROW.finditer(sheet)]


def test_a_sheet_typed_in_gives_back_the_identity(whole: Small, sheet: str) -> None:
    read = read_sheet(sheet)
    assert (read.repository, read.identity) == (whole.opened(whole.store()).id, whole.identity)
    assert whole.identity not in repr(read)
    sloppy = "\n".join(f"  {row.replace(' ', '   ')}  " for row in rows(sheet))
    assert read_sheet(sloppy) == read


def test_every_single_wrong_character_is_found_in_its_line(sheet: str) -> None:
    lines = rows(sheet)
    assert len(lines) > 5
    for number, line in enumerate(lines):
        for at in range(8, len(line)):
            if line[at] == " ":
                continue
            wrong = line[:at] + ("x" if line[at] != "x" else "y") + line[at + 1 :]
            with pytest.raises(Failed) as caught:
                read_sheet("\n".join([*lines[:number], wrong, *lines[number + 1 :]]))
            assert f"line {line.split()[0]} " in caught.value.message or "is missing" in caught.value.message


def test_a_missing_line_is_named(sheet: str) -> None:
    lines = rows(sheet)
    for number, line in enumerate(lines):
        label = line.split()[0]
        with pytest.raises(Failed) as caught:
            read_sheet("\n".join(lines[:number] + lines[number + 1 :]))
        assert f"line {label} " in caught.value.message
    with pytest.raises(Failed, match="line 00"):
        read_sheet("nothing of the kind")


def test_lines_of_two_sheets_do_not_make_one(whole: Small, sheet: str) -> None:
    text, recipient = new_identity(seeded(70))
    clock = ManualClock()
    other = create(MemoryStore(clock), clock, seeded(71), [recipient], identity_of(text))
    theirs = rows(escrow_sheet(other, text))
    ours = rows(sheet)
    assert len(ours) == len(theirs)
    with pytest.raises(Failed, match="two sheets"):
        read_sheet("\n".join([*ours[:4], *theirs[4:]]))


def test_a_sheet_is_made_only_for_an_identity_that_opens_the_repository(whole: Small) -> None:
    text, _ = new_identity(seeded(72))
    with pytest.raises(RepositoryRefused, match="does not open"):
        escrow_sheet(whole.opened(whole.store()), text)


def test_a_sheet_is_proven_against_its_repository(whole: Small, sheet: str) -> None:
    repository = whole.write_only(whole.store())
    proofs = prove_sheet(repository, sheet)
    assert [one.problem for one in proofs if one.problem] == []
    assert len(proofs) > 3
    assert repository.identity is None
    assert repository._secrets == {}


def test_a_sheet_of_another_repository_is_refused(whole: Small, sheet: str) -> None:
    clock = ManualClock()
    other = create(MemoryStore(clock), clock, seeded(73), whole.recipients, identity_of(whole.identity))
    with pytest.raises(Failed, match="is for repository"):
        prove_sheet(other, sheet)


def test_a_sheet_for_an_identity_that_no_longer_opens_says_so(whole: Small, tmp_path: Path, sheet: str) -> None:
    store = whole.store()
    repository = whole.opened(store)
    lost = next(name for name in whole.objects if name.startswith("keys/") and "repository" not in name)
    store.delete(lost)
    store.put(lost, b"{}")
    assert [one.id for one in prove_sheet(repository, sheet) if one.problem] == [lost.split("/")[1]]


def test_the_sheet_says_how_to_restore_without_planaria(sheet: str) -> None:
    assert "recovery-kit/1/read.py" in sheet
    assert "pip install cryptography zstandard blake3" in sheet
    assert all(len(line) <= 100 for line in sheet.splitlines())
    assert sheet.isascii()
