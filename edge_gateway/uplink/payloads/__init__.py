"""One file a format: from a batch to the bytes of a message."""

from __future__ import annotations

import gzip
from enum import StrEnum

# Measured: a pack of one reading is 179 bytes and 149 with gzip, one of a single event 177 and 162.
# Shorter packs repeat nothing that wins gzip's own 18 bytes back.
GZIP_FROM_BYTES = 150


class Encoding(StrEnum):
    """How the bytes of a message stand for its content type."""

    IDENTITY = "identity"
    GZIP = "gzip"


def squeeze(body: bytes) -> tuple[bytes, Encoding]:
    """Compress when that makes it shorter."""
    if len(body) >= GZIP_FROM_BYTES:
        short = gzip.compress(body, 6, mtime=0)
        if len(short) < len(body):
            return short, Encoding.GZIP
    return body, Encoding.IDENTITY
