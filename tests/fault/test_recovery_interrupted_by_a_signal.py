"""Ctrl-C and SIGTERM end a recovery in good order; while it runs, nobody else gets its target."""

import random
import signal
from pathlib import Path

import pytest

from tests.support.cli_host import CliHost, await_stopped, ended


@pytest.fixture
def host(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CliHost:
    monkeypatch.chdir(tmp_path)
    found = CliHost(tmp_path, capsys)
    (tmp_path / "files").mkdir()
    draw = random.Random(1)
    for number in range(40):
        (tmp_path / "files" / f"{number}").write_bytes(draw.randbytes(3000))
    found.configure("  files: {driver: directory, path: files}\n")
    assert found("backup").status == 0
    return found


ASKED = ("recover", "--target", "files=out", "--json")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
def test_a_recovery_that_is_interrupted_says_how_to_go_on(host: CliHost, how: signal.Signals) -> None:
    told = ended(host.dying(how, host.directory / "out", 10, *ASKED))
    assert told.status == 130, told
    (error,) = told.json["errors"]
    assert error["code"] == "interrupted"
    run = host("runs", "--json").result["runs"][0]
    assert (run["state"], error["hint"]) == ("interrupted", f"planaria resume {run['run']}")
    assert host("resume", run["run"]).status == 0
    restored = {path.name: path.read_bytes() for path in (host.directory / "out").iterdir()}
    assert restored == {path.name: path.read_bytes() for path in (host.directory / "files").iterdir()}


def test_a_second_run_into_the_same_target_is_refused_while_the_first_is_at_work(host: CliHost) -> None:
    process = host.dying(signal.SIGSTOP, "journaled", 1, *ASKED)
    await_stopped(process)
    try:
        (host.directory / "link").symlink_to(host.directory)
        second = host("recover", "--target", "files=link/out", "--json")
        assert (second.status, second.json["errors"][0]["code"]) == (6, "refused-for-safety")
        assert "another run" in second.json["errors"][0]["message"]
        assert host("runs", "--json").result["runs"][0]["state"] == "running"
        resumed = host("resume", host("runs", "--json").result["runs"][0]["run"], "--json")
        assert (resumed.status, "under way" in resumed.json["errors"][0]["message"]) == (6, True)
        assert host("recover", "--target", "files=elsewhere").status == 0
    finally:
        process.send_signal(signal.SIGCONT)
    assert ended(process).status == 0
