"""Every store, and every wrapper around one, keeps the contract; `planaria doctor --deep` runs these same checks."""

from collections.abc import Callable
from pathlib import Path

import obstore.store
import pytest

from planaria.service.system_clock import SystemClock, system_randomness
from planaria.storage.conformance import CHECKS, Check, Scratch, run, run_one
from planaria.storage.contract import Store
from planaria.storage.hooked import Hooked
from planaria.storage.local import LocalStore
from planaria.storage.memory import MemoryStore
from planaria.storage.metered import Metered
from planaria.storage.objects import ObjectStore
from planaria.storage.open import open_store
from planaria.storage.retrying import Patience, Retrying
from planaria.storage.scripted import Call, Fault, Kind, Scripted
from planaria.storage.throttled import Rate, Throttled
from tests.support.clocks import ManualClock, seeded

CLOCK = SystemClock()
FAST = 1 << 40


def _all_wrapped(store: Store) -> Store:
    throttled = Throttled(store, Rate(FAST, CLOCK), Rate(FAST, CLOCK))
    hooked = Hooked(throttled, lambda _method, _name, _when: None)
    scripted = Scripted(hooked, lambda _call: None, CLOCK)
    return Retrying(Metered(scripted, CLOCK), CLOCK, system_randomness)


def _local(request: pytest.FixtureRequest) -> Store:
    path: Path = request.getfixturevalue("tmp_path")
    return LocalStore(path / "store")


def _s3(request: pytest.FixtureRequest) -> Store:
    server = request.getfixturevalue("radosgw")
    return open_store(f"s3://{server.bucket()}/team/backups", server.options, CLOCK)


def _obstore_in_memory(_request: pytest.FixtureRequest) -> Store:
    """Scripted hands over copies: obstore's own store in memory, and no other, keeps the buffer it is given."""
    return Scripted(ObjectStore(obstore.store.MemoryStore(), "memory:obstore"), lambda _call: None, CLOCK)


def _failing_and_retried(_request: pytest.FixtureRequest) -> Store:
    """The first three calls of each method on each name fail, each in its own way: nobody above Retrying may notice."""
    kinds = (Kind.FAIL_BEFORE, Kind.FAIL_AFTER, Kind.FAIL_HALFWAY)
    left: dict[tuple[str, str], list[Kind]] = {}

    def script(call: Call) -> Fault | None:
        own = left.setdefault((call.method, call.name), list(kinds))
        return Fault(own.pop(0)) if own else None

    clock = ManualClock(CLOCK.now())
    patience = Patience(total=1e9)  # the sleeps of all threads add up on their one clock
    return Retrying(Scripted(MemoryStore(CLOCK), script, clock), clock, seeded(1), patience)


STORES: dict[str, Callable[[pytest.FixtureRequest], Store]] = {
    "local": _local,
    "memory": lambda _: MemoryStore(CLOCK),
    "obstore-memory": _obstore_in_memory,
    "hooked": lambda _: Hooked(MemoryStore(CLOCK), lambda _method, _name, _when: None),
    "metered": lambda _: Metered(MemoryStore(CLOCK), CLOCK),
    "throttled": lambda _: Throttled(MemoryStore(CLOCK), Rate(FAST, CLOCK), Rate(FAST, CLOCK)),
    "retrying": lambda _: Retrying(MemoryStore(CLOCK), CLOCK, system_randomness),
    "scripted": lambda _: Scripted(MemoryStore(CLOCK), lambda _call: None, CLOCK),
    "failing-and-retried": _failing_and_retried,
    "all-around-local": lambda request: _all_wrapped(_local(request)),
}
S3_STORES = {"s3": _s3, "all-around-s3": lambda request: _all_wrapped(_s3(request))}
PARAMETERS = [
    *(pytest.param(make, id=name) for name, make in STORES.items()),
    *(pytest.param(make, id=name, marks=pytest.mark.radosgw) for name, make in S3_STORES.items()),
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name.replace(" ", "-"))
@pytest.mark.parametrize("make", PARAMETERS)
def test_store_keeps_the_contract(
    make: Callable[[pytest.FixtureRequest], Store], check: Check, request: pytest.FixtureRequest
) -> None:
    store = make(request)
    outcome = run_one(check, Scratch(store, "probe/0a1b/", CLOCK))
    assert outcome.ok, outcome.detail
    assert list(store.list("")) == []


def test_all_checks_run_and_leave_everything_else_alone() -> None:
    store = MemoryStore(CLOCK)
    store.put("component/packs/00/pack", b"of the user")
    outcomes = list(run(store, "probe/0a1b", CLOCK))
    assert [outcome.name for outcome in outcomes] == [check.name for check in CHECKS]
    assert all(outcome.ok for outcome in outcomes)
    assert [info.name for info in store.list("")] == ["component/packs/00/pack"]
    assert store.get("component/packs/00/pack") == b"of the user"
