"""Encodings that no server at hand writes any more, or not yet, put together by hand from their descriptions."""

import struct
from collections.abc import Callable

import pytest

from planaria.drivers.redis.lzf import decompress
from planaria.drivers.redis.packed import intset, listpack, ziplist, zipmap
from planaria.drivers.redis.rdb_scan import Kind, RdbError, skip_value
from planaria.drivers.redis.rdb_values import Hash, Module, Value, decode, module_name


def text(content: bytes) -> bytes:
    """A string as an RDB has it."""
    size = len(content)
    if size < 64:
        return bytes((size,)) + content
    if size < 16384:
        return (0x4000 | size).to_bytes(2, "big") + content
    return b"\x80" + size.to_bytes(4, "big") + content


def decoded(kind: Kind, raw: bytes, version: int = 12) -> Value:
    assert skip_value(kind, raw, 0, version) == len(raw)
    return decode(kind, raw, version)


def packed_list(*entries: bytes) -> bytes:
    """A listpack of short texts."""
    body = b"".join(bytes((0x80 | len(entry),)) + entry + bytes((1 + len(entry),)) for entry in entries)
    return struct.pack("<IH", len(body) + 7, len(entries)) + body + b"\xff"


def zipped(*entries: bytes) -> bytes:
    """A ziplist of entries that are encoded already; the length of the one before stands in front of each."""
    body, before = b"", 0
    for entry in entries:
        body += (bytes((before,)) if before < 254 else b"\xfe" + struct.pack("<I", before)) + entry
        before = len(entry) + (1 if before < 254 else 5)
    return struct.pack("<IIH", len(body) + 11, 10, len(entries)) + body + b"\xff"


@pytest.mark.parametrize("size", [0, 63, 64, 16383, 16384, 70_000])
def test_strings_of_every_length(size: int) -> None:
    assert decoded(Kind.STRING, text(b"x" * size)) == b"x" * size


def test_a_length_of_eight_bytes() -> None:
    assert decoded(Kind.STRING, b"\x81" + (5).to_bytes(8, "big") + b"hello") == b"hello"


def test_list_and_set_of_strings() -> None:
    raw = b"\x02" + text(b"a") + b"\xc1\x2c\x01"
    assert decoded(Kind.LIST, raw) == [b"a", b"300"]
    assert decoded(Kind.SET, raw) == {b"a", b"300"}


def test_scores_as_text() -> None:
    raw = b"\x04" + text(b"a") + b"\x03" + b"1.5" + text(b"b") + b"\xfe" + text(b"c") + b"\xff" + text(b"d") + b"\x02-2"
    assert decoded(Kind.ZSET, raw) == {b"a": 1.5, b"b": float("inf"), b"c": float("-inf"), b"d": -2.0}


def test_zipmap() -> None:
    packed = b"\x02" + b"\x01a" + b"\x02\x03v1***" + b"\xfe\x02\x00\x00\x00bb" + b"\x01\x00w" + b"\xff"
    assert decoded(Kind.HASH_ZIPMAP, text(packed)) == Hash({b"a": b"v1", b"bb": b"w"})


def test_ziplist_of_every_width() -> None:
    entries = [
        *(b"\x03abc", b"\x40\x46" + b"y" * 70, b"\x80\x00\x00\x01\x00" + b"z" * 256),
        *(b"\xc0\x2c\x01", b"\xd0" + struct.pack("<i", -70_000), b"\xe0" + struct.pack("<q", -(2**63))),
        *(b"\xf0\xff\xff\x7f", b"\xfe\x80", b"\xf1", b"\xfd"),
    ]
    values = [
        b"abc",
        b"y" * 70,
        b"z" * 256,
        b"300",
        b"-70000",
        b"-9223372036854775808",
        b"8388607",
        b"-128",
        b"0",
        b"12",
    ]
    assert decoded(Kind.LIST_ZIPLIST, text(zipped(*entries))) == values
    assert decoded(Kind.LIST_QUICKLIST, b"\x02" + text(zipped(*entries)) + text(zipped(b"\x01q"))) == [*values, b"q"]


def test_fields_that_expire_in_redis() -> None:
    at = 1_900_000_000_000
    least = struct.pack("<q", at)
    fields = text(b"a") + text(b"1") + b"\x01" + text(b"b") + text(b"2") + b"\x06" + text(b"c") + text(b"3")
    expected = Hash({b"a": b"1", b"b": b"2", b"c": b"3"}, {b"b": at, b"c": at + 5})
    assert decoded(Kind.HASH_METADATA, least + b"\x03\x00" + fields) == expected
    three = packed_list(b"a", b"1", b"0", b"b", b"2", b"%d" % at, b"c", b"3", b"%d" % (at + 5))
    assert decoded(Kind.HASH_LISTPACK_EX, least + text(three)) == expected
    assert decoded(Kind.HASH_LISTPACK_EX_PRE_GA, text(three)) == expected


def test_type_22_is_another_in_each_family() -> None:
    candidate = b"\x01" + b"\x81" + (1_900_000_000_000).to_bytes(8, "big") + text(b"f") + text(b"v")
    assert decoded(Kind.HASH_22, candidate, 12) == Hash({b"f": b"v"}, {b"f": 1_900_000_000_000})
    valkey = b"\x02" + text(b"f") + text(b"v") + struct.pack("<q", -1) + text(b"g") + text(b"w") + struct.pack("<q", 7)
    assert decoded(Kind.HASH_22, valkey, 80) == Hash({b"f": b"v", b"g": b"w"}, {b"g": 7})


def test_a_modules_value_is_skipped_and_named() -> None:
    """`ReJSON-RL` of encoding version 3: nine letters of six bits and ten bits of version."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    number = 0
    for letter in "ReJSON-RL":
        number = number << 6 | letters.index(letter)
    number = number << 10 | 3
    assert module_name(number) == "ReJSON-RL"
    parts = b"\x01\x05" + b"\x02\x06" + b"\x03" + bytes(4) + b"\x04" + bytes(8) + b"\x05" + text(b"doc") + b"\x00"
    raw = b"\x81" + number.to_bytes(8, "big") + parts
    assert decoded(Kind.MODULE_2, raw) == Module("ReJSON-RL", parts)


@pytest.mark.parametrize(("size", "behind"), [(125, b"\x7f"), (126, b"\x01\x80"), (4093, b"\x1f\xff")])
def test_the_length_behind_an_entry_takes_a_byte_for_seven_bits(size: int, behind: bytes) -> None:
    """An entry of two bytes of head: 127 bytes in all, 128, 4095."""
    body = (0xE000 | size).to_bytes(2, "big") + b"x" * size + behind + b"\x01\x01"
    assert listpack(struct.pack("<IH", len(body) + 7, 2) + body + b"\xff") == [b"x" * size, b"1"]


@pytest.mark.parametrize("behind", [b"\x7f\xff", b"\x00\xff\xff"], ids=["valkey", "redis"])
def test_an_entry_whose_length_fills_its_groups_ends_in_two_ways(behind: bytes) -> None:
    entry = b"\xf0" + struct.pack("<I", 2**14 - 6) + b"x" * (2**14 - 6)
    body = entry + behind + b"\x81a\x02"
    assert listpack(struct.pack("<IH", len(body) + 7, 2) + body + b"\xff") == [b"x" * (2**14 - 6), b"a"]


@pytest.mark.parametrize(
    ("packed", "size", "unpacked"),
    [
        (b"\x02abc", 3, b"abc"),
        (b"\x00a\x80\x00", 7, b"aaaaaaa"),
        (b"\x02abc\xe0\x05\x02", 17, b"abcabcabcabcabcab"),
        (b"\x03abcd\x20\x03", 7, b"abcdabc"),
    ],
)
def test_lzf(packed: bytes, size: int, unpacked: bytes) -> None:
    assert decompress(packed, size) == unpacked


@pytest.mark.parametrize(
    ("packed", "size"),
    [
        *((b"\x02ab", 3), (b"\x20\x00", 3), (b"\x00a\x20", 4), (b"\x00a\xe0", 9), (b"\x02abc", 4), (b"\x02abc", 2)),
        (b"\x02abc\xa0\x04", 7),
    ],
)
def test_damaged_lzf_is_refused(packed: bytes, size: int) -> None:
    with pytest.raises(ValueError, match="compressed data"):
        decompress(packed, size)


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (listpack, b""),
        (listpack, packed_list(b"a") + b"x"),
        (listpack, packed_list(b"a")[:-1] + b"\x00"),
        (listpack, struct.pack("<IH", 9, 2) + b"\x01\x01\xff"),
        (listpack, struct.pack("<IH", 9, 1) + b"\xf5\x01\xff"),
        (ziplist, zipped(b"\x01a")[:-1]),
        (ziplist, struct.pack("<IIH", 13, 10, 1) + b"\x00\x3f\xff"),
        (ziplist, struct.pack("<IIH", 13, 10, 1) + b"\x00\xff\xff"),
        (zipmap, b"\x01\x01a"),
        (zipmap, b"\x01\x01a\xff"),
        (intset, struct.pack("<II", 3, 1) + bytes(3)),
        (intset, struct.pack("<II", 2, 3) + bytes(4)),
        (intset, b""),
    ],
)
def test_damaged_arrays_are_refused(read: Callable[[bytes], list[bytes]], data: bytes) -> None:
    with pytest.raises(ValueError, match=r"listpack|ziplist|zipmap|intset"):
        read(data)


@pytest.mark.parametrize(
    ("kind", "raw", "message"),
    [
        (Kind.SET, b"\x02" + text(b"a") * 2, "an element twice"),
        (Kind.HASH, b"\x02" + (text(b"a") + text(b"1")) * 2, "is there twice"),
        (Kind.ZSET_2, b"\x02" + (text(b"a") + bytes(8)) * 2, "is there twice"),
        (Kind.HASH_LISTPACK, text(packed_list(b"a", b"1", b"b")), "no value"),
        (Kind.HASH_LISTPACK_EX, bytes(8) + text(packed_list(b"a", b"1")), "no expiry"),
        (Kind.LIST_QUICKLIST_2, b"\x01\x03" + text(b"a"), "node of type 3"),
        (Kind.ZSET_LISTPACK, text(packed_list(b"a", b"high")), "could not convert"),
    ],
)
def test_values_that_no_server_would_hold_are_refused(kind: Kind, raw: bytes, message: str) -> None:
    with pytest.raises(RdbError, match=message):
        decoded(kind, raw)
