"""The few items of the protobuf encoding that Sparkplug needs (protobuf.dev, "Encoding")."""

from __future__ import annotations

import struct

_VARINT, _FIXED64, _LENGTH = 0, 1, 2
_WORD = 1 << 64

_double = struct.Struct("<d").pack


def varint(value: int) -> bytes:
    """An integer from -2**63 to 2**64 - 1; a negative one as its two's complement."""
    value %= _WORD
    found = bytearray()
    while value > 0x7F:  # noqa: PLR2004  seven bits a byte
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def number(field: int, value: int) -> bytes:
    """A field of an integer or boolean type."""
    return varint(field << 3 | _VARINT) + varint(value)


def double(field: int, value: float) -> bytes:
    """A field of type double."""
    return varint(field << 3 | _FIXED64) + _double(value)


def message(field: int, body: bytes) -> bytes:
    """A field that holds a message."""
    return varint(field << 3 | _LENGTH) + varint(len(body)) + body


def text(field: int, words: str) -> bytes:
    """A field of type string."""
    return message(field, words.encode())
