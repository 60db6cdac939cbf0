"""What is said to people and to machines, and how far work has come."""

import io
import json
import sys

import pytest

from planaria.cli import output as speech
from planaria.cli.cmd_backup import status_of
from planaria.cli.output import Output
from planaria.cli.progress import Lines, amount, bars
from planaria.core.errors import ComponentRefused, DamagedData, Failed, Interrupted, StoreFull
from tests.support.clocks import ManualClock


def test_a_table_is_aligned_and_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table(("NAME", ">SIZE", "WHY"), [("a", 5, "x" * 300), ("longer", 12345, "")])
    assert capsys.readouterr().out.splitlines() == [
        "NAME     SIZE  WHY",
        f"a           5  {'x' * 300}",
        "longer  12345",
    ]


def test_for_machines_there_is_one_object_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(json=True)
    output.say("for people")
    output.table(("A",), [("b",)])
    output.finish("list", {"name": "é"})
    output.finish("list", {"again": True})
    out = capsys.readouterr().out
    assert json.loads(out) == {"planaria": 1, "verb": "list", "ok": True, "result": {"name": "é"}, "errors": []}
    assert out.isascii()


def test_quiet_hides_warnings_and_no_errors(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(quiet=True)
    output.warn("it is slow")
    output.missed("redis", ComponentRefused("it refused us", hint="a\nb"))
    output.fail("backup", Failed("it failed", hint="try\nagain"))
    assert capsys.readouterr().err.splitlines() == [
        "planaria: redis: it refused us (a; b)",
        "planaria: it failed",
        "  try",
        "  again",
    ]


def test_an_error_without_a_hint_of_its_own_has_one_all_the_same() -> None:
    found = speech.error_json(DamagedData("x is damaged", object_name="x"), component="redis")
    assert (found["object"], found["component"]) == ("x", "redis")
    assert "check --read" in found["hint"]


def test_what_a_terminal_cannot_show_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    bytes_ = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(bytes_, encoding="ascii"))
    speech.prepare()
    Output().say("…é")
    assert speech.flushed(0) == 0
    assert bytes_.getvalue() == b"\\u2026\\xe9\n"


@pytest.mark.parametrize(
    ("errors", "done", "status"),
    [
        ([], 2, 0),
        ([StoreFull("f")], 0, 4),
        ([StoreFull("f"), ComponentRefused("r")], 0, 4),
        ([StoreFull("f")], 1, 1),
        ([StoreFull("f"), DamagedData("d", object_name="d")], 0, 1),
        ([StoreFull("f"), Interrupted("i")], 1, 130),
    ],
)
def test_the_status_of_several_components(errors: list[Failed], done: int, status: int) -> None:
    assert status_of(list(errors), done=done) == status


def test_long_work_says_how_far_it_is_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = ManualClock()
    lines = Lines(clock)
    for second in range(11):
        lines("base of redis", second * 1024 * 1024, 20 * 1024 * 1024)
        clock.advance(1)
    assert capsys.readouterr().err.splitlines() == [
        "planaria: base of redis: 5 MiB of 20 MiB, 1 MiB/s, 15 s left",
        "planaria: base of redis: 10 MiB of 20 MiB, 1 MiB/s, 10 s left",
    ]


def test_an_amount_without_a_known_end_or_a_rate() -> None:
    assert amount(1024, None, 2) == "1 KiB, 512 B/s"
    assert amount(0, 1024, 0) == "0 B of 1 KiB, 0 B/s"


def test_bars_draw_nothing_before_there_is_work(capsys: pytest.CaptureFixture[str]) -> None:
    with bars() as shown:
        assert shown._bars is None
        Output().say("a question")
        assert capsys.readouterr() == ("a question\n", "")
        shown("base", 5, 10)
        Output().say("an answer")
        assert capsys.readouterr().out == "an answer\n"
