"""Throttled: bytes keep to their rate, together over all who share it."""

import pytest

from planaria.storage.memory import MemoryStore
from planaria.storage.throttled import Rate, Throttled
from tests.support.clocks import ManualClock


def test_puts_keep_to_the_rate_of_uploads_after_one_burst() -> None:
    clock = ManualClock()
    store = Throttled(MemoryStore(clock), Rate(1000, clock), None)
    for number in range(10):
        store.put(f"n{number}", bytes(500))
    assert clock.monotonic() == pytest.approx(4.0)  # 5000 bytes, of which a second's worth went at once


def test_gets_keep_to_the_rate_of_downloads_and_puts_do_not() -> None:
    clock = ManualClock()
    store = Throttled(MemoryStore(clock), None, Rate(100, clock))
    store.put("one", bytes(1000))
    assert clock.monotonic() == 0
    for _ in range(3):
        assert len(store.get("one", 0, 200)) == 200
    assert clock.monotonic() == pytest.approx(5.0)


def test_an_object_larger_than_a_burst_waits_for_all_but_one_burst() -> None:
    clock = ManualClock()
    Throttled(MemoryStore(clock), Rate(1 << 20, clock), None).put("one", bytes(16 << 20))
    assert clock.monotonic() == pytest.approx(15.0)


def test_a_pause_saves_up_one_burst_and_no_more() -> None:
    clock = ManualClock()
    rate = Rate(100, clock)
    rate.take(100)
    clock.advance(3600)
    rate.take(300)
    assert clock.slept == [pytest.approx(2.0)]


def test_stores_that_share_a_rate_share_its_bytes() -> None:
    clock = ManualClock()
    rate = Rate(100, clock)
    one, other = (Throttled(MemoryStore(clock), rate, None) for _ in range(2))
    for store in (one, other):
        store.put("n", bytes(150))
    assert clock.monotonic() == pytest.approx(2.0)


def test_names_and_deletes_cost_nothing() -> None:
    clock = ManualClock()
    store = Throttled(MemoryStore(clock), Rate(1, clock), Rate(1, clock))
    store.put("n", b"")
    assert store.head("n").size == 0
    assert len(list(store.list(""))) == 1
    store.delete("n")
    assert clock.slept == []
