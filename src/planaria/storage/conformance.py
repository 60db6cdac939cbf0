"""Whether a store keeps the contract, found out on the store itself: for our tests and for `planaria doctor --deep`.

Every check writes below a fresh prefix and removes what it wrote.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from planaria.core.clock import Clock
from planaria.core.errors import Failed, ObjectExists, ObjectMissing, PlanariaError
from planaria.core.instant import SECOND
from planaria.storage.contract import Bytes, Store
from planaria.storage.names import MAXIMUM

LARGE = 16 << 20
MANY = 1001
"""Objects in one list: more than a page of any store we know."""
THREADS = 16
TOLERATED_SKEW = 300
"""Seconds between the store's clock and ours; S3 refuses requests at 900."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """Where a check may write, and the clock it compares with."""

    store: Store
    prefix: str
    """Ends with `/`."""
    clock: Clock

    def put(self, name: str, data: Bytes) -> str:
        """The whole name."""
        self.store.put(self.prefix + name, data)
        return self.prefix + name

    def names(self, prefix: str = "", after: str = "") -> list[str]:
        """What a list finds, without the scratch prefix; `after` is without it, too."""
        found = self.store.list(self.prefix + prefix, self.prefix + after if after else "")
        return [info.name.removeprefix(self.prefix) for info in found]


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    run: Callable[[Scratch], str]
    """Says what it found, `""` for what was expected. Raises a PlanariaError where the store breaks the contract."""


@dataclass(frozen=True, slots=True)
class Outcome:
    name: str
    ok: bool
    detail: str


def run(store: Store, prefix: str, clock: Clock) -> Iterator[Outcome]:
    """All checks, each below `<prefix>/<its number>/`. What cannot be removed afterwards fails its check."""
    for number, check in enumerate(CHECKS):
        yield run_one(check, Scratch(store, f"{prefix}/{number}/", clock))


def run_one(check: Check, scratch: Scratch) -> Outcome:
    outcome = Outcome(check.name, True, "")
    try:
        outcome = replace(outcome, detail=check.run(scratch))
    except PlanariaError as error:
        outcome = replace(outcome, ok=False, detail=error.message)
    try:
        _remove(scratch)
    except PlanariaError as error:
        detail = f"{outcome.detail}; left behind {scratch.prefix}: {error.message}".removeprefix("; ")
        outcome = replace(outcome, ok=False, detail=detail)
    return outcome


def _remove(scratch: Scratch) -> None:
    names = [info.name for info in scratch.store.list(scratch.prefix)]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(scratch.store.delete, names))


def _expect(found: object, expected: object, what: str) -> None:
    if found != expected:
        raise Failed(f"{what}: {_short(found)}, expected {_short(expected)}")


def _short(value: object) -> str:
    text = f"{len(value)} bytes {value[:20]!r}" if isinstance(value, bytes) else repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _expect_missing(call: Callable[[], object], what: str) -> None:
    try:
        call()
    except ObjectMissing:
        return
    raise Failed(f"{what} of a missing object is answered")


def _what_is_put_comes_back(scratch: Scratch) -> str:
    name = scratch.put("one", b"content")
    _expect(scratch.store.get(name), b"content", "get after put")
    info = scratch.store.head(name)
    _expect((info.name, info.size), (name, 7), "head after put")
    _expect([(i.name, i.size) for i in scratch.store.list(scratch.prefix)], [(name, 7)], "list after put")
    return ""


def _what_is_deleted_is_gone(scratch: Scratch) -> str:
    name = scratch.put("one", b"content")
    scratch.store.delete(name)
    _expect_missing(lambda: scratch.store.get(name), "get")
    _expect_missing(lambda: scratch.store.head(name), "head")
    _expect(scratch.names(), [], "list after delete")
    scratch.store.delete(name)
    scratch.store.delete(scratch.prefix + "never/was")
    scratch.put("one", b"again")
    _expect(scratch.store.get(name), b"again", "get after put, delete, put")
    return ""


def _missing_is_said(scratch: Scratch) -> str:
    folder = scratch.put("folder/one", b"1").rpartition("/")[0]
    for name in (scratch.prefix + "none", folder):
        _expect_missing(partial(scratch.store.get, name), "get")
        _expect_missing(partial(scratch.store.get, name, 1, 2), "get of a range")
        _expect_missing(partial(scratch.store.get, name, 0, 0), "get of nothing")
        _expect_missing(partial(scratch.store.head, name), "head")
    _expect(scratch.names("none"), [], "list of a prefix without objects")
    return ""


def _ranges_are_exact(scratch: Scratch) -> str:
    data = bytes(range(10))
    name = scratch.put("ten", data)
    for start in (0, 1, 9, 10, 11, 1000):
        for length in (None, 0, 1, 9, 10, 11, 1 << 40):
            expected = data[start:] if length is None else data[start : start + length]
            _expect(scratch.store.get(name, start, length), expected, f"get from {start}, length {length}")
    return ""


def _an_empty_object_is_an_object(scratch: Scratch) -> str:
    name = scratch.put("empty", b"")
    _expect(scratch.store.get(name), b"", "get")
    _expect(scratch.store.get(name, 0, 10), b"", "get of a range")
    _expect(scratch.store.head(name).size, 0, "size")
    _expect(scratch.names(), ["empty"], "list")
    return ""


def _a_large_object_comes_back(scratch: Scratch) -> str:
    data = bytearray(LARGE)
    for start in range(0, LARGE, 4096):
        data[start : start + 4] = start.to_bytes(4, "big")
    name = scratch.put("large", data)
    if scratch.store.get(name) != data:
        raise Failed(f"{LARGE} bytes came back with other content")
    _expect(scratch.store.get(name, LARGE - 4097, 5000), bytes(data[-4097:]), "the end of a large object")
    return ""


def _any_buffer_is_taken_and_not_kept(scratch: Scratch) -> str:
    buffer = bytearray(b"0123456789")
    scratch.put("bytearray", buffer)
    scratch.put("view", memoryview(buffer)[2:5])
    scratch.put("words", memoryview(bytearray(8)).cast("Q"))
    buffer[:] = b"X" * 10
    try:
        buffer += b"X"
    except BufferError:
        raise Failed("the store still holds the buffer of a put that has ended") from None
    _expect(scratch.store.get(scratch.prefix + "bytearray"), b"0123456789", "a bytearray changed after its put")
    _expect(scratch.store.get(scratch.prefix + "view"), b"234", "part of a buffer changed after its put")
    _expect(scratch.store.get(scratch.prefix + "words"), bytes(8), "a buffer of 64-bit words")
    return ""


def _names_at_the_limits_are_taken(scratch: Scratch) -> str:
    room = MAXIMUM - len(scratch.prefix)
    long = "d" * 250 + "/" + "f" * min(255, room - 251)
    names = sorted([long, "x" * min(255, room), "a", "-", "_", "0.9_-Z", "e/" * 20 + "deep"])
    for name in names:
        scratch.put(name, name.encode())
    for name in names:
        _expect(scratch.store.get(scratch.prefix + name), name.encode(), f"the object of name {name}")
    _expect(scratch.names(), names, "list")
    return ""


_ORDERED = ("-", "0", "A", "Z", "_", "a-b", "a.b", "a/A", "a/b", "a/b-c", "a0", "a_", "aa/a", "b")
"""In the order of their bytes; `/` sorts after `-` and `.`, and before all else."""


def _lists_are_in_order_and_true(scratch: Scratch) -> str:
    names = sorted(_ORDERED)
    for name in reversed(names):
        scratch.put(name, b"")
    _expect(scratch.names(), names, "list")
    for prefix in ("a", "a-", "a/", "a/b", "a.b", "aa", "aa/", "b", "bb", "_", "0", "A", "-"):
        _expect(scratch.names(prefix), [n for n in names if n.startswith(prefix)], f"list of {prefix}")
    for after in (*names, "a", "a/", "a/b-", "aa", "0z", "z"):
        _expect(scratch.names(after=after), [n for n in names if n > after], f"list after {after}")
        within = [n for n in names if n.startswith("a/") and n > after]
        _expect(scratch.names("a/", after), within, f"list of a/ after {after}")
    return ""


def _long_lists_are_whole(scratch: Scratch) -> str:
    names = [f"{number // 100:02}/{number:04}" for number in range(MANY)]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda name: scratch.put(name, b""), names))
    _expect(len(found := scratch.names()), MANY, "names in a list")
    _expect(found, names, "list")
    _expect(scratch.names(after=names[-3]), names[-2:], "list after the last but two")
    return ""


def _a_taken_name_is_refused_or_overwritten_whole(scratch: Scratch) -> str:
    name = scratch.put("one", b"first")
    try:
        scratch.put("one", b"the second")
    except ObjectExists:
        _expect(scratch.store.get(name), b"first", "content after a refused put")
        return "refused"
    _expect(scratch.store.get(name), b"the second", "content after an accepted put")
    return "overwritten: this store does not refuse a taken name (nothing relies on it)"


def _puts_of_one_name_at_once_leave_one_content(scratch: Scratch) -> str:
    contents = [bytes([number]) * 65_536 for number in range(THREADS)]

    def attempt(data: bytes) -> bool:
        try:
            scratch.put("contested", data)
        except ObjectExists:
            return False
        return True

    with ThreadPoolExecutor(THREADS) as pool:
        taken = [data for data, won in zip(contents, pool.map(attempt, contents), strict=True) if won]
    kept = scratch.store.get(scratch.prefix + "contested")
    if kept not in taken:
        raise Failed(f"of {THREADS} puts of one name {len(taken)} were accepted, and the content is of none of these")
    _expect(scratch.names(), ["contested"], "list")
    return "" if len(taken) == 1 else f"{len(taken)} of {THREADS} were accepted (nothing relies on one)"


def _what_is_written_is_seen_at_once(scratch: Scratch) -> str:
    for number in range(20):
        name = scratch.put(f"{number:02}", b"%d" % number)
        _expect(scratch.store.get(name), b"%d" % number, "get right after put")
        _expect(scratch.names()[-1:], [f"{number:02}"], "the end of a list right after put")
    return ""


def _the_clock_of_the_store_is_near_ours(scratch: Scratch) -> str:
    before = scratch.clock.now()
    name = scratch.put("now", b"")
    after = scratch.clock.now()
    at = scratch.store.head(name).modified_at
    ahead = (max(0, at - after) - max(0, before - at)) / SECOND
    if abs(ahead) > TOLERATED_SKEW:
        raise Failed(f"the store's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this host's")
    [listed] = scratch.store.list(name)
    if abs(listed.modified_at - at) > SECOND:
        raise Failed(f"head and list disagree on when an object was made, by {abs(listed.modified_at - at)} µs")
    return f"within {max(1, round(abs(ahead)))} s"


CHECKS = (
    Check("what is put comes back", _what_is_put_comes_back),
    Check("what is deleted is gone", _what_is_deleted_is_gone),
    Check("missing is said", _missing_is_said),
    Check("ranges are exact", _ranges_are_exact),
    Check("an empty object is an object", _an_empty_object_is_an_object),
    Check("a large object comes back", _a_large_object_comes_back),
    Check("any buffer is taken and not kept", _any_buffer_is_taken_and_not_kept),
    Check("names at the limits are taken", _names_at_the_limits_are_taken),
    Check("lists are in order and true", _lists_are_in_order_and_true),
    Check("long lists are whole", _long_lists_are_whole),
    Check("a taken name is refused or overwritten whole", _a_taken_name_is_refused_or_overwritten_whole),
    Check("puts of one name at once leave one content", _puts_of_one_name_at_once_leave_one_content),
    Check("what is written is seen at once", _what_is_written_is_seen_at_once),
    Check("the clock of the store is near ours", _the_clock_of_the_store_is_near_ours),
)
