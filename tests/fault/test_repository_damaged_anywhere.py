"""Every object of a small repository flipped, cut, lengthened, taken away, exchanged, or put back from elsewhere.

`check --read` names it, and nothing that has nothing to do with it. A restore gives the right bytes or an error.
"""

import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from planaria.core.errors import DamagedData, PlanariaError, PointUnreachable, RepositoryRefused
from planaria.repository.check_report import Report
from planaria.repository.check_state import CheckState
from planaria.repository.layout import component_of, what_is
from planaria.repository.recipients import new_identity
from planaria.repository.sealed import PREFIX_SIZE, SLOT_SIZE, parse_header
from tests.support.clocks import seeded
from tests.support.small_repository import FILES, REDIS, Small, bases_back, check, journal_back, small

HEADER_LENGTH = struct.Struct("<12xI")
STORED = struct.Struct("<12xI")
OPENERS = ("planaria.json", "keys/repository/")
"""Without these a repository does not open at all: they are damaged one at a time."""
DEPENDENTS = {"pack": "base", "index": "base", "key": "key", "lease": "lease", "base": "base"}
"""What may be named beside a damaged object: what cannot be without it."""

Objects = Mapping[str, bytes]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return small(tmp_path_factory.mktemp("spool"))


def opens(name: str) -> bool:
    return name.startswith(OPENERS)


def others(whole: Small) -> list[str]:
    return [name for name in whole.objects if not opens(name)]


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


def places(data: bytes) -> dict[str, int]:
    """Bytes of a sealed object that mean something; of any other, a few."""
    if not data.startswith(b"PLANARIA"):
        return {f"byte {part}/9": len(data) * part // 9 for part in range(9)} | {"the last byte": len(data) - 1}
    header = HEADER_LENGTH.unpack_from(data)[0]
    commitment = PREFIX_SIZE + int(header)
    slot = commitment + 64
    stored = STORED.unpack_from(data, slot)[0]
    fields = {"number": 0, "codec": 4, "slot kind": 5, "zero": 6, "plain size": 8, "stored size": 12, "chunk id": 16}
    found = {"magic": 0, "version": 8, "object kind": 10, "header length": 12, "header": PREFIX_SIZE + 20}
    found |= {"salt": data.index(b'"salt":"') + 9, "commitment": commitment, "seal": commitment + 32}
    found |= {f"the first slot's {name}": slot + at for name, at in fields.items()}
    found |= {"ciphertext or tag": slot + SLOT_SIZE, "the first slot's tag": slot + SLOT_SIZE + stored - 1}
    found |= {"the last slot's kind": len(data) - 16 - SLOT_SIZE + 5, "the last tag": len(data) - 1}
    return found


SHAPES = (b"x" * 90, b"PLANARIA" + bytes(20) + b'"salt":"' + bytes(90))
PLACES = sorted({place for shape in SHAPES for place in places(shape)})


def reports(whole: Small, objects: Objects, state: CheckState | None = None) -> Report:
    return check(whole.opened(whole.store(objects)), state=state)


def named(report: Report) -> set[str]:
    return {one.object for one in report.findings}


def restores(whole: Small, objects: Objects, *, component: str = "") -> list[PlanariaError]:
    """What a restore of everything, or of one component, says, having given no wrong byte."""
    said: list[PlanariaError] = []
    try:
        repository = whole.opened(whole.store(objects))
    except (DamagedData, RepositoryRefused) as error:
        return [error]
    for one in (FILES, REDIS):
        try:
            for name, content in bases_back(repository, one) if component in ("", one) else ():
                assert content == whole.expected.bases[name]
        except (DamagedData, RepositoryRefused) as error:
            said.append(error)
    try:
        if component in ("", REDIS):
            assert journal_back(repository, whole.expected.end) == whole.expected.journal
    except (DamagedData, RepositoryRefused, PointUnreachable) as error:
        said.append(error)
    return said


def test_the_repository_is_sound_before_anything_is_done_to_it(whole: Small) -> None:
    report = reports(whole, whole.objects)
    assert report.findings == []
    assert report.objects == len(whole.objects)
    assert {what_is(name) for name in whole.objects} == set(report.counts)
    assert set(report.counts) >= {
        "pack",
        "index",
        "base",
        "lease",
        "receipt",
        "segment",
        "bundle",
        "key",
        "run",
        "mark",
    }
    assert restores(whole, whole.objects) == []


@pytest.mark.parametrize("place", PLACES)
def test_every_object_with_a_flipped_bit_is_named(whole: Small, place: str) -> None:
    objects = {
        name: flipped(data, places(data)[place]) if not opens(name) and place in places(data) else data
        for name, data in whole.objects.items()
    }
    damaged = {name for name, data in objects.items() if data != whole.objects[name]}
    assert damaged
    assert damaged <= named(reports(whole, objects))


def test_one_damaged_object_is_named_and_what_has_nothing_to_do_with_it_is_not(whole: Small) -> None:
    random = seeded(5)
    for name in others(whole):
        data = whole.objects[name]
        found = named(reports(whole, {**whole.objects, name: flipped(data, int.from_bytes(random(4)) % len(data))}))
        assert name in found
        allowed = DEPENDENTS.get(what_is(name) or "")
        assert {one for one in found - {name} if what_is(one) != allowed} == set()


CUTS: dict[str, Callable[[bytes], bytes]] = {
    "to nothing": lambda data: b"",
    "to one byte": lambda data: data[:1],
    "within its prefix": lambda data: data[:15],
    "behind its prefix": lambda data: data[:16],
    "in the middle": lambda data: data[: len(data) // 2],
    "by its last slot": lambda data: data[: -16 - SLOT_SIZE],
    "by one byte": lambda data: data[:-1],
    "with a byte more": lambda data: data + b"\0",
    "with itself again": lambda data: data + data,
}


@pytest.mark.parametrize("cut", CUTS)
def test_every_object_cut_or_lengthened_is_named(whole: Small, cut: str) -> None:
    objects = {name: data if opens(name) else CUTS[cut](data) for name, data in whole.objects.items()}
    assert set(others(whole)) <= named(reports(whole, objects))


def damages(data: bytes) -> dict[str, bytes]:
    return {place: flipped(data, at) for place, at in places(data).items()} | {
        f"cut {cut}": change(data) for cut, change in CUTS.items()
    }


MATTERS = ("pack", "index", "base", "segment", "bundle")
"""Kinds of objects of which a restore needs every one, as this repository is made."""
BESIDE = {"the last slot's kind", "the last tag", *(f"cut {cut}" for cut in CUTS)}
"""Places of a pack that a restore may do without: it fetches the chunks it needs."""


def test_a_restore_over_a_damaged_object_gives_no_wrong_byte_and_names_it(whole: Small) -> None:
    for name in others(whole):
        component = component_of(name) if component_of(name) in (FILES, REDIS) else ""
        for damage, data in damages(whole.objects[name]).items():
            said = restores(whole, {**whole.objects, name: data}, component=component)
            assert all(name in f"{error.message} {getattr(error, 'object_name', '')}" for error in said)
            if what_is(name) in MATTERS and not (what_is(name) == "pack" and damage in BESIDE):
                assert said, f"{name} is not missed when damaged: {damage}"


def test_what_opens_a_repository_is_named_when_it_is_damaged(whole: Small) -> None:
    for name in filter(opens, whole.objects):
        for data in damages(whole.objects[name]).values():
            (error,) = restores(whole, {**whole.objects, name: data})
            assert name in error.message or "has format" in error.message


def test_each_object_in_the_place_of_each_other_is_named(whole: Small) -> None:
    names = others(whole)
    for shift in range(1, len(names)):
        moved = {name: whole.objects[names[(number + shift) % len(names)]] for number, name in enumerate(names)}
        assert set(names) <= named(reports(whole, {**whole.objects, **moved}))


def test_two_exchanged_objects_are_both_named_and_no_restore_is_wrong(whole: Small) -> None:
    random = seeded(6)
    names = list(whole.objects)
    for number, left in enumerate(names):
        right = names[(number + 1 + random(1)[0] % (len(names) - 1)) % len(names)]
        objects = {**whole.objects, left: whole.objects[right], right: whole.objects[left]}
        said = restores(whole, objects)
        if opens(left) or opens(right):
            assert said
        else:
            assert {left, right} <= named(reports(whole, objects))


UNNOTICED = {"receipt", "run", "mark"}
"""Without a memory: what nothing refers to. A base without a receipt is whole; evidence and marks stand alone."""


def test_a_missing_object_is_noticed_even_by_a_first_check(whole: Small) -> None:
    last = max(name for name in whole.objects if what_is(name) == "segment")
    for name in others(whole):
        objects = {other: data for other, data in whole.objects.items() if other != name}
        alone = (
            what_is(name) in UNNOTICED or name == last or (what_is(name) == "lease" and f"{name}.end" not in objects)
        )
        assert bool(reports(whole, objects).findings) != alone, name


def test_a_missing_object_is_named_by_a_check_that_remembers_it(whole: Small) -> None:
    for name in others(whole):
        state = CheckState()
        assert not reports(whole, whole.objects, state).findings
        objects = {other: data for other, data in whole.objects.items() if other != name}
        found = {(one.object, one.kind) for one in reports(whole, objects, state).findings}
        assert (name, "missing") in found, name


def test_a_restore_without_an_object_gives_no_wrong_byte(whole: Small) -> None:
    sealed = {name: data for name, data in whole.objects.items() if what_is(name) in ("pack", "segment")}
    used = {"repository", *(parse_header(data, name).key_id for name, data in sealed.items())}
    for name in whole.objects:
        said = restores(whole, {other: data for other, data in whole.objects.items() if other != name})
        needed = what_is(name) in (*MATTERS, "root") or name.split("/")[1] in used
        assert bool(said) == needed, name


def test_an_older_state_put_back_is_noticed(whole: Small) -> None:
    state = CheckState()
    reports(whole, whole.objects, state)
    newest = max(name for name in whole.objects if name.startswith("redis/bases/"))
    since = newest.rpartition("/")[2][:15]
    older = {
        name: data
        for name, data in whole.objects.items()
        if not (
            name.startswith("redis/")
            and (name.rpartition("/")[2] >= since or name > "redis/journal/f00dfeed/0000000000000d")
        )
    }
    older |= {name: data for name, data in whole.objects.items() if what_is(name) in ("pack", "bundle")}
    assert newest not in older
    found = named(reports(whole, older, state))
    gone = {name for name in whole.objects if name not in older}
    assert {what_is(name) for name in gone} >= {"base", "receipt", "lease", "segment", "index"}
    assert gone <= found


def _is_since(name: str, time: str) -> bool:
    if what_is(name) == "segment":
        return name.rpartition("/")[2] >= "0000000000000d"
    return name.startswith("redis/") and name.rpartition("/")[2] >= time


@pytest.mark.parametrize("own", [1, 2], ids=["the same id and other keys", "another id and other keys"])
def test_objects_of_another_repository_for_the_same_recipients_are_named(
    whole: Small, tmp_path: Path, own: int
) -> None:
    other = another(whole, tmp_path, own)
    same = [name for name in others(whole) if name in other.objects and what_is(name) != "kit"]
    assert {what_is(name) for name in same} >= {"index", "base", "lease", "receipt", "segment", "bundle", "key", "run"}
    objects = {**whole.objects, **{name: other.objects[name] for name in same}}
    assert set(same) <= named(reports(whole, objects))
    for name in same:
        restores(whole, {**whole.objects, name: other.objects[name]})
    for name in filter(opens, whole.objects):
        assert restores(whole, {**whole.objects, name: other.objects[name]})


def another(whole: Small, folder: Path, own: int) -> Small:
    """As `whole` was made, with the same names, but for its keys, and with 2 for its id too."""
    drawn = seeded(1)
    recipient = new_identity(drawn)
    made = small(folder, random=_Draws(drawn, seeded(99), since=own), recipient=recipient)
    assert made.identity == whole.identity
    return made


class _Draws:
    """Randomness that repeats another's but for the draws by which a repository gets its id (1) and keys (2, 3)."""

    def __init__(self, same: Callable[[int], bytes], apart: Callable[[int], bytes], *, since: int) -> None:
        self._same, self._apart = same, apart
        self._different = (2, 3) if since == 1 else (1, 2, 3)
        self._count = 0

    def __call__(self, count: int) -> bytes:
        self._count += 1
        drawn = self._same(count)
        return self._apart(count) if self._count in self._different else drawn
