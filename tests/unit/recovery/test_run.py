"""Runs: journaled before and after, failing one by one, falling back, resumed without harm."""

import pytest

from planaria.core.errors import ComponentUnavailable, DamagedData, Interrupted, SafetyRefusal
from planaria.core.points import AtBase, Latest
from planaria.drivers.contract import Finding
from planaria.recovery import evidence
from planaria.recovery.again import plan_again
from planaria.recovery.choose import Choice
from planaria.recovery.plan import Plan
from planaria.recovery.runs import all_runs
from tests.support.recovery_world import CONTENT, FileDriver, World, failing

DAMAGED = DamagedData("one/packs/x is damaged", object_name="one/packs/x")


def resumed(world: World, run: str, **targets: str) -> dict[str, object]:
    again = plan_again(world.files.events(run), targets, world.drivers, world.source)
    return world.runner.resume(run, again)


def test_every_step_is_journaled_before_and_after_and_the_end_has_the_result(world: World) -> None:
    result = world.runner.start(world.plan(Latest(), "one"))
    assert world.events(result["run"]) == [("planned", None), ("begin", "one"), ("end", "one"), ("ended", None)]
    assert world.files.events(result["run"])[-1]["result"] == result
    assert (world.target("one") / CONTENT).read_bytes() == b"one 2"
    assert result["components"]["one"]["fingerprint"] == "equal"
    assert world.files.state(result["run"]) == "done"


def test_one_component_fails_and_the_other_is_brought_back(world: World) -> None:
    world.drivers["one"].before = failing(ComponentUnavailable("it is away", hint="wait"))
    result = world.runner.start(world.plan(Latest()))
    assert {name: one["state"] for name, one in result["components"].items()} == {"one": "failed", "two": "done"}
    assert result["components"]["one"]["error"] == {
        "code": "component-unavailable",
        "status": 4,
        "message": "it is away",
        "hint": "wait",
    }
    fields = ("position", "reached_at", "rpo_seconds", "fingerprint", "checks")
    assert set(fields) <= set(result["components"]["one"])
    assert world.files.state(result["run"]) == "failed"


def test_a_check_that_did_not_hold_is_a_failure(world: World) -> None:
    world.drivers["one"].checks = (Finding("count", False, "3 keys are missing"),)
    result = world.runner.start(world.plan(Latest(), "one"))
    assert (result["components"]["one"]["state"], result["components"]["one"]["error"]["message"]) == (
        "failed",
        "3 keys are missing",
    )


def with_older(world: World, plan: Plan) -> Plan:
    """As if the older base reached the same point over a longer journal."""
    step = plan.steps[0]
    older = next(base for base in world.source.known("one").bases if base.id != step.choice.base.id)
    choice = Choice("one", step.choice.base, step.choice.until, step.choice.reached_at, (older,))
    return Plan(plan.environment, plan.point, (type(step)("one", "file", choice, step.target, step.where, ()),))


def test_a_damaged_base_falls_back_to_an_older_one_and_says_so(world: World) -> None:
    plan = with_older(world, world.plan(Latest(), "one"))
    newest, older = plan.steps[0].choice.base, plan.steps[0].choice.instead[0]
    world.drivers["one"].before = failing(DAMAGED, base=newest.id)
    result = world.runner.start(plan)
    assert (world.target("one") / CONTENT).read_bytes() == b"one 1"
    assert result["components"]["one"]["base"] == older.id
    assert len(world.warned) == 1
    assert newest.id in world.warned[0]
    assert "longer journal" in world.warned[0]
    assert world.drivers["one"].told[-1] == ("restore", older.id, True)


def test_when_every_base_is_damaged_the_object_is_named(world: World) -> None:
    world.drivers["one"].before = failing(DAMAGED)
    result = world.runner.start(with_older(world, world.plan(Latest(), "one")))
    error = result["components"]["one"]["error"]
    assert (error["code"], error["message"], error["status"]) == ("damaged-data", DAMAGED.message, 5)
    assert "check --read" in error["hint"]


def test_a_plan_that_sees_the_damage_uses_the_older_base_from_the_start(world: World) -> None:
    from planaria.recovery.plan import planned

    step = with_older(world, world.plan(Latest(), "one")).steps[0]
    driver = FileDriver(before=failing(DAMAGED, "plan", step.choice.base.id))
    made, notes = planned(step, driver, world.source)
    assert made.choice.base == step.choice.instead[0]
    assert made.choice.instead == ()
    assert len(notes) == 1
    assert step.choice.base.id in notes[0]


def interrupted(world: World, *components: str) -> str:
    """A run whose first step began, and was interrupted."""
    world.drivers["one"].before = failing(Interrupted("stopped"))
    with pytest.raises(Interrupted) as caught:
        world.runner.start(world.plan(Latest(), *components))
    world.drivers["one"].before = lambda what, recovery: None
    (run,) = world.files.ids()
    assert caught.value.hint == f"planaria resume {run}"
    assert world.files.state(run) == "interrupted"
    return run


def test_an_interrupted_run_is_resumed_over_what_it_left(world: World) -> None:
    run = interrupted(world, "one")
    assert world.target("one").exists()
    world.clock.advance(100)
    result = resumed(world, run)
    assert (world.target("one") / CONTENT).read_bytes() == b"one 2"
    assert world.drivers["one"].told[-1][2] is True
    assert result["rto_seconds"] == 100
    assert [event for event, _ in world.events(run)] == ["planned", "begin", "resumed", "begin", "end", "ended"]


def test_what_is_done_is_not_done_again(world: World) -> None:
    run = interrupted(world)
    world.drivers["two"].told.clear()
    (world.target("two") / CONTENT).write_bytes(b"in use since")
    resumed(world, run)
    assert world.drivers["two"].told == []
    assert (world.target("two") / CONTENT).read_bytes() == b"in use since"


def test_a_target_that_was_refused_is_not_taken_for_ours_when_the_run_is_resumed(world: World) -> None:
    plan = world.plan(Latest(), "one")
    world.target("one").mkdir()
    result = world.runner.start(plan)
    assert result["components"]["one"]["error"]["code"] == "refused-for-safety"
    assert [event for event, _ in world.events(result["run"])] == ["planned", "end", "ended"]
    with pytest.raises(SafetyRefusal):
        resumed(world, result["run"])


def test_a_later_base_does_not_change_what_is_resumed(world: World) -> None:
    run = interrupted(world, "one")
    world.base("one", b"one 3")
    resumed(world, run)
    assert (world.target("one") / CONTENT).read_bytes() == b"one 2"


def test_two_runs_into_one_target_are_refused(world: World) -> None:
    plan = world.plan(Latest(), "one")

    def second(what: str, recovery: object) -> None:
        if what == "restore":
            world.drivers["one"].before = lambda what, recovery: None
            with pytest.raises(SafetyRefusal, match="another run"):
                world.runner.start(plan)

    world.drivers["one"].before = second
    assert world.runner.start(plan)["components"]["one"]["state"] == "done"


def test_each_attempt_of_a_run_leaves_its_own_evidence(world: World) -> None:
    world.drivers["one"].before = failing(ComponentUnavailable("it is away"))
    failed = world.runner.start(world.plan(Latest(), "one"))
    first = evidence.keep(world.repository, failed)
    world.drivers["one"].before = lambda what, recovery: None
    done = resumed(world, failed["run"])
    second = evidence.keep(world.repository, done)
    assert (first, second) == (f"runs/{failed['run']}", f"runs/{failed['run']}-2")
    assert evidence.read(world.repository, first)["components"]["one"]["state"] == "failed"
    rows, damage = all_runs(world.files, world.repository)
    assert [(row["run"], row["state"], row["evidence"]) for row in rows] == [(failed["run"], "done", second)]
    assert damage == []


def test_evidence_under_another_name_is_not_believed(world: World) -> None:
    result = world.runner.start(world.plan(AtBase(world.source.known("one").bases[0].id), "one"))
    name = evidence.keep(world.repository, result)
    world.store.put("runs/20200101T000000.000000Z-00000000", world.store.get(name))
    rows, damage = all_runs(world.files, world.repository)
    assert len(rows) == 1
    assert [one.object_name for one in damage] == ["runs/20200101T000000.000000Z-00000000"]
