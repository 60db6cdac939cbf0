"""Metered: requests, bytes, errors and seconds are what they were."""

import pytest

from planaria.core.errors import ObjectExists, ObjectMissing, StoreUnavailable
from planaria.storage.memory import MemoryStore
from planaria.storage.metered import Metered
from planaria.storage.scripted import Fault, Kind, Scripted, at_calls
from tests.support.clocks import ManualClock


def test_requests_and_bytes_are_counted_by_what_moved() -> None:
    clock = ManualClock()
    store = Metered(MemoryStore(clock), clock)
    store.put("a", bytes(100))
    store.put("b", memoryview(bytearray(8)).cast("Q"))
    store.get("a", 90, 50)
    store.get("a")
    store.head("a")
    assert len(list(store.list(""))) == 2
    store.delete("a")
    use = store.use()
    assert use.requests == {"put": 2, "get": 2, "head": 1, "list": 1, "delete": 1}
    assert (use.bytes_out, use.bytes_in) == (108, 110)
    assert not any(use.errors.values())


def test_failures_are_errors_and_answers_are_not() -> None:
    clock = ManualClock()
    store = Metered(Scripted(MemoryStore(clock), at_calls({2: Fault(Kind.FAIL_BEFORE)}), clock), clock)
    store.put("a", b"1")
    with pytest.raises(StoreUnavailable):
        store.put("b", b"22")
    with pytest.raises(ObjectExists):
        store.put("a", b"333")
    with pytest.raises(ObjectMissing):
        store.get("c")
    use = store.use()
    assert use.errors == {"put": 1, "get": 0}
    assert use.requests == {"put": 3, "get": 1}
    assert (use.bytes_out, use.bytes_in) == (1, 0)


def test_a_list_that_breaks_off_is_one_request_and_one_error() -> None:
    clock = ManualClock()
    inner = MemoryStore(clock)
    for name in "abcd":
        inner.put(name, b"")
    store = Metered(Scripted(inner, lambda _call: Fault(Kind.FAIL_HALFWAY), clock), clock)
    with pytest.raises(StoreUnavailable):
        list(store.list(""))
    use = store.use()
    assert (use.requests, use.errors) == ({"list": 1}, {"list": 1})


def test_seconds_are_those_of_the_store_and_not_of_its_user() -> None:
    clock = ManualClock()
    inner = Scripted(MemoryStore(clock), lambda _call: Fault(Kind.DELAY, seconds=0.5), clock)
    store = Metered(inner, clock)
    store.put("a", b"")
    store.put("b", b"")
    for _ in store.list(""):
        clock.advance(100)
    assert store.use().seconds == pytest.approx({"put": 1.0, "list": 0.5})


def test_a_snapshot_does_not_change_afterwards() -> None:
    clock = ManualClock()
    store = Metered(MemoryStore(clock), clock)
    before = store.use()
    store.put("a", b"1")
    assert (dict(before.requests), before.bytes_out) == ({}, 0)
