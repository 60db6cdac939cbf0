"""Writes the manifest of a base as it grows: lines into pieces of at most 1 MiB, pieces into packs."""

from planaria.repository.bases import ManifestPiece
from planaria.repository.codec import Encoder
from planaria.repository.keys import ComponentKeys
from planaria.repository.manifest import PIECE, Filed, line_of
from planaria.repository.packs import PackWriter, Placed, Uploads
from planaria.repository.repository import Repository
from planaria.repository.sealed import Kind, SlotKind


class ManifestWriter:
    """Used by one thread. Manifest pieces are not deduplicated: they are small, and found without an index."""

    def __init__(self, repository: Repository, keys: ComponentKeys, pack_size: int) -> None:
        self._keys, self._encoder = keys, Encoder()
        self._uploads = Uploads(repository, keys.component, buffers=2, on_durable=self._landed)
        self._writer = PackWriter(
            repository, keys, self._uploads, keys.index, Kind.META, pack_size=min(pack_size, 2 * PIECE), verify_every=1
        )
        self._lines = bytearray()
        self._order: list[bytes] = []
        self._placed: dict[bytes, Placed] = {}
        self.files = 0
        self.bytes_logical = 0

    def add(self, filed: Filed) -> None:
        self._lines += line_of(filed)
        self.files += 1
        self.bytes_logical += filed.entry.size
        while len(self._lines) >= PIECE:
            self._cut(PIECE)

    def _cut(self, size: int) -> None:
        piece = bytes(self._lines[:size])
        del self._lines[:size]
        chunk_id = self._keys.id_of(piece)
        if chunk_id not in self._order:
            codec, payload = self._encoder.encode(piece)
            self._writer.add(chunk_id, codec, payload, len(piece), SlotKind.RECORD)
        self._order.append(chunk_id)

    def _landed(self, placed: list[Placed]) -> None:
        self._placed |= {one.chunk_id: one for one in placed}

    def finish(self) -> tuple[ManifestPiece, ...]:
        """Everything durable; where it lies."""
        if self._lines:
            self._cut(len(self._lines))
        self._writer.flush()
        self._uploads.wait()
        placed = (self._placed[chunk] for chunk in self._order)
        return tuple(ManifestPiece(one.chunk_id, one.location, one.plain_size) for one in placed)

    @property
    def bytes_stored(self) -> int:
        return self._uploads.bytes_stored

    def close(self) -> None:
        self._writer.abandon()
        self._uploads.close()
