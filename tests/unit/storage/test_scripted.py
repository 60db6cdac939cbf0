"""Scripted and Hooked: each fault is what it says, and the same seed gives the same faults."""

import pytest

from planaria.core.errors import ObjectExists, ObjectMissing, StoreFull, StoreRefused, StoreUnavailable
from planaria.storage.hooked import Hooked, Method, When, at_call
from planaria.storage.memory import MemoryStore
from planaria.storage.read_only import ReadOnly
from planaria.storage.scripted import Fault, Kind, Script, Scripted, at_calls, drawn, on
from tests.support.clocks import ManualClock, seeded

CLOCK = ManualClock()


def _made(script: Script) -> tuple[MemoryStore, Scripted]:
    inner = MemoryStore(CLOCK)
    return inner, Scripted(inner, script, CLOCK)


def _names(store: MemoryStore | Scripted) -> list[str]:
    return [info.name for info in store.list("")]


@pytest.mark.parametrize(
    ("kind", "there"),
    [(Kind.FAIL_BEFORE, []), (Kind.FAIL_HALFWAY, []), (Kind.FAIL_AFTER, ["a"])],
)
def test_a_failed_put_has_or_has_not_happened(kind: Kind, there: list[str]) -> None:
    inner, store = _made(on("put", Fault(kind)))
    with pytest.raises(StoreUnavailable):
        store.put("a", b"1")
    assert _names(inner) == there


def test_a_failed_delete_has_or_has_not_happened() -> None:
    inner, store = _made(at_calls({2: Fault(Kind.FAIL_BEFORE), 3: Fault(Kind.FAIL_AFTER)}))
    store.put("a", b"1")
    with pytest.raises(StoreUnavailable):
        store.delete("a")
    assert _names(inner) == ["a"]
    with pytest.raises(StoreUnavailable):
        store.delete("a")
    assert _names(inner) == []


def test_a_late_put_happens_after_the_calls_it_waits_for_with_the_bytes_of_then() -> None:
    inner, store = _made(on("put", Fault(Kind.LATE, calls=2)))
    buffer = bytearray(b"then")
    with pytest.raises(StoreUnavailable):
        store.put("a", buffer)
    buffer[:] = b"now!"
    for _ in range(2):
        with pytest.raises(ObjectMissing):
            store.get("a")
    assert store.get("a") == b"then"
    assert _names(inner) == ["a"]


def test_a_put_done_twice_brings_back_what_was_deleted_meanwhile() -> None:
    inner, store = _made(on("put", Fault(Kind.TWICE, calls=1)))
    store.put("a", b"1")
    store.delete("a")
    assert _names(inner) == []
    assert store.get("a") == b"1"


def test_what_is_late_can_be_made_to_happen_and_a_taken_name_is_nobodys_error_then() -> None:
    inner, store = _made(on("put", Fault(Kind.TWICE, calls=1000)))
    store.put("a", b"1")
    store.settle()
    store.settle()
    assert inner.get("a") == b"1"


def test_a_lost_delete_succeeds_and_leaves_the_object() -> None:
    inner, store = _made(on("delete", Fault(Kind.LOST)))
    store.put("a", b"1")
    store.delete("a")
    assert _names(inner) == ["a"]
    store.delete("a")
    assert _names(inner) == []


def test_a_stale_list_lacks_what_is_recent_and_nothing_else() -> None:
    _, store = _made(on("list", Fault(Kind.STALE, seconds=10), times=100))
    store.put("old", b"")
    CLOCK.advance(11)
    store.put("recent", b"")
    assert _names(store) == ["old"]
    assert store.get("recent") == b""
    CLOCK.advance(10)
    assert _names(store) == ["old", "recent"]


def test_a_list_that_fails_half_way_gives_half_of_the_names() -> None:
    _, store = _made(on("list", Fault(Kind.FAIL_HALFWAY)))
    for name in "abcd":
        store.put(name, b"")
    found = store.list("")
    assert [next(found).name, next(found).name] == ["a", "b"]
    with pytest.raises(StoreUnavailable):
        next(found)


def test_a_delay_is_of_the_clock() -> None:
    _, store = _made(on("head", Fault(Kind.DELAY, seconds=7)))
    store.put("a", b"")
    before = CLOCK.monotonic()
    store.head("a")
    assert CLOCK.monotonic() - before == 7


def test_a_fault_may_name_its_error_and_its_prefix() -> None:
    inner, store = _made(on("put", Fault(Kind.FAIL_BEFORE, error=StoreFull("full")), prefix="x/"))
    store.put("a", b"")
    with pytest.raises(StoreFull):
        store.put("x/a", b"")
    store.put("x/a", b"")
    assert _names(inner) == ["a", "x/a"]


def _drawn_outcomes(seed: int) -> list[bool]:
    faults = {"put": (Fault(Kind.FAIL_BEFORE), Fault(Kind.FAIL_AFTER))}
    inner, store = _made(drawn(seeded(seed), faults, per_thousand=300))  # type: ignore[arg-type]
    outcomes = []
    for number in range(300):
        try:
            store.put(f"n{number}", b"")
        except StoreUnavailable:
            outcomes.append(False)
        else:
            outcomes.append(True)
    assert len(_names(inner)) > sum(outcomes)  # some failed only after they had happened
    return outcomes


def test_drawn_faults_follow_the_seed_and_keep_to_their_share() -> None:
    first = _drawn_outcomes(1)
    assert _drawn_outcomes(1) == first
    assert _drawn_outcomes(2) != first
    assert 50 < first.count(False) < 130


def test_a_hook_sees_every_call_before_and_after() -> None:
    seen: list[tuple[Method, str, When]] = []
    store = Hooked(MemoryStore(CLOCK), lambda *call: seen.append(call))
    store.put("a", b"")
    store.get("a")
    store.head("a")
    assert len(list(store.list("a"))) == 1
    store.delete("a")
    methods: list[Method] = ["put", "get", "head", "list", "delete"]
    assert seen == [(method, "a", when) for method in methods for when in ("before", "after")]


@pytest.mark.parametrize(("when", "there"), [("before", ["a"]), ("after", ["a", "b"])])
def test_a_hook_acts_once_before_or_after_its_call(when: When, there: list[str]) -> None:
    def act() -> None:
        raise StoreRefused("stopped")

    inner = MemoryStore(CLOCK)
    store = Hooked(inner, at_call(2, when, act))
    store.put("a", b"")
    with pytest.raises(StoreRefused):
        store.put("b", b"")
    assert _names(inner) == there
    with pytest.raises(ObjectExists):
        store.put("a", b"")
    store.put("c", b"")


def test_read_only_lets_nothing_be_changed() -> None:
    inner = MemoryStore(CLOCK)
    inner.put("a", b"12")
    store = ReadOnly(inner)
    with pytest.raises(StoreRefused, match="b was not written"):
        store.put("b", b"")
    with pytest.raises(StoreRefused, match="a was not deleted"):
        store.delete("a")
    assert (store.get("a", 1), store.head("a").size, _names(inner)) == (b"2", 2, ["a"])
    assert [info.name for info in store.list("")] == ["a"]
