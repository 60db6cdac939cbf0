"""How a store is reached and asked to keep what it is given. Secrets arrive resolved and are never shown."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Encryption = Literal["AES256", "aws:kms", "aws:kms:dsse"]


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """Only s3:// takes all of them; without keys, the host's own are used, as AWS tools find them."""

    endpoint: str | None = None
    """Of an S3 that is not AWS: `https://s3.example.org`."""
    region: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    sse: Encryption | None = None
    """Encryption by the store, under ours. A `sse_kms_key` alone means `aws:kms`."""
    sse_kms_key: str | None = None
    """Key id, ARN or alias."""
    checksum: Literal["sha256"] | None = "sha256"
    """Sent with every put for the store to verify."""
    path_style: bool = False
    """`https://host/bucket` instead of `https://bucket.host`."""
    allow_http: bool = False
    ca_file: Path | None = None
    """PEM; trusted besides the system's own."""
    connect_timeout: float = 10.0
    timeout: float = 300.0
    """Seconds for one whole request: 64 MiB at the slowest link that is still of use."""

    @property
    def encryption(self) -> Encryption | None:
        return self.sse or ("aws:kms" if self.sse_kms_key else None)
