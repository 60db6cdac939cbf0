"""Every check of the contract finds a store that breaks it: a check that cannot fail would prove nothing to a user."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from planaria.core.errors import ObjectExists, ObjectMissing, StoreUnavailable
from planaria.core.instant import SECOND, Instant
from planaria.storage.conformance import CHECKS, MANY, Scratch, run, run_one
from planaria.storage.contract import Bytes, ObjectInfo, Store
from planaria.storage.memory import MemoryStore
from planaria.storage.scripted import Call, Fault, Kind, Scripted
from tests.support.clocks import ManualClock

CLOCK = ManualClock()


class Broken(MemoryStore):
    """Right until one of its methods is replaced."""

    def __init__(self) -> None:
        super().__init__(CLOCK)

    def breaking(self, **methods: Callable[..., object]) -> Store:
        for name, method in methods.items():
            setattr(self, name, method)
        return self

    def raw(self, name: str) -> bytes:
        return self._objects[name][0]

    def overwrite(self, name: str, data: Bytes) -> None:
        self._objects[name] = (bytes(data), self._clock.now())


def _scripted(kind: Kind, method: str, **more: float) -> Store:
    fault = Fault(kind, **more)  # type: ignore[arg-type]
    return Scripted(MemoryStore(CLOCK), lambda call: fault if call.method == method else None, CLOCK)


def _other_bytes() -> Store:
    store = Broken()
    return store.breaking(get=lambda name, start=0, length=None: MemoryStore.get(store, name, start, length)[::-1])


def _missing_is_empty() -> Store:
    store = Broken()

    def get(name: str, start: int = 0, length: int | None = None) -> bytes:
        try:
            return MemoryStore.get(store, name, start, length)
        except ObjectMissing:
            return b""

    return store.breaking(get=get)


def _past_the_end_fails() -> Store:
    store = Broken()

    def get(name: str, start: int = 0, length: int | None = None) -> bytes:
        data = MemoryStore.get(store, name)
        if start and start >= len(data):
            raise StoreUnavailable("416")
        return data[start : start + length] if length is not None else data[start:]

    return store.breaking(get=get)


def _empty_is_nothing() -> Store:
    store = Broken()
    return store.breaking(put=lambda name, data: MemoryStore.put(store, name, data) if len(data) else None)


def _cut_at_a_mebibyte() -> Store:
    store = Broken()
    return store.breaking(put=lambda name, data: MemoryStore.put(store, name, bytes(data)[: 1 << 20]))


class _Keeping(Broken):
    """Holds on to the buffers that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, Bytes] = {}

    def put(self, name: str, data: Bytes) -> None:
        super().put(name, data)
        self.held[name] = memoryview(data)

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        super().get(name)
        data = bytes(self.held[name])
        return data[start:] if length is None else data[start : start + length]


def _short_names() -> Store:
    store = Broken()
    return store.breaking(put=lambda name, data: MemoryStore.put(store, name[:255], data))


def _by_folder() -> Store:
    """As a walk through directories goes: `a/b` before `a-b`."""
    store = Broken()

    def walked(prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        yield from sorted(MemoryStore.list(store, prefix, after), key=lambda info: info.name.split("/"))

    return store.breaking(list=walked)


def _one_page() -> Store:
    store = Broken()

    def first(prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        yield from [*MemoryStore.list(store, prefix, after)][: MANY - 1]

    return store.breaking(list=first)


def _refuses_and_overwrites() -> Store:
    store = Broken()

    def put(name: str, data: Bytes) -> None:
        exists = name in [info.name for info in store.list(name)]
        store.overwrite(name, data)
        if exists:
            raise ObjectExists(name)

    return store.breaking(put=put)


def _mixes() -> Store:
    """Contents of puts of one name end up behind one another."""
    store = Broken()

    def put(name: str, data: Bytes) -> None:
        store.overwrite(name, (store.raw(name) if list(store.list(name)) else b"") + bytes(data))

    return store.breaking(put=put)


def _fast_clock() -> Store:
    store = Broken()

    def ahead(info: ObjectInfo) -> ObjectInfo:
        return replace(info, modified_at=Instant(info.modified_at + 3600 * SECOND))

    return store.breaking(head=lambda name: ahead(MemoryStore.head(store, name)))


FOUND: list[tuple[str, Callable[[], Store]]] = [
    ("what is put comes back", _other_bytes),
    ("what is put comes back", lambda: _scripted(Kind.LOST, "put")),
    ("what is deleted is gone", lambda: _scripted(Kind.LOST, "delete")),
    ("missing is said", _missing_is_empty),
    ("ranges are exact", _past_the_end_fails),
    ("an empty object is an object", _empty_is_nothing),
    ("a large object comes back", _cut_at_a_mebibyte),
    ("any buffer is taken and not kept", _Keeping),
    ("names at the limits are taken", _short_names),
    ("lists are in order and true", _by_folder),
    ("long lists are whole", _one_page),
    ("a taken name is refused or overwritten whole", _refuses_and_overwrites),
    ("puts of one name at once leave one content", _mixes),
    ("what is written is seen at once", lambda: _scripted(Kind.STALE, "list", seconds=60)),
    ("the clock of the store is near ours", _fast_clock),
]


@pytest.mark.parametrize(("name", "make"), FOUND, ids=[name.replace(" ", "-") for name, _ in FOUND])
def test_check_finds_the_store_that_breaks_it(name: str, make: Callable[[], Store]) -> None:
    [check] = [check for check in CHECKS if check.name == name]
    outcome = run_one(check, Scratch(make(), "probe/0/", CLOCK))
    assert not outcome.ok
    assert outcome.detail


def test_every_check_is_shown_to_find_something() -> None:
    assert {name for name, _ in FOUND} == {check.name for check in CHECKS}


def test_a_store_that_is_away_fails_every_check_and_ends() -> None:
    away = Scripted(MemoryStore(CLOCK), lambda _call: Fault(Kind.FAIL_BEFORE), CLOCK)
    outcomes = list(run(away, "probe/0", CLOCK))
    assert [outcome.ok for outcome in outcomes] == [False] * len(CHECKS)


def test_what_cannot_be_removed_is_said() -> None:
    def refuse(call: Call) -> Fault | None:
        return Fault(Kind.FAIL_BEFORE, error=StoreUnavailable("no delete")) if call.method == "delete" else None

    outcome = run_one(CHECKS[0], Scratch(Scripted(MemoryStore(CLOCK), refuse, CLOCK), "probe/7/", CLOCK))
    assert (outcome.ok, outcome.detail) == (False, "left behind probe/7/: no delete")
