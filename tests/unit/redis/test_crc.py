"""The checksum of Redis, however long the data and however it comes."""

import random

import pytest

from planaria.drivers.redis import crc


def by_the_bit(data: bytes, value: int = 0) -> int:
    """The definition, without any table."""
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (crc.REFLECTED if value & 1 else 0)
    return value


def test_check_value_of_the_catalogue() -> None:
    assert crc.crc64(b"123456789") == 0xE9C6D914C4B8D9CA


def test_the_folding_identity_holds() -> None:
    low = 0
    for exponent in crc.NEAR:
        low ^= crc.power(exponent)
    assert crc.power(crc.FAR) == low


def test_power_is_repeated_multiplication() -> None:
    value = crc.power(0)
    for exponent in range(130):
        assert crc.power(exponent) == value
        value = crc.times(value, crc.power(1))


@pytest.mark.parametrize("size", [*range(20), *range(120, 150), 255, 256, 257, 263, 264, 265, 266, 1000, 4105, 4106])
@pytest.mark.parametrize("begun", [0, 0x0123456789ABCDEF])
def test_long_data_is_folded_right(size: int, begun: int) -> None:
    data = random.Random(size).randbytes(size)
    assert crc.crc64(data, begun) == by_the_bit(data, begun)


@pytest.mark.parametrize("size", [crc.FAR // 8, crc.FAR // 8 * 3 + 5])
def test_a_long_stream_is_folded_right(size: int) -> None:
    """The halving and the far folding share nothing but the table."""
    data = random.Random(size).randbytes(size)
    stream = crc.Crc64()
    for start in range(0, size, 1_000_003):
        stream.feed(memoryview(data)[start : start + 1_000_003])
    assert stream.value() == crc.crc64(data)
    stream.feed(b"more")
    assert stream.value() == crc.crc64(data + b"more")
