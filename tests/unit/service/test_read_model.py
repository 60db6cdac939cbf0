"""What `status` and `points` show of what the repository holds."""

from pathlib import Path

import pytest

from planaria.core.base import BaseFacts
from planaria.core.errors import DamagedData
from planaria.core.instant import SECOND, Instant, rfc3339
from planaria.core.position import Position
from planaria.core.windows import Span
from planaria.drivers.registry import options_models
from planaria.recovery.known import Known
from planaria.repository.bases import BaseRecord
from planaria.repository.journal_catalogue import Catalogue
from planaria.service import read_model
from planaria.settings.load import load
from planaria.settings.model import Settings
from tests.support.clocks import START


def at(seconds: float) -> Instant:
    return Instant(START + round(seconds * SECOND))


def base(component: str, seconds: float, *, journal: bool) -> BaseRecord:
    facts = BaseFacts({"main": Position("a", 0)} if journal else {}, at(seconds), {}, {})
    id, moment = f"{component}-{seconds}", at(seconds)
    return BaseRecord(id, id, component, "redis", moment, moment, facts, (), 1, 10, 1, 1, 1, None, "")


def known(component: str, *seconds: float, until: float | None = None, damage: tuple[DamagedData, ...] = ()) -> Known:
    """`until`: how far its journal goes on from the first base; None: it has none."""
    bases = tuple(base(component, one, journal=until is not None) for one in seconds)
    spans = {"main": [Span("a", 0, 9, at(seconds[0]), at(until), True)]} if until is not None else {}
    return Known(component, bases, Catalogue((), (), ()), spans, damage)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return configured(tmp_path, "")


def configured(directory: Path, more: str) -> Settings:
    file = directory / "planaria.yaml"
    file.write_text(
        f"environment: demo\nrepository: {{url: file:///x}}\n{more}\ncomponents:\n"
        "  redis: {driver: redis, url: redis://h}\n  files: {driver: directory, path: /x}\n"
    )
    return load(file, options_models())


def details(settings: Settings, *of: Known, now: float, spooled: int = 0) -> list[tuple[str, str]]:
    found = read_model.status(settings, of, at(now), {"redis": spooled})
    return [(one["component"], one["detail"]) for one in found["findings"]]


def test_all_is_well(settings: Settings) -> None:
    of = known("redis", 0, until=100), known("files", 50)
    found = read_model.status(settings, of, at(110), {})
    assert found["findings"] == []
    assert (found["components"]["redis"]["rpo_seconds"], found["rpo_seconds"]) == (10, 60)
    assert found["components"]["redis"]["window"] == {"from": rfc3339(at(0)), "to": rfc3339(at(100))}
    assert found["components"]["files"]["newest_base"] == {"id": "files-50", "at": rfc3339(at(50))}


def test_without_a_base_nothing_can_be_recovered(settings: Settings) -> None:
    of = known("redis", 0, until=100), Known("files", (), Catalogue((), (), ()), {}, ())
    found = read_model.status(settings, of, at(110), {})
    assert found["rpo_seconds"] is None
    assert [one["detail"] for one in found["findings"]] == ["there is no base: nothing can be recovered"]


def test_an_objective_that_is_missed_is_a_finding(tmp_path: Path) -> None:
    settings = configured(tmp_path, "objectives: {rpo: 1m}")
    of = known("redis", 0, until=100), known("files", 50)
    assert details(settings, *of, now=110) == []
    assert details(settings, *of, now=170) == [
        ("redis", "the newest recoverable instant is 1 m 10 s ago, the objective is 1 m"),
        ("files", "the newest recoverable instant is 2 m ago, the objective is 1 m"),
    ]


def test_a_follower_that_died_shows_without_any_objective(settings: Settings) -> None:
    of = known("redis", 0, until=100), known("files", 50)
    assert details(settings, *of, now=100 + read_model.UNFOLLOWED) == []
    ((component, detail),) = details(settings, *of, now=101 + read_model.UNFOLLOWED)
    assert (component, "follow" in detail) == ("redis", True)


def test_damage_and_a_filled_spool_are_findings(settings: Settings) -> None:
    of = known("redis", 0, until=100, damage=(DamagedData("redis/x is damaged", object_name="redis/x"),))
    assert details(settings, of, now=110, spooled=2048) == [
        ("redis", "redis/x is damaged"),
        ("redis", "2 KiB of journal wait on this host for the repository's store"),
    ]


def test_a_reminder_is_no_finding(settings: Settings) -> None:
    found = read_model.status(settings, (known("redis", 0, until=100),), at(110), {}, ["keys are not escrowed"])
    assert (found["findings"], found["reminders"]) == ([], ["keys are not escrowed"])


def test_together_means_every_component_at_the_same_instant() -> None:
    of = known("redis", 0, until=100), known("other", 40, until=150)
    found = read_model.points(of, at(160))["environment"]
    assert found["windows"] == [{"from": rfc3339(at(40)), "to": rfc3339(at(100))}]
    assert found["rpo_seconds"] == 60


def test_what_has_no_journal_narrows_the_environment_by_its_first_base_only() -> None:
    of = known("redis", 0, until=100), known("files", 50, 90)
    found = read_model.points(of, at(160))
    assert found["environment"]["windows"] == [{"from": rfc3339(at(50)), "to": rfc3339(at(100))}]
    assert found["environment"]["rpo_seconds"] == 70
    assert [one["from"] for one in found["components"]["files"]["windows"]] == [rfc3339(at(50)), rfc3339(at(90))]


def test_where_one_component_has_nothing_the_environment_has_nothing() -> None:
    of = known("redis", 0, until=100), Known("files", (), Catalogue((), (), ()), {}, ())
    found = read_model.points(of, at(160))["environment"]
    assert (found["windows"], found["rpo_seconds"]) == ([], None)
