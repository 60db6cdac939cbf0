"""LZF, the compression of strings in an RDB. No IO.

A control byte below 32 is followed by that many + 1 literal bytes. Any other holds a length (its top three bits; 7:
a byte with the rest follows) + 2, and a distance (its low five bits, then a byte) + 1 back into what was written
(liblzf: lzf_d.c).
"""

from planaria.drivers.redis.resp import Bytes


def decompress(data: Bytes, size: int) -> bytes:
    """Exactly `size` bytes. Raises ValueError."""
    out = bytearray()
    position, end = 0, len(data)
    try:
        while position < end:
            control = data[position]
            position += 1
            if control < 32:
                literals = data[position : position + control + 1]
                if len(literals) != control + 1:
                    raise ValueError("compressed data is cut")
                out += literals
                position += control + 1
            else:
                length = control >> 5
                if length == 7:
                    length += data[position]
                    position += 1
                distance = ((control & 31) << 8 | data[position]) + 1
                position += 1
                _copy(out, distance, length + 2)
            if len(out) > size:
                break
    except IndexError:
        raise ValueError("compressed data is cut") from None
    if len(out) != size:
        raise ValueError(f"compressed data is not {size} bytes long")
    return bytes(out)


def _copy(out: bytearray, distance: int, length: int) -> None:
    start = len(out) - distance
    if start < 0:
        raise ValueError("compressed data refers to bytes before its beginning")
    if distance >= length:
        out += out[start : start + length]
    else:
        pattern = bytes(out[start:])
        out += (pattern * (length // distance + 1))[:length]
