"""Who can read: listed, added, rotated, put on paper, tried."""

import io
import sys
from pathlib import Path

import pytest

from tests.support.cli_host import CliHost


def identity_is(host: CliHost, file: str) -> None:
    text = host.config.read_text()
    at = text.index("  identity: {file: ")
    host.config.write_text(f"{text[:at]}  identity: {{file: {file}}}{text[text.index('}', at) + 1 :]}")


def pinned(host: CliHost, *recipients: str) -> None:
    """The configuration names these recipients."""
    text = host.config.read_text()
    line = next(line for line in text.splitlines() if line.strip().startswith('- "key:x25519:'))
    host.config.write_text(text.replace(line, "\n".join(f'    - "{one}"' for one in recipients)))


def restores(host: CliHost, target: str) -> bool:
    done = host("recover", "--target", f"files={target}", "--json")
    return done.status == 0 and (host.directory / target / "a.txt").read_text() == "first"


def test_a_new_identity_reads_what_was_there_and_what_comes(host: CliHost, files: Path) -> None:
    assert host("backup").status == 0
    first = host("keys", "list", "--json").result["keys"][0]["recipients"]
    added = host("keys", "add", "--new", "second", "--json").result
    assert (added["sealed"], len(added["notes"])) == (2, 1)
    assert added["recipient"] in added["notes"][0]
    assert (host.directory / "second").stat().st_mode & 0o777 == 0o600
    pinned(host, *first, added["recipient"])
    assert host("keys", "add", added["recipient"], "--json").result["already"] == 2
    assert host("backup").status == 0
    identity_is(host, "second")
    listed = host("keys", "list", "--json").result["keys"]
    assert [(one["id"] == "repository", one["opens"], sorted(one["recipients"])) for one in listed] == [
        (number == 0, True, sorted([*first, added["recipient"]])) for number in range(3)
    ]
    assert restores(host, "out")


def test_after_a_rotation_the_old_identity_reads_the_past_only(host: CliHost, files: Path) -> None:
    assert host("backup").status == 0
    new = host("keys", "add", "--new", "second", "--json").result["recipient"]
    identity_is(host, "second")
    rotated = host("keys", "rotate", new, "--json").result
    assert (rotated["recipients"], len(rotated["left"])) == ([new], 1)
    assert any(note.startswith(f"remove {rotated['left'][0]}") for note in rotated["notes"])
    pinned(host, new)
    (files / "b.txt").write_text("not there before: what was is not stored again")
    assert host("backup").status == 0
    assert restores(host, "new")
    identity_is(host, "planaria-identity")
    refused = host("recover", "--target", "files=old", "--json")
    assert (refused.status, refused.json["errors"][0]["code"]) == (4, "repository-refused")
    past = host("list", "--json").result["bases"][0]["id"]
    assert host("recover", "files", "--to", f"base:{past}", "--target", "files=past").status == 0


def test_status_asks_for_a_key_in_the_safe_until_one_was_proven(host: CliHost, files: Path) -> None:
    assert host("backup").status == 0
    assert len(host("status", "--json").result["reminders"]) == 1
    assert host("keys", "escrow", "sheet").status == 0
    assert host("keys", "test").status == 0
    assert len(host("status", "--json").result["reminders"]) == 1
    assert "Still to do" in host("status").out
    sheet = (host.directory / "sheet").read_text()
    line = next(line for line in sheet.splitlines() if line.strip().startswith("03 "))
    (host.directory / "typed").write_text(sheet.replace(line, line.swapcase()))
    wrong = host("keys", "test", "--sheet", "typed", "--json")
    assert (wrong.status, "line 03" in wrong.json["errors"][0]["message"]) == (1, True)
    assert len(host("status", "--json").result["reminders"]) == 1
    (host.directory / "typed").write_text("".join(line[4:] + "\n" for line in sheet.splitlines() if line[:4] == "    "))
    proven = host("keys", "test", "--sheet", "typed", "--json").result["keys"]
    assert [one["read"].partition("/")[0] for one in proven] == ["planaria.json", "files"]
    assert host("status", "--json").result["reminders"] == []


def test_a_sheet_is_not_written_over_and_nobody_is_added_then(host: CliHost, files: Path) -> None:
    (host.directory / "sheet").write_text("the other one")
    assert host("keys", "escrow", "sheet", "--json").json["errors"][0]["code"] == "refused-for-safety"
    assert (host.directory / "sheet").read_text() == "the other one"
    assert len(host("keys", "list", "--json").result["keys"][0]["recipients"]) == 1


def test_an_identity_that_was_not_added_opens_nothing(host: CliHost, files: Path) -> None:
    text = (host.directory / "planaria-identity").read_text()
    (host.directory / "stranger").write_text(f"{text[:-5]}{'A' if text[-5] != 'A' else 'B'}{text[-4:]}")
    told = host("keys", "test", "--identity", "stranger", "--json")
    assert (told.status, told.json["errors"][0]["code"]) == (4, "repository-refused")
    assert host("backup").status == 0
    assert len(host("status", "--json").result["reminders"]) == 1


def test_a_passphrase_is_a_recipient_and_is_never_shown(
    host: CliHost, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert host("backup").status == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse\n"))
    added = host("keys", "add", "--passphrase")
    assert (added.status, "passphrase:argon2id:" in added.out) == (0, True)
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse\n"))
    proven = host("keys", "test", "--passphrase", "--json")
    assert proven.status == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO("wrong horse\n"))
    assert host("keys", "test", "--passphrase").status == 4
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert host("keys", "test", "--passphrase").status == 2
    assert "horse" not in added.out + added.err + proven.out


@pytest.mark.parametrize(
    "arguments", [("add",), ("add", "x", "--passphrase"), ("test", "--sheet", "a", "--identity", "b")]
)
def test_one_key_at_a_time(host: CliHost, files: Path, arguments: tuple[str, ...]) -> None:
    assert host("keys", *arguments, "--json").json["errors"][0]["code"] == "usage"


def test_what_is_no_recipient_is_said_so(host: CliHost, files: Path) -> None:
    assert host("keys", "add", "key:x25519:short", "--json").json["errors"][0]["code"] == "configuration"
    assert host("keys", "test", "--sheet", "missing", "--json").json["errors"][0]["code"] == "usage"


def test_the_writer_key_lets_a_host_write_and_not_read(host: CliHost, files: Path) -> None:
    assert host("keys", "writer", "writer").status == 0
    assert (host.directory / "writer").stat().st_mode & 0o777 == 0o600
    assert host("keys", "writer", "writer").status == 6
    text = host.config.read_text()
    whole = text
    at = text.index("  identity: {file: ")
    host.config.write_text(f"{text[:at]}  writer_key: {{file: writer}}{text[text.index('}', at) + 1 :]}")
    assert host("backup").status == 0
    assert host("status", "--json").result["reminders"] == []
    assert [one["opens"] for one in host("keys", "list", "--json").result["keys"]] == [None, None]
    assert host("keys", "test").status == 4
    host.config.write_text(whole)
    assert restores(host, "out")
