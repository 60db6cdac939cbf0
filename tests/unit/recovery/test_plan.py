"""Plans: which components, which targets, what is refused before anything is looked at."""

from pathlib import Path

import pytest

from planaria.core.errors import PointUnreachable, SafetyRefusal, UnknownName, UsageError
from planaria.core.instant import Instant, rfc3339
from planaria.core.points import AtBase, AtTime, Latest
from planaria.core.position import Position
from planaria.recovery.again import plan_again
from planaria.recovery.plan import Asked, plan_json, selected, target_of, until_json, until_of, without_password
from tests.support.recovery_world import World


def test_all_components_or_those_named_in_the_order_of_the_configuration() -> None:
    assert selected(Asked(Latest()), ["a", "b"]) == ["a", "b"]
    assert selected(Asked(Latest(), ("b", "a")), ["a", "b", "c"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (Asked(Latest(), ("c",)), "there is no component 'c'"),
        (Asked(Latest(), (), {"c": "/x"}), "there is no component 'c'"),
        (Asked(Latest(), ("a",), {"b": "/x"}), "not among the components"),
        (Asked(Latest(), only=("db:0",)), "one component at a time"),
        (Asked(AtBase("x")), "base:x is of one component"),
    ],
)
def test_what_cannot_be_meant_is_refused(asked: Asked, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        selected(asked, ["a", "b"])
    assert caught.value.hint or isinstance(caught.value, UnknownName) or "not among" in says


@pytest.mark.parametrize(
    ("text", "directory", "url", "shown"),
    [
        ("/srv/x", Path("/srv/x"), None, "/srv/x"),
        ("file:///srv/x", Path("/srv/x"), None, "/srv/x"),
        ("redis://h:1", None, "redis://h:1", "redis://h:1"),
        ("redis://u:pw@h:1/2", None, "redis://u:pw@h:1/2", "redis://u:…@h:1/2"),
        ("redis://:p@w@h", None, "redis://:p@w@h", "redis://:…@h"),
        ("redis://h?password=pw#x", None, "redis://h?password=pw#x", "redis://h"),
        (None, None, None, "the configured service"),
    ],
)
def test_a_target_is_a_directory_or_a_url_and_is_shown_without_its_password(
    text: str | None, directory: Path | None, url: str | None, shown: str
) -> None:
    target, where = target_of(text, replace=False)
    assert (target.directory, target.url, where) == (directory, url, shown)


def test_host_and_port_alone_are_neither() -> None:
    with pytest.raises(UsageError) as caught:
        target_of("localhost:6379", replace=False)
    assert "redis://localhost:6379" in (caught.value.hint or "")


@pytest.mark.parametrize("url", ["redis://u@h", "redis://h", "unix:///run/x.sock"])
def test_a_url_without_a_password_is_shown_as_it_is(url: str) -> None:
    assert without_password(url) == url


@pytest.mark.parametrize("until", [None, Instant(5), {"main": Position("a", 3), "x": Position("b", 4)}])
def test_where_a_recovery_ends_survives_its_journal(until: object) -> None:
    assert until_of(until_json(until)) == until  # type: ignore[arg-type]


def test_a_plan_touches_nothing_and_says_what_it_would_do(world: World) -> None:
    plan = world.plan(Latest())
    assert list((world.root / "out").iterdir()) == []
    step = plan_json(plan)["steps"][0]
    assert (step["component"], step["bytes"], step["where"]) == ("one", 5, str(world.target("one")))
    assert {what for what, _, _ in world.drivers["one"].told} == {"plan"}


def test_what_one_driver_refuses_is_refused_for_all(world: World) -> None:
    (world.root / "out" / "two").mkdir(parents=True)
    with pytest.raises(SafetyRefusal):
        world.plan(Latest())


def test_an_instant_that_one_component_cannot_reach_is_refused_for_all(world: World) -> None:
    first = {name: world.source.known(name).bases[0].facts.at for name in world.drivers}
    assert first["one"] < first["two"]
    with pytest.raises(PointUnreachable, match="two cannot be brought back"):
        world.plan(AtTime(first["one"]))
    assert [step.choice.reached_at <= first["two"] for step in world.plan(AtTime(first["two"])).steps] == [True, True]


def test_two_components_do_not_share_a_target(world: World) -> None:
    from planaria.recovery.plan import make_plan

    asked = Asked(Latest(), (), {"one": str(world.root / "x"), "two": str(world.root / "." / "x")})
    drivers = {name: ("file", driver) for name, driver in world.drivers.items()}
    with pytest.raises(UsageError, match="one and two have the same target"):
        make_plan(asked, "demo", drivers, world.source, world.now)


def test_a_plan_made_again_is_the_same(world: World) -> None:
    asked = AtTime(world.now)
    plan = world.plan(asked)
    written = [{"event": "planned", "plan": plan_json(plan)}]
    again = plan_again(written, {}, world.drivers, world.source)
    assert again == plan
    assert plan_json(again)["point"]["at"] == rfc3339(asked.instant)


def test_a_url_with_a_password_is_asked_for_again(world: World) -> None:
    plan = plan_json(world.plan(Latest(), "one"))
    step = plan["steps"][0]
    step["target"], step["where"] = {"directory": None, "url": "redis://:…@h", "replace": False}, "redis://:…@h"
    written = [{"event": "planned", "plan": plan}]
    with pytest.raises(UsageError, match="has a password") as caught:
        plan_again(written, {}, world.drivers, world.source)
    assert caught.value.hint == "--target one=URL, as it was given before"
    with pytest.raises(UsageError, match="recovers one into"):
        plan_again(written, {"one": "redis://:pw@elsewhere"}, world.drivers, world.source)
