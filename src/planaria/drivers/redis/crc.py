"""CRC-64 as Redis uses it: polynomial 0xad93d23594c935a9 reflected, no initial or final inversion.

The check value of "123456789" is 0xe9c6d914c4b8d9ca (redis/redis src/crc64.c). Equal to the remainder of the bytes,
least significant bit first, as a polynomial over GF(2).
"""

from planaria.drivers.redis.resp import Bytes

REFLECTED = 0x95AC9329AC4BC9B5


def _table() -> list[int]:
    found = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (REFLECTED if byte & 1 else 0)
        found.append(byte)
    return found


_TABLE = _table()


def crc64(data: Bytes, crc: int = 0) -> int:
    """The checksum of what had the checksum `crc`, followed by `data`."""
    for byte in bytes(data):
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc


class Crc64:
    """The checksum of a stream of pieces."""

    def __init__(self) -> None:
        self._crc = 0

    def feed(self, data: Bytes) -> None:
        self._crc = crc64(data, self._crc)

    def value(self) -> int:
        return self._crc
