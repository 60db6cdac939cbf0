"""Retrying: what may pass is tried again, within bounds, and a put that arrived unseen is recognised."""

from collections import Counter

import pytest

from planaria.core.errors import ObjectExists, ObjectMissing, PlanariaError, StoreFull, StoreRefused, StoreUnavailable
from planaria.storage.hooked import Method
from planaria.storage.memory import MemoryStore
from planaria.storage.retrying import Patience, Retrying
from planaria.storage.scripted import Fault, Kind, Script, Scripted, at_calls, on
from tests.support.clocks import ManualClock, seeded

METHODS: tuple[Method, ...] = ("put", "get", "head", "list", "delete")


class Bench:
    def __init__(self, script: Script, patience: Patience | None = None) -> None:
        self.clock = ManualClock()
        self.inner = MemoryStore(self.clock)
        self.faulty = Scripted(self.inner, script, self.clock)
        self.store = Retrying(self.faulty, self.clock, seeded(1), patience or Patience())


def first_three(kind: Kind) -> Script:
    """The first three calls of each method."""
    each = [on(method, Fault(kind), times=3) for method in METHODS]
    return lambda call: next(filter(None, [script(call) for script in each]), None)


@pytest.mark.parametrize("kind", [Kind.FAIL_BEFORE, Kind.FAIL_AFTER, Kind.FAIL_HALFWAY])
def test_every_method_survives_three_failures_of_each_kind(kind: Kind) -> None:
    bench = Bench(first_three(kind))
    bench.store.put("a/one", b"1")
    assert bench.store.get("a/one") == b"1"
    assert bench.store.head("a/one").size == 1
    assert [info.name for info in bench.store.list("a/")] == ["a/one"]
    bench.store.delete("a/one")
    assert list(bench.inner.list("")) == []
    asked = Counter(call.method for call in bench.faulty.calls)
    assert asked["put"] > 1
    assert all(asked[method] == 4 for method in ("head", "list", "delete"))


def test_a_put_that_arrived_though_it_failed_is_taken_as_done() -> None:
    bench = Bench(on("put", Fault(Kind.FAIL_AFTER)))
    bench.store.put("one", memoryview(b"mine"))
    assert [call.method for call in bench.faulty.calls] == ["put", "put", "get"]
    assert bench.inner.get("one") == b"mine"


def test_a_put_whose_name_somebody_else_took_meanwhile_is_refused() -> None:
    bench = Bench(on("put", Fault(Kind.FAIL_BEFORE)))
    bench.inner.put("one", b"theirs")
    with pytest.raises(ObjectExists):
        bench.store.put("one", b"mine")
    assert bench.inner.get("one") == b"theirs"


def test_a_taken_name_is_said_at_once_when_nothing_failed_before() -> None:
    bench = Bench(lambda _call: None)
    bench.inner.put("one", b"mine")
    with pytest.raises(ObjectExists):
        bench.store.put("one", b"mine")
    assert [call.method for call in bench.faulty.calls] == ["put"]


def test_the_comparison_after_an_unseen_put_is_retried_too() -> None:
    bench = Bench(at_calls({1: Fault(Kind.FAIL_AFTER), 3: Fault(Kind.FAIL_BEFORE)}))
    bench.store.put("one", b"mine")
    assert [call.method for call in bench.faulty.calls] == ["put", "put", "get", "get"]


@pytest.mark.parametrize("error", [StoreRefused("no"), StoreFull("no"), ObjectMissing("no")])
def test_what_will_not_pass_is_raised_at_once(error: PlanariaError) -> None:
    bench = Bench(lambda _call: Fault(Kind.FAIL_BEFORE, error=error))
    with pytest.raises(type(error)):
        bench.store.get("one")
    assert len(bench.faulty.calls) == 1
    assert bench.clock.slept == []


def test_attempts_are_bounded_and_the_error_says_how_long_it_was_tried() -> None:
    bench = Bench(lambda _call: Fault(Kind.FAIL_BEFORE, error=StoreUnavailable("s3://b is away", hint="look")))
    with pytest.raises(StoreUnavailable, match=r"^s3://b is away, in 8 attempts over \d+ s$") as raised:
        bench.store.head("one")
    assert raised.value.hint == "look"
    assert len(bench.faulty.calls) == 8


def test_time_is_bounded_even_when_attempts_are_slow() -> None:
    patience = Patience(attempts=1000, total=60.0)
    bench = Bench(lambda _call: Fault(Kind.FAIL_BEFORE), patience)
    slow = Scripted(bench.faulty, lambda _call: Fault(Kind.DELAY, seconds=9.0), bench.clock)
    with pytest.raises(StoreUnavailable):
        Retrying(slow, bench.clock, seeded(1), patience).get("one")
    assert 50 < bench.clock.monotonic() < 60 + 9


def test_pauses_double_up_to_the_longest_and_jitter_takes_at_most_half_off() -> None:
    bench = Bench(lambda _call: Fault(Kind.FAIL_BEFORE), Patience(attempts=9, total=1e9, first=1.0, longest=16.0))
    with pytest.raises(StoreUnavailable):
        bench.store.get("one")
    full = [1, 2, 4, 8, 16, 16, 16, 16]
    assert all(whole / 2 <= slept <= whole for slept, whole in zip(bench.clock.slept, full, strict=True))
    assert len({slept / whole for slept, whole in zip(bench.clock.slept, full, strict=True)}) == 8


def test_a_list_goes_on_behind_the_last_name_and_repeats_none() -> None:
    bench = Bench(lambda call: Fault(Kind.FAIL_HALFWAY) if call.method == "list" and call.number < 107 else None)
    names = [f"n{number:03}" for number in range(100)]
    for name in names:
        bench.inner.put(name, b"")
    for _ in range(99):
        bench.store.head("n000")
    assert [info.name for info in bench.store.list("n")] == names


def test_a_list_that_moves_on_is_not_cut_short_by_many_failures() -> None:
    """Twenty pages, each of which ends in a failure: more failures than attempts at one thing."""
    bench = Bench(lambda _call: None, Patience(attempts=3))
    names = [f"n{number:03}" for number in range(40)]
    for name in names:
        bench.inner.put(name, b"")

    class Paging(MemoryStore):
        def list(self, prefix: str, after: str = ""):  # type: ignore[no-untyped-def]
            found = list(bench.inner.list(prefix, after))
            yield from found[:2]
            if len(found) > 2:
                raise StoreUnavailable("page")

    store = Retrying(Paging(bench.clock), bench.clock, seeded(1), Patience(attempts=3))
    assert [info.name for info in store.list("n")] == names


def test_a_list_that_does_not_move_gives_up() -> None:
    bench = Bench(lambda _call: Fault(Kind.FAIL_BEFORE))
    with pytest.raises(StoreUnavailable, match="in 8 attempts"):
        list(bench.store.list("n"))
