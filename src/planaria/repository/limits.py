"""How much of the machine a writer or reader may use."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from planaria.repository.packs import PACK_SIZE

PROCESS = 64 << 20
"""Bytes that a process takes before it holds anything."""
WORKER = 6 << 20
"""Bytes that each worker takes beside its packs: pieces on their way, one compressed, zstd's tables."""


def _uncounted(_: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Limits:
    workers: int = 2
    level: int = 1
    """zstd; 3 pays on links below about 200 MB/s."""
    pack_size: int = PACK_SIZE
    """Bytes; a writer holds up to `workers + 2` packs in memory."""
    verify_every: int = 16
    """Decode every so many new chunks again before they count; 1: all; 0: none. Metadata is always decoded."""
    cache: Path | None = None
    """Where decrypted index runs may be kept, on this host."""
    count: Callable[[int], None] = _uncounted
    """Told the plain bytes of each piece as it passes."""

    @staticmethod
    def for_memory(memory: int, workers: int, cache: Path | None, count: Callable[[int], None]) -> "Limits":
        """`memory` bytes for packs and buffers: smaller packs rather than more memory than was granted."""
        room = max(1 << 20, (memory - PROCESS - workers * WORKER) // (workers + 4))
        return Limits(workers=workers, pack_size=min(PACK_SIZE, room), cache=cache, count=count)
