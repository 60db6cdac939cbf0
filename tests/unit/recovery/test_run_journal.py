"""A run's journal: whole lines count, a cut one does not, and locks are held while it runs."""

from pathlib import Path

import pytest

from planaria.core.errors import DamagedData, SafetyRefusal, UnknownName
from planaria.recovery.run_journal import RunFiles

PLANNED = {"event": "planned", "plan": {}}


@pytest.fixture
def files(tmp_path: Path) -> RunFiles:
    return RunFiles(tmp_path / "runs")


def journal(files: RunFiles, run: str = "r1") -> Path:
    return files.directory / f"{run}.jsonl"


def test_what_was_appended_is_read_in_order(files: RunFiles) -> None:
    for event in (PLANNED, {"event": "begin", "component": "ä"}):
        files.append("r1", event)
    assert files.events("r1") == [PLANNED, {"event": "begin", "component": "ä"}]


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_line_cut_anywhere_is_not_there_and_does_not_spoil_the_next(files: RunFiles, cut: int) -> None:
    files.append("r1", PLANNED)
    whole = journal(files).read_bytes()
    journal(files).write_bytes(whole + whole[:cut])
    assert files.events("r1") == [PLANNED]
    files.append("r1", {"event": "resumed"})
    assert files.events("r1") == [PLANNED, {"event": "resumed"}]


def test_a_line_that_is_no_json_is_damage_and_names_its_file(files: RunFiles) -> None:
    files.append("r1", PLANNED)
    journal(files).write_bytes(b"{nonsense\n" + journal(files).read_bytes())
    with pytest.raises(DamagedData, match=r"r1\.jsonl"):
        files.events("r1")


@pytest.mark.parametrize(
    ("events", "state"),
    [
        (["planned"], "interrupted"),
        (["planned", "begin"], "interrupted"),
        (["planned", "begin", "end", "ended"], "failed"),
        (["planned", "ended", "resumed", "begin"], "interrupted"),
        (["planned", "ended", "resumed", "end", "ended"], "failed"),
    ],
)
def test_the_last_turn_says_how_a_run_stands(files: RunFiles, events: list[str], state: str) -> None:
    for event in events:
        files.append("r1", {"event": event, "state": "failed"})
    assert files.state("r1") == state


def test_while_it_is_locked_a_run_is_running_and_nobody_else_gets_it_or_its_targets(files: RunFiles) -> None:
    files.append("r1", PLANNED)
    with files.locked("r1", ["/a", "/b"]):
        assert files.state("r1") == "running"
        with pytest.raises(SafetyRefusal, match="under way"), files.locked("r1", []):
            pass
        with pytest.raises(SafetyRefusal, match="recovering into /b"), files.locked("r2", ["/c", "/b"]):
            pass
        with files.locked("r3", ["/c"]):
            pass
    assert files.state("r1") == "interrupted"
    with files.locked("r2", ["/b"]):
        pass


def test_a_run_is_found_by_the_beginning_of_its_id(files: RunFiles) -> None:
    for run in ("2026a", "2026b"):
        files.append(run, PLANNED)
    assert files.ids() == ["2026a", "2026b"]
    assert files.find("2026b") == "2026b"
    with pytest.raises(UnknownName):
        files.find("2027")
