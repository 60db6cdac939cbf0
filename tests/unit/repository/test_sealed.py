"""Sealed objects: what binds them to their place, byte by byte."""

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import blake3
import pytest

from planaria.core.errors import DamagedData, PlanariaError
from planaria.repository.base_reader import PackReader
from planaria.repository.bundles import open_bundle
from planaria.repository.check_reading import read_pack
from planaria.repository.keys import parse_key_object
from planaria.repository.layout import What, component_of, what_is
from planaria.repository.packs import pack_name
from planaria.repository.records import open_record
from planaria.repository.repository import Repository, believe_root
from planaria.repository.sealed import (
    INDEX_KEY_ID,
    SALT,
    Codec,
    Kind,
    Opener,
    Scope,
    Sealer,
    SealingKey,
    SlotKind,
    believe,
    believe_body,
    canonical,
    parse_header,
    slots,
)
from planaria.repository.segments import open_segment
from planaria.storage.contract import ObjectInfo
from planaria.storage.memory import MemoryStore
from tests.support.clocks import seeded
from tests.support.small_repository import FILES, Small, small

SCOPE = Scope("ab", "redis", Kind.BASE, "redis/bases/x")
KEY = SealingKey("k1", b"s" * 32, b"a" * 32)
SALTED = b"\x07" * SALT


def sealed(
    scope: Scope = SCOPE, key: SealingKey = KEY, parts: tuple[bytes, ...] = (b"one", b"two"), capacity: int = 16
) -> bytes:
    sealer = Sealer(capacity)
    sealer.begin(scope, key, SALTED)
    for part in parts:
        sealer.add(part, codec=Codec.RAW, kind=SlotKind.RECORD, plain_size=len(part))
    return sealer.finish_named({"facts": True}) if scope.name else bytes(sealer.finish())


def opened(data: bytes, scope: Scope = SCOPE, key: SealingKey = KEY) -> list[bytes]:
    header = parse_header(data, "it")
    believe(header, key.auth, scope, "it")
    if scope.name:
        believe_body(header, data)
    opener, view = Opener(header, key.secret, "it"), memoryview(data)
    return [opener.open(slot, view[slot.offset :]) for slot in slots(view, header.end, "it")][:-1]


def test_what_was_sealed_opens_again() -> None:
    assert opened(sealed()) == [b"one", b"two"]
    pack = replace(SCOPE, kind=Kind.PACK, name="")
    assert opened(sealed(pack), pack) == [b"one", b"two"]


def test_the_bytes_are_those_of_the_format() -> None:
    data = sealed()
    magic, version, kind, length = struct.unpack_from("<8sHHI", data)
    assert (magic, version, kind) == (b"PLANARIA", 1, 4)
    header = parse_header(data, "it")
    assert data[16 : 16 + length] == canonical(
        {
            "body": header.body_hash,
            "component": "redis",
            "facts": {"facts": True},
            "key": "k1",
            "name": "redis/bases/x",
            "repository": "ab",
            "salt": SALTED.hex(),
            "size": len(data) - header.end,
        }
    )
    assert header.end == 16 + length + 64
    first = struct.unpack_from("<IBBHII32s", data, header.end)
    assert first == (0, 0, 2, 0, 3, 3 + 16, bytes(32))


def test_a_buffer_grows_as_it_must_and_serves_again() -> None:
    sealer = Sealer(1)
    for size in (10_000, 3):
        sealer.begin(SCOPE, KEY, SALTED)
        sealer.add(b"x" * size, codec=Codec.RAW, kind=SlotKind.RECORD, plain_size=size)
        assert opened(sealer.finish_named({"facts": True})) == [b"x" * size]


@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(SCOPE, repository="ba"),
        replace(SCOPE, component="files"),
        replace(SCOPE, kind=Kind.RUN),
        replace(SCOPE, name="redis/bases/y"),
    ],
    ids=["repository", "component", "kind", "name"],
)
def test_an_object_is_bound_to_its_place(elsewhere: Scope) -> None:
    with pytest.raises(DamagedData, match="holds another object"):
        opened(sealed(), elsewhere)
    with pytest.raises(DamagedData, match="holds another object"):
        opened(sealed(elsewhere))


def test_a_slot_of_one_object_opens_in_no_other() -> None:
    pack = replace(SCOPE, kind=Kind.PACK, name="")
    mine = sealed(pack)
    others = {
        "repository": sealed(replace(pack, repository="ba")),
        "component": sealed(replace(pack, component="filed")),
        "kind": sealed(replace(pack, kind=Kind.META)),
        "key": sealed(pack, replace(KEY, id="k2")),
        "secret": sealed(pack, replace(KEY, secret=b"t" * 32)),
    }
    start = parse_header(mine, "it").end
    for what, other in others.items():
        begin = parse_header(other, "it").end
        with pytest.raises(DamagedData, match="slot 0"):
            opened(mine[:start] + other[begin:], pack)
        assert len(other) - begin == len(mine) - start, what


def test_slots_cannot_change_places_be_left_out_or_said_twice() -> None:
    pack = replace(SCOPE, kind=Kind.PACK, name="")
    data = sealed(pack)
    header = parse_header(data, "it")
    one, two, end = (data[slot.offset : slot.offset + slot.size] for slot in slots(memoryview(data), header.end, "it"))
    head = data[: header.end]
    for wrong in (two + one + end, one + end, one + one + two + end, one + two, end, b"", one + two + end + end):
        with pytest.raises(DamagedData):
            opened(head + wrong, pack)
    renumbered = struct.pack("<I", 0) + two[4:]
    with pytest.raises(DamagedData, match="slot 0"):
        opened(head + renumbered + end, pack)


def test_an_object_opens_with_its_own_key_only() -> None:
    with pytest.raises(DamagedData, match="not written with the key"):
        opened(sealed(), key=replace(KEY, secret=b"t" * 32))
    with pytest.raises(DamagedData, match="seal does not verify"):
        opened(sealed(), key=replace(KEY, auth=b"b" * 32))


def test_an_object_of_another_format_is_damage_in_a_repository_of_this_one() -> None:
    data = bytearray(sealed())
    data[8] = 2
    with pytest.raises(DamagedData, match="format 2"):
        parse_header(bytes(data), "it")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b"\xff",
        b"[" * 5000,
        b'{"repository":"ab","component":"c","key":"k","salt":"00"}',
        b'{"repository":"ab","component":"c","key":"k","salt":5}',
        b'{"repository":"ab","component":"c","key":"k","salt":"' + b"00" * 32 + b'","size":Infinity}',
        b'{"repository":"ab","component":"c","key":"k","salt":"' + b"00" * 32 + b'","size":NaN}',
        b'{"repository":"ab","component":"c","key":"k","salt":"' + b"00" * 32 + b'","facts":[]}',
    ],
)
def test_a_header_that_is_none_is_damage(text: bytes) -> None:
    data = struct.pack("<8sHHI", b"PLANARIA", 1, 4, len(text)) + text + bytes(64)
    with pytest.raises(DamagedData, match="unreadable header"):
        parse_header(data, "it")


def test_a_header_that_claims_to_be_huge_is_not_waited_for() -> None:
    data = struct.pack("<8sHHI", b"PLANARIA", 1, 4, 0xFFFFFFFF) + bytes(100)
    with pytest.raises(DamagedData, match="cut short"):
        parse_header(data, "it")


def test_keys_show_no_secret() -> None:
    assert "ssss" not in repr(KEY)
    assert "aaaa" not in repr(KEY)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return small(Path(tmp_path_factory.mktemp("spool")))


def open_by_kind(repository: Repository, name: str, data: bytes) -> None:
    """As whoever needs the object does: whatever is wrong with it is an error."""
    component = component_of(name)
    records: dict[What | None, Kind] = {
        "run": Kind.RUN,
        "base": Kind.BASE,
        "index": Kind.INDEX,
        "lease": Kind.LEASE,
        "receipt": Kind.LEASE,
        "mark": Kind.MARK,
    }
    match what_is(name):
        case "key":
            one = parse_key_object(data, name, repository=repository.id)
            one.believe(repository.component(one.component).auth)
        case "root":
            believe_root(data, repository.keys)
        case "segment":
            open_segment(repository, component, name, data)
        case "bundle":
            for member in open_bundle(repository, component, name, data):
                open_segment(repository, component, member.name, member.data)
        case "pack":
            store = MemoryStore(repository.clock)
            store.put(name, data)
            packs = PackReader(replace(repository, store=store, _secrets=repository._secrets), component)
            read_pack(ObjectInfo(name, len(data), repository.clock.now()), packs)
        case what:
            open_record(repository, "" if what == "run" else component, records[what], name, data)


KINDS = ("root", "key", "run", "pack", "index", "base", "lease", "receipt", "segment", "bundle", "mark")


@pytest.mark.parametrize("kind", KINDS)
def test_any_flipped_bit_anywhere_is_damage(whole: Small, kind: str) -> None:
    repository = whole.opened(whole.store())
    name = next(name for name in whole.objects if what_is(name) == kind)
    data, random = whole.objects[name], seeded(1)
    open_by_kind(repository, name, data)
    for at in range(len(data)):
        bit = 1 << random(1)[0] % 8
        with pytest.raises(DamagedData) as caught:
            open_by_kind(repository, name, data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :])
        assert name in caught.value.message


def test_a_pack_that_was_changed_and_named_for_it_is_damage_all_the_same(whole: Small) -> None:
    repository = whole.opened(whole.store())
    names = [name for name in whole.objects if what_is(name) == "pack" and component_of(name) == FILES]
    keys = {parse_header(whole.objects[name], name).key_id for name in names}
    assert len(keys) > 2
    for name in names:
        data, header = whole.objects[name], parse_header(whole.objects[name], name)
        if header.key_id != INDEX_KEY_ID:
            repository.data_key(FILES, header.key_id)  # so that it is at hand
        for at in range(0, len(data), 3):
            changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            with pytest.raises(DamagedData):
                open_by_kind(repository, pack_name(FILES, blake3.blake3(changed).digest()), changed)


@pytest.mark.parametrize("kind", KINDS)
def test_any_length_but_its_own_is_damage(whole: Small, kind: str) -> None:
    repository = whole.opened(whole.store())
    name = next(name for name in whole.objects if what_is(name) == kind)
    data = whole.objects[name]
    changes: list[Callable[[int], bytes]] = [lambda at: data[:at], lambda at: data + bytes(at + 1)]
    for at in range(0, len(data), 7):
        for change in changes:
            with pytest.raises(PlanariaError) as caught:
                open_by_kind(repository, name, change(at))
            assert isinstance(caught.value, DamagedData)
