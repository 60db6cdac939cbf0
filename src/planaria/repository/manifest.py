"""The manifest of a base: one JSON line a file, in the order the driver wrote them. Pure.

    {"path": …, "size": …, "meta": {…}, "chunks": base64url of the 32-byte chunk ids in order, "piece": 1048576}

`piece` is the plain size of every chunk but the last; `sizes` lists them all instead where they were cut by content.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from planaria.core.base import Entry
from planaria.core.errors import DamagedData
from planaria.repository.recipients import bytes_of, text_of
from planaria.repository.sealed import canonical, natural, string

PIECE = 1 << 20
ID = 32


@dataclass(frozen=True, slots=True)
class Filed:
    """A file of a base: its entry, and the chunks that hold its content."""

    entry: Entry
    chunks: bytes
    """Chunk ids, concatenated."""
    sizes: tuple[int, ...] | None = None
    """Plain sizes, where they are not PIECE, PIECE, …, rest."""

    def pieces(self) -> Iterator[tuple[bytes, int, int]]:
        """(chunk id, offset in the file, plain size) of each chunk."""
        offset = 0
        for number in range(len(self.chunks) // ID):
            size = self.sizes[number] if self.sizes is not None else min(PIECE, self.entry.size - offset)
            yield self.chunks[number * ID : number * ID + ID], offset, size
            offset += size


def line_of(filed: Filed) -> bytes:
    entry = filed.entry
    fields: dict[str, object] = {"path": entry.path, "size": entry.size, "meta": dict(entry.meta)}
    if filed.chunks:
        fields["chunks"] = text_of(filed.chunks)
        fields |= {"piece": PIECE} if filed.sizes is None else {"sizes": list(filed.sizes)}
    return canonical(fields) + b"\n"


def filed_of(line: bytes, object_name: str) -> Filed:
    """Raises DamagedData: what it says of sizes must add up."""
    try:
        fields = json.loads(line)
        entry = Entry(string(fields["path"]), natural(fields["size"]), dict(fields["meta"].items()))
        chunks = bytes_of(fields.get("chunks", ""))
        sizes = tuple(natural(size) for size in fields["sizes"]) if "sizes" in fields else None
        count = len(sizes) if sizes is not None else -(-entry.size // PIECE)
        adds_up = sum(sizes) == entry.size if sizes is not None else fields.get("piece", PIECE) == PIECE
        if len(chunks) != count * ID or not adds_up:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DamagedData(f"the manifest of {object_name} is unreadable", object_name=object_name) from None
    return Filed(entry, chunks, sizes)


def lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Lines out of a stream that was cut anywhere."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest:
        yield rest
