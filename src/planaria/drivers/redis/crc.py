"""CRC-64 as Redis uses it: polynomial 0xad93d23594c935a9 reflected, no initial or final inversion.

The check value of "123456789" is 0xe9c6d914c4b8d9ca (redis/redis src/crc64.c).
"""

import anycrc

from planaria.drivers.redis.resp import Bytes

_REDIS = anycrc.Model("CRC64-REDIS")


def crc64(data: Bytes, crc: int = 0) -> int:
    """The checksum of what had the checksum `crc`, followed by `data`."""
    return int(_REDIS.calc(data, crc))


class Crc64:
    """The checksum of a stream of pieces, of any size."""

    def __init__(self) -> None:
        self._crc = 0

    def feed(self, data: Bytes) -> None:
        self._crc = crc64(data, self._crc)

    def value(self) -> int:
        """Of all fed so far."""
        return self._crc
