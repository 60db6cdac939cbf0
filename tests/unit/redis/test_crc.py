"""The checksum of Redis, however long the data and however it comes."""

import random

import pytest

from planaria.drivers.redis import crc

REFLECTED = 0x95AC9329AC4BC9B5


def by_the_bit(data: bytes, value: int = 0) -> int:
    """The definition, without any table."""
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (REFLECTED if value & 1 else 0)
    return value


def test_check_value_of_the_catalogue() -> None:
    assert crc.crc64(b"123456789") == 0xE9C6D914C4B8D9CA


@pytest.mark.parametrize("size", [*range(20), 255, 256, 257, 1000, 4106])
@pytest.mark.parametrize("begun", [0, 0x0123456789ABCDEF])
def test_it_is_the_definition_and_goes_on_from_any_checksum(size: int, begun: int) -> None:
    data = random.Random(size).randbytes(size)
    assert crc.crc64(data, begun) == by_the_bit(data, begun)


def test_a_stream_in_pieces_has_the_checksum_of_the_whole() -> None:
    data = random.Random(7).randbytes(3_000_000)
    stream = crc.Crc64()
    for start in range(0, len(data), 70_001):
        stream.feed(memoryview(data)[start : start + 70_001])
    assert stream.value() == crc.crc64(data)
    stream.feed(bytearray(b"more"))
    assert stream.value() == crc.crc64(data + b"more")
