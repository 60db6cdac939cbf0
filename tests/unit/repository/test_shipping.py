"""Shipping segments: straight, by the spool, in order, and never more often than a store that is away deserves."""

from collections.abc import Callable
from pathlib import Path

import pytest

from planaria.core.errors import DamagedData, StoreUnavailable
from planaria.repository.shipping import AT_ONCE, FIRST_PAUSE, LONGEST_PAUSE, Shipping, put_once
from planaria.repository.spool import Spool
from planaria.storage.hooked import Hooked, Method, When
from planaria.storage.memory import MemoryStore
from tests.support.clocks import ManualClock


class Harbour:
    """A store that can be away, a spool, and what was told."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.inner = MemoryStore(self.clock)
        self.away, self.tries = False, list[float]()
        self.told, self.landed = list[str](), list[str]()
        self.spool = Spool(folder, 1 << 20)
        self.shipping = self.new(self.landed.append)

    def new(self, on_durable: Callable[[str], None]) -> Shipping:
        store = Hooked(self.inner, self.hook)
        return Shipping(store, self.spool, self.clock, self.told.append, on_durable)

    def hook(self, method: Method, name: str, when: When) -> None:
        if method == "put" and when == "before":
            self.tries.append(self.clock.monotonic())
            if self.away:
                raise StoreUnavailable("down")

    def ship(self, *numbers: int) -> None:
        for number in numbers:
            self.shipping.ship(name(number), b"%d" % number)

    def stored(self) -> list[str]:
        return [info.name for info in self.inner.list("")]


def name(number: int) -> str:
    return f"redis/journal/a/{number:016x}-{number + 1:016x}-00000000"


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    return Harbour(tmp_path)


def test_a_store_that_is_there_gets_everything_at_once(harbour: Harbour) -> None:
    harbour.ship(1, 2, 3)
    assert harbour.landed == harbour.stored() == [name(1), name(2), name(3)]
    assert (len(harbour.spool), harbour.told) == (0, [])


def test_pauses_grow_while_the_store_is_away_and_begin_anew_with_the_next_outage(harbour: Harbour) -> None:
    for _ in range(2):
        harbour.away, harbour.tries = True, []
        harbour.ship(len(harbour.landed))
        for _ in range(250):
            harbour.clock.advance(0.5)
            harbour.shipping.drain()
        pauses = [after - before for before, after in zip(harbour.tries, harbour.tries[1:], strict=False)]
        assert pauses[0] == FIRST_PAUSE
        assert pauses == sorted(pauses)
        assert pauses[-1] == LONGEST_PAUSE
        harbour.away = False
        harbour.clock.advance(LONGEST_PAUSE)
        while not harbour.shipping.drain():
            pass
    assert harbour.landed == harbour.stored()
    assert [told.partition(" (")[0] for told in harbour.told] == [
        "The repository's store is away",
        "The repository's store is back; nothing is left in the spool.",
    ] * 2


def test_draining_pauses_to_look_for_new_segments_and_these_wait_their_turn(harbour: Harbour) -> None:
    harbour.away = True
    harbour.ship(*range(3 * AT_ONCE))
    harbour.away = False
    harbour.clock.advance(LONGEST_PAUSE)
    harbour.ship(1000)
    assert harbour.landed == [name(number) for number in range(AT_ONCE)]
    assert harbour.spool.names()[-1] == name(1000)
    while not harbour.shipping.drain():
        pass
    assert harbour.landed == [*(name(number) for number in range(3 * AT_ONCE)), name(1000)]


def test_a_store_is_not_called_back_before_it_has_taken_something(harbour: Harbour) -> None:
    """With an empty spool nothing proves it."""
    harbour.away = True
    harbour.ship(1)
    harbour.spool.remove(name(1))
    harbour.clock.advance(LONGEST_PAUSE)
    assert harbour.shipping.drain()
    assert len(harbour.told) == 1


def test_a_segment_has_left_the_spool_before_it_is_told_durable(harbour: Harbour) -> None:
    """A journal that begins meanwhile either sees it there or is told: it cannot miss it."""
    seen: list[list[str]] = []
    harbour.shipping = harbour.new(lambda _: seen.append(harbour.spool.names()))
    harbour.away = True
    harbour.ship(1, 2)
    harbour.away = False
    harbour.clock.advance(LONGEST_PAUSE)
    assert harbour.shipping.drain()
    assert seen == [[name(2)], []]


def test_an_object_is_put_once_whatever_an_earlier_try_did(harbour: Harbour) -> None:
    put_once(harbour.inner, "a/b", b"same")
    put_once(harbour.inner, "a/b", b"same")
    with pytest.raises(DamagedData, match="other content"):
        put_once(harbour.inner, "a/b", b"else")
