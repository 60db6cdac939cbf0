"""How a call of the program begins and ends, whatever the verb does."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import typer

from planaria import __version__
from planaria.cli import main
from planaria.cli.invocation import Invocation
from planaria.core import errors


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANARIA_CONFIG", "/nowhere/planaria.yaml")


def verbs() -> list[tuple[str, ...]]:
    command: Any = typer.main.get_command(main.app)
    return [
        (name, *below)
        for name, child in command.commands.items()
        for below in [(), *((inner,) for inner in getattr(child, "commands", {}))]
    ]


Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    def ask(*arguments: str) -> tuple[int, str, str]:
        status = main.run(list(arguments))
        told = capsys.readouterr()
        return status, told.out, told.err

    return ask


@pytest.mark.parametrize("words", verbs(), ids=" ".join)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_verb_has_its_page(said: Said, words: tuple[str, ...], option: str) -> None:
    status, out, err = said(*words, option)
    assert (status, err) == (0, "")
    assert out.startswith(f"Usage: planaria {' '.join(words)} ")


def test_every_verb_is_listed_with_a_whole_sentence(said: Said) -> None:
    status, out, _ = said("--help")
    assert status == 0
    commands = out.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert len(commands) == len({words[0] for words in verbs()})
    assert [line for line in commands if not line.endswith(".") or line.endswith("...")] == []
    assert said() == (status, out, "")


@pytest.mark.parametrize("place", range(4))
def test_options_for_every_verb_stand_anywhere(said: Said, place: int) -> None:
    words = ["recover", "--to", "latest"]
    words.insert(place, "--json")
    status, out, _ = said(*words)
    assert status == 2
    assert json.loads(out)["errors"][0]["message"] == "there is no configuration file /nowhere/planaria.yaml"


def test_what_follows_two_dashes_is_left_alone() -> None:
    assert main._parted(["show", "--", "--json"]) == ([], ["show", "--", "--json"])
    assert main._parted(["show", "--config", "--json", "x"]) == (["--config", "--json"], ["show", "x"])


@pytest.mark.parametrize(
    ("arguments", "verb"),
    [
        (["--config", "c.yaml", "status"], "status"),
        (["--config=c.yaml", "recover", "redis"], "recover"),
        (["keys", "list"], "keys list"),
        (["-q", "keys"], "keys"),
        (["--nonsense"], ""),
    ],
)
def test_the_verb_is_told_from_the_options(said: Said, arguments: list[str], verb: str) -> None:
    _, out, _ = said(*arguments, "--json")
    assert json.loads(out)["verb"] == verb


@pytest.mark.parametrize(
    "arguments",
    [
        ["bogus"],
        ["status", "--nope"],
        ["recover", "--to"],
        ["show"],
        ["show", "a", "b"],
        ["init", "--profile", "x"],
        [],
    ],
    ids=" ".join,
)
def test_what_cannot_be_parsed_is_one_object_and_status_2(said: Said, arguments: list[str]) -> None:
    status, out, err = said(*arguments, "--json")
    found = json.loads(out)
    assert (status, found["ok"], len(found["errors"])) == (2, False, 1)
    assert "--help" in found["errors"][0]["hint"]
    assert err.startswith("planaria: ")


def test_the_version_is_said_to_people_and_machines(said: Said) -> None:
    assert said("--version") == (0, f"planaria {__version__}\n", "")
    assert json.loads(said("--json", "--version")[1])["result"] == {"version": __version__}


def ends_with(monkeypatch: pytest.MonkeyPatch, failure: BaseException) -> None:
    def verb(**given: Any) -> int:
        raise failure

    monkeypatch.setattr(main, "app", verb)


OURS = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.PlanariaError)]


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_every_error_ends_with_its_status(said: Said, monkeypatch: pytest.MonkeyPatch, kind: Any) -> None:
    more = {"object_name": "redis/packs/x"} if kind is errors.DamagedData else {}
    ends_with(monkeypatch, kind("it went wrong", hint="mend it", **more))
    status, out, err = said("status", "--json")
    error = {"code": kind.code, "message": "it went wrong", "hint": "mend it"}
    assert status == kind.status
    assert json.loads(out)["errors"] == [error | ({"object": "redis/packs/x"} if more else {})]
    assert err == "planaria: it went wrong\n  mend it\n"


@pytest.mark.parametrize(
    ("failure", "status", "says"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (ZeroDivisionError("division by zero"), 1, "a fault in Planaria: ZeroDivisionError: division by zero"),
        (PermissionError(13, "Permission denied", "/var/lib/planaria"), 1, "/var/lib/planaria: Permission denied"),
        (OSError(28, "No space left on device"), 1, "No space left on device"),
    ],
)
def test_what_is_no_error_of_ours_is_one_sentence_too(
    said: Said, monkeypatch: pytest.MonkeyPatch, failure: BaseException, status: int, says: str
) -> None:
    ends_with(monkeypatch, failure)
    ended, out, err = said("status", "--json")
    assert (ended, json.loads(out)["errors"][0]["message"]) == (status, says)
    assert "Traceback" not in err


def test_the_traceback_is_there_for_who_asks(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    ends_with(monkeypatch, ZeroDivisionError("division by zero"))
    assert "Traceback" in said("status", "--verbose")[2]


def test_an_object_is_not_said_twice_when_something_fails_behind_it(
    said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verb(obj: Invocation, **given: Any) -> int:
        obj.output.json = True
        obj.output.finish("status", {"all": "well"})
        raise errors.Failed("and then")

    monkeypatch.setattr(main, "app", verb)
    status, out, err = said("status", "--json")
    assert (status, json.loads(out)["result"]) == (1, {"all": "well"})
    assert "and then" in err
