"""SIGKILL at every event of a run's journal and at random instants: resumed, it ends as if it had not been killed."""

import os
import random
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli_host import CliHost, ended

FILES = 60


@pytest.fixture
def host(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, seed: int) -> CliHost:
    """It protects two directories and has a base of each."""
    monkeypatch.chdir(tmp_path)
    found = CliHost(tmp_path, capsys)
    draw = random.Random(seed)
    for name in ("one", "two"):
        (tmp_path / name / "sub").mkdir(parents=True)
        for number in range(FILES):
            (tmp_path / name / ("sub" if number % 2 else ".") / f"{number}").write_bytes(draw.randbytes(2000 + number))
    found.configure("  one: {driver: directory, path: one}\n  two: {driver: directory, path: two}\n")
    assert found("backup").status == 0
    return found


TARGETS = ("--target", "one=out/one", "--target", "two=out/two")
EVENTS = ["planned", "begin", "begin or end", "begin or end", "end", "ended"]


def content(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def recovered(host: CliHost) -> bool:
    return all(content(host.directory / "out" / name) == content(host.directory / name) for name in ("one", "two"))


def the_run(host: CliHost) -> dict[str, Any]:
    (run,) = host("runs", "--json").result["runs"]
    return dict(run)


@pytest.mark.parametrize("number", range(1, len(EVENTS) + 1))
def test_killed_behind_an_event_of_its_journal_a_run_is_resumed(host: CliHost, number: int) -> None:
    told = ended(host.dying(signal.SIGKILL, "journaled", number, "recover", *TARGETS))
    assert told.status == -signal.SIGKILL
    run = the_run(host)
    assert (run["state"], run["evidence"]) == ("done" if EVENTS[number - 1] == "ended" else "interrupted", None)
    done = host("resume", run["run"], "--json").result
    assert {one["state"] for one in done["components"].values()} == {"done"}
    assert recovered(host)
    assert the_run(host) == {**run, "state": "done", "evidence": done["evidence"], "rto_seconds": done["rto_seconds"]}
    again = host("resume", run["run"], "--json")
    assert (again.status, again.json["errors"][0]["code"]) == (6, "refused-for-safety")


@pytest.mark.parametrize("number", [2, 5, 6])
def test_an_event_that_was_cut_short_is_as_if_it_had_not_been_written(host: CliHost, number: int) -> None:
    told = ended(host.dying(signal.SIGKILL, "cut", number, "recover", *TARGETS))
    assert told.status == -signal.SIGKILL
    run = the_run(host)
    assert run["state"] == "interrupted"
    assert host("resume", run["run"]).status == 0
    assert recovered(host)
    assert the_run(host)["state"] == "done"


def test_a_run_that_was_cut_off_before_its_plan_was_written_touched_nothing(host: CliHost) -> None:
    ended(host.dying(signal.SIGKILL, "cut", 1, "recover", *TARGETS))
    assert host("runs", "--json").result == {"runs": []}
    assert not (host.directory / "out").exists()
    told = host("resume", "2", "--json")
    assert (told.status, "touched nothing" in told.json["errors"][0]["message"]) == (6, True)


def test_killed_at_random_instants_again_and_again_a_run_is_resumed(host: CliHost, seed: int) -> None:
    draw = random.Random(seed)
    out = host.directory / "out"
    arguments: tuple[str, ...] = ("recover", *TARGETS)
    for _ in range(4):
        told = ended(host.dying(signal.SIGKILL, out, draw.randrange(1, 2 * FILES), *arguments))
        assert told.status == -signal.SIGKILL, told
        arguments = ("resume", the_run(host)["run"])
    assert host(*arguments).status == 0
    assert recovered(host)


def test_what_came_into_a_target_before_its_step_had_begun_is_not_overwritten_by_resuming(host: CliHost) -> None:
    ended(host.dying(signal.SIGKILL, "journaled", 1, "recover", *TARGETS))
    (host.directory / "out" / "one").mkdir(parents=True)
    (host.directory / "out" / "one" / "precious").write_text("mine")
    told = host("resume", the_run(host)["run"], "--json")
    assert (told.status, told.json["errors"][0]["code"]) == (6, "refused-for-safety")
    assert content(host.directory / "out") == {"one/precious": b"mine"}
    shutil.rmtree(host.directory / "out")
    assert host("resume", the_run(host)["run"]).status == 0
    assert recovered(host)


def test_a_step_that_failed_is_tried_again_and_what_was_done_is_not(host: CliHost) -> None:
    packs = (path for path in (host.directory / "repository" / "two" / "packs").rglob("*") if path.is_file())
    pack = max(packs, key=lambda path: path.stat().st_size)  # of data: the small one holds the manifest
    whole = pack.read_bytes()
    pack.chmod(0o644)
    pack.write_bytes(whole[:9000] + bytes([whole[9000] ^ 1]) + whole[9001:])
    failed = host("recover", *TARGETS, "--json")
    assert [(one["code"], one["component"]) for one in failed.json["errors"]] == [("damaged-data", "two")]
    assert failed.status == 1
    pack.write_bytes(whole)
    run = the_run(host)
    assert (run["state"], run["evidence"]) == ("failed", f"runs/{run['run']}")
    untouched = (host.directory / "out" / "one" / "0").stat().st_mtime_ns
    os.utime(host.directory / "out" / "one" / "0", ns=(1, 1))
    done = host("resume", run["run"], "--json").result
    assert (done["evidence"], done["attempt"]) == (f"runs/{run['run']}-2", 2)
    assert recovered(host)
    assert (host.directory / "out" / "one" / "0").stat().st_mtime_ns == 1 != untouched
    assert the_run(host)["state"] == "done"
