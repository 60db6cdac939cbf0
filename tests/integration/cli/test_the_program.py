"""The installed program as a process: its streams, its signals, its start, what it asks."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli_host import PROGRAM, CliHost, redis_component
from tests.support.redis_server import Servers

HEAVY = ("pydantic", "obstore", "cryptography", "redis", "rich", "yaml", "zstandard", "blake3", "asyncio")


def test_a_page_of_help_needs_none_of_the_libraries_that_work_needs() -> None:
    code = (
        "import sys, planaria.cli.main as m\n"
        f"assert m.run(['--help']) == 0 and m.run(['recover', '--help']) == 0\n"
        f"loaded = [name for name in {HEAVY} if name in sys.modules]\n"
        "assert not loaded, loaded"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_results_go_to_standard_output_and_all_else_to_standard_error(host: CliHost, files: Path) -> None:
    told = host.program("backup", "--json")
    assert told.json["ok"]
    people = host.program("backup")
    assert people.out.startswith("COMPONENT")
    assert host.program("backup", "--quiet").err == ""
    failed = host.program("show", "nothing")
    assert (failed.out, failed.err.startswith("planaria: there is no base")) == ("", True)


def test_nobody_reads_what_is_said(host: CliHost, files: Path) -> None:
    """`planaria list | true`"""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([PROGRAM, "list"], stdout=writing, stderr=subprocess.PIPE, cwd=host.directory, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_standard_output_is_closed_or_full(host: CliHost, files: Path) -> None:
    closed = host.program("list", wrapper=("sh", "-c", 'exec "$@" >&-', "sh"))
    assert (closed.status, closed.err) == (0, "")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([PROGRAM, "list"], stdout=full, stderr=subprocess.PIPE, cwd=host.directory, check=False)
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_terminal_without_unicode_gets_everything_escaped(host: CliHost, files: Path) -> None:
    (files / "größe…").write_text("x")
    base = host("backup", "--json").result["bases"][0]["id"]
    told = host.program("show", base, environ={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert (told.status, "Traceback" in told.err) == (0, False)
    assert "gr\\xf6" in told.out
    machine = host.program("show", base, "--json", environ={"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"})
    assert "größe…" in [entry["path"] for entry in machine.result["entries"]]


def test_a_shell_completes_verbs_and_options(host: CliHost) -> None:
    def completed(words: str) -> list[str]:
        asked = {"_PLANARIA_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        return host.program(environ=asked).out.split()

    assert completed("planaria re") == ["recover", "resume"]
    assert "--dry-run" in completed("planaria recover --")
    shown = host.program("--show-completion", "bash")
    assert (shown.status, "complete -o default" in shown.out) == (0, True)


def typed(host: CliHost, answer: bytes, *arguments: str) -> tuple[int, str]:
    """The program at a terminal; (status, what its standard error said), with `answer` typed when it asks."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, *arguments], stdin=its, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=host.directory
    )
    os.close(its)
    assert process.stdout is not None
    assert process.stderr is not None
    said = b""
    while b"to go on: " not in said:
        piece = os.read(process.stderr.fileno(), 1000)
        assert piece, f"it did not ask: {said!r}"
        said += piece
    os.write(ours, answer)
    _, rest = process.communicate(timeout=60)
    os.close(ours)
    return process.returncode, (said + rest).decode()


def test_a_recovery_into_the_configured_service_is_confirmed_by_its_name(host: CliHost, servers: Servers) -> None:
    server = servers("valkey")
    with server.client() as client:
        client.set("a", "1")
        host.configure(redis_component(server))
        assert host("backup").status == 0
        client.flushall()
        status, said = typed(host, b"production\n", "recover")
        assert (status, "nothing was touched" in said) == (6, True)
        assert client.dbsize() == 0
        status, said = typed(host, b"demo\n", "recover")
        assert (status, client.get("a")) == (0, b"1")
        assert "writes over what redis holds now" in said


def test_ctrl_c_at_the_question_ends_at_once(host: CliHost, files: Path) -> None:
    assert host("backup").status == 0
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, "recover", "--replace"], stdin=its, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=host.directory
    )
    os.close(its)
    assert process.stderr is not None
    said = b""
    while b"to go on: " not in said:
        said += os.read(process.stderr.fileno(), 1000)
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=30)
    os.close(ours)
    assert (process.returncode, b"interrupted" in rest) == (130, True), rest
    assert host("runs", "--json").result["runs"] == []


def test_init_twice_opens_what_is_there_and_loses_no_key(host: CliHost, files: Path) -> None:
    identity = (host.directory / "planaria-identity").read_bytes()
    first = json.loads((host.directory / "repository" / "planaria.json").read_text())["id"]
    again = host("init", "--json")
    assert (again.status, first in again.result["repository"]) == (0, True)
    assert (host.directory / "planaria-identity").read_bytes() == identity
    host.config.unlink()
    refused = host("init", "--json")
    assert (refused.status, refused.json["errors"][0]["code"]) == (6, "refused-for-safety")
    assert (host.directory / "planaria-identity").read_bytes() == identity


@pytest.mark.parametrize("profile", [(), ("--profile", "somabrain")], ids=["plain", "somabrain"])
def test_what_init_writes_is_valid_and_only_its_owner_reads_the_identity(
    host: CliHost, profile: tuple[str, ...]
) -> None:
    made = host("init", "--url", f"file://{host.directory}/repository", *profile, "--json").result
    assert Path(made["identity"]).stat().st_mode & 0o077 == 0
    assert json.loads(Path(made["schema"]).read_text())["title"] == "Planaria configuration"
    assert host("list").status == 0
