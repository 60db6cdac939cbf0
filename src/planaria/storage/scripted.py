"""A store that misbehaves by script, the same way every time: for tests and drills of everything above it."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from planaria.core.clock import Clock, Randomness
from planaria.core.errors import ObjectExists, PlanariaError, StoreUnavailable
from planaria.storage.contract import Bytes, ObjectInfo, Store
from planaria.storage.hooked import Method


class Kind(Enum):
    FAIL_BEFORE = "fails, and nothing happened"
    FAIL_AFTER = "fails, though it happened"
    FAIL_HALFWAY = "a list breaks off after half of its names; all else fails, and nothing happened"
    DELAY = "takes `seconds`"
    LATE = "a put or delete fails, and happens after the next `calls` calls"
    TWICE = "a put or delete happens now, and once more after the next `calls` calls"
    LOST = "a put or delete succeeds, and nothing happened"
    STALE = "a list lacks what was put in the last `seconds`"


@dataclass(frozen=True, slots=True)
class Fault:
    kind: Kind
    seconds: float = 0.0
    calls: int = 1
    error: PlanariaError | None = None
    """Instead of StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class Call:
    number: int
    """From 1, over all methods and threads."""
    method: Method
    name: str
    """Or the prefix."""


Script = Callable[[Call], Fault | None]


class Scripted:
    """Holds the store that takes the effects. `calls` is what was asked so far."""

    def __init__(self, store: Store, script: Script, clock: Clock) -> None:
        self._store = store
        self._script = script
        self._clock = clock
        self._lock = threading.Lock()
        self._due: list[tuple[int, Callable[[], None]]] = []
        self._put_at: dict[str, float] = {}
        self.calls: list[Call] = []

    @property
    def url(self) -> str:
        return self._store.url

    def put(self, name: str, data: Bytes) -> None:
        kept = bytes(data)  # a late put happens when the caller's buffer holds something else
        self._change("put", name, lambda: self._put(name, kept))

    def delete(self, name: str) -> None:
        self._change("delete", name, lambda: self._store.delete(name))

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        fault = self._begin("get", name)
        data = self._store.get(name, start, length)
        _fail(fault, "get", name)
        return data

    def head(self, name: str) -> ObjectInfo:
        fault = self._begin("head", name)
        info = self._store.head(name)
        _fail(fault, "head", name)
        return info

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        fault = self._begin("list", prefix)
        infos = list(self._store.list(prefix, after))
        if fault and fault.kind is Kind.STALE:
            since = self._clock.monotonic() - fault.seconds
            infos = [info for info in infos if self._put_at.get(info.name, since) <= since]
        if fault and fault.kind is Kind.FAIL_HALFWAY:
            infos = infos[: len(infos) // 2]
        yield from infos
        _fail(fault, "list", prefix)

    def _put(self, name: str, data: bytes) -> None:
        self._store.put(name, data)
        self._put_at[name] = self._clock.monotonic()

    def _change(self, method: Method, name: str, effect: Callable[[], None]) -> None:
        fault = self._begin(method, name)
        kind = fault.kind if fault else None
        if fault and kind in (Kind.LATE, Kind.TWICE):
            with self._lock:
                self._due.append((len(self.calls) + fault.calls, effect))
        if kind not in (Kind.LATE, Kind.LOST):
            effect()
        _fail(fault, method, name)

    def _begin(self, method: Method, name: str) -> Fault | None:
        """Counts the call, lets late effects happen, and asks the script. Raises what fails without an effect."""
        with self._lock:
            call = Call(len(self.calls) + 1, method, name)
            self.calls.append(call)
            happening = [effect for number, effect in self._due if number < call.number]
            self._due = [(number, effect) for number, effect in self._due if number >= call.number]
            fault = self._script(call)
        for effect in happening:
            _happen(effect)
        if fault and fault.kind is Kind.DELAY:
            self._clock.sleep(fault.seconds)
        early = (Kind.FAIL_BEFORE,) if method == "list" else (Kind.FAIL_BEFORE, Kind.FAIL_HALFWAY)
        if fault and fault.kind in early:
            raise _error(fault, method, name)
        return fault

    def settle(self) -> None:
        """All that is late happens now."""
        with self._lock:
            happening, self._due = [effect for _, effect in self._due], []
        for effect in happening:
            _happen(effect)


def _happen(effect: Callable[[], None]) -> None:
    """Nobody is told any more how a late request ended."""
    try:
        effect()
    except ObjectExists:
        return


def _fail(fault: Fault | None, method: Method, name: str) -> None:
    if fault and fault.kind in (Kind.FAIL_AFTER, Kind.FAIL_HALFWAY, Kind.LATE):
        raise _error(fault, method, name)


def _error(fault: Fault, method: Method, name: str) -> PlanariaError:
    return fault.error or StoreUnavailable(f"{method} of {name} fails, as scripted: {fault.kind.name}")


def at_calls(faults: Mapping[int, Fault]) -> Script:
    """By the number of the call."""
    return lambda call: faults.get(call.number)


def on(method: Method, fault: Fault, prefix: str = "", times: int = 1) -> Script:
    """The first `times` calls of a method on names that start with `prefix`."""
    left = times

    def script(call: Call) -> Fault | None:
        nonlocal left
        if left < 1 or call.method != method or not call.name.startswith(prefix):
            return None
        left -= 1
        return fault

    return script


def drawn(randomness: Randomness, faults: Mapping[Method, tuple[Fault, ...]], per_thousand: int) -> Script:
    """Each call has `per_thousand` chances of one of its method's faults; the same seed and calls, the same faults."""

    def script(call: Call) -> Fault | None:
        drawn_number = int.from_bytes(randomness(8), "big")
        choices = faults.get(call.method, ())
        if not choices or drawn_number % 1000 >= per_thousand:
            return None
        return choices[drawn_number // 1000 % len(choices)]

    return script
