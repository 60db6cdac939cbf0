"""File names are bytes, paths in a base are text: any name of one is told as the other, exactly. Pure.

Bytes that are not UTF-8 become characters of a private-use range (U+EF80 to U+EFFF stand for 0x80 to 0xFF), and so do
the bytes of characters that are really of that range; nothing else changes, so a path reads as it does in `ls`.
"""

import os

_FIRST, _LAST, _BASE = 0xEF80, 0xEFFF, 0xEF00


def in_base(name: str) -> str:
    """From what `os` functions return, where odd bytes are surrogates."""
    if name.isascii():
        return name
    return "".join(_told(character) for character in name)


def _told(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return chr(_BASE + code - 0xDC00)
    if _FIRST <= code <= _LAST:
        return "".join(chr(_BASE + byte) for byte in character.encode())
    return character


def on_disk(path: str) -> str:
    """What `os` functions take. Raises ValueError for text that no name is told as."""
    if path.isascii():
        return path
    return os.fsdecode(b"".join(_byte(character) for character in path))


def _byte(character: str) -> bytes:
    code = ord(character)
    return bytes((code - _BASE,)) if _FIRST <= code <= _LAST else character.encode()
