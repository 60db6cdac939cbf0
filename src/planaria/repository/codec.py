"""Compression of pieces: zstd at a low level, or raw where it saves less than 3 %."""

from dataclasses import dataclass, field

import zstandard

from planaria.core.errors import DamagedData
from planaria.repository.sealed import MAXIMUM_PLAIN, Codec

WORTH_IT = 0.97


@dataclass(slots=True)
class Encoder:
    """For one thread: zstd contexts are not shared."""

    level: int = 1
    _zstd: zstandard.ZstdCompressor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._zstd = zstandard.ZstdCompressor(level=self.level)

    def encode(self, plain: bytes | bytearray | memoryview) -> tuple[Codec, bytes | bytearray | memoryview]:
        small = self._zstd.compress(plain)
        return (Codec.ZSTD, small) if len(small) < WORTH_IT * len(plain) else (Codec.RAW, plain)


@dataclass(slots=True)
class Decoder:
    """For one thread."""

    _zstd: zstandard.ZstdDecompressor = field(default_factory=zstandard.ZstdDecompressor, repr=False)

    def decode(self, codec: Codec, payload: bytes, plain_size: int, object_name: str) -> bytes:
        """Bounded by `plain_size`, which is authenticated. Raises DamagedData."""
        plain = payload
        if codec is Codec.ZSTD:
            try:
                if zstandard.frame_content_size(payload) != plain_size or plain_size > MAXIMUM_PLAIN:
                    raise zstandard.ZstdError
                plain = self._zstd.decompress(payload, max_output_size=plain_size, allow_extra_data=False)
            except zstandard.ZstdError:
                raise DamagedData(f"{object_name} does not decompress", object_name=object_name) from None
        if len(plain) != plain_size:
            raise DamagedData(f"{object_name} has a piece of the wrong size", object_name=object_name)
        return plain
