"""The few items of CBOR (RFC 8949) that SenML needs."""

from __future__ import annotations

import struct
from collections.abc import Iterable

_NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP = 0x20, 0x40, 0x60, 0x80, 0xA0
_DECIMAL_FRACTION = b"\xc4\x82"  # tag 4, an array of two: exponent, mantissa
_BIGNUM, _NEGATIVE_BIGNUM = b"\xc2", b"\xc3"

_two = struct.Struct(">BH").pack
_four = struct.Struct(">BI").pack
_eight = struct.Struct(">BQ").pack


def integer(value: int) -> bytes:
    """An integer of any size (RFC 8949 sections 3.1 and 3.4.3)."""
    if value >= 0:
        return _head(0, value) if value < 1 << 64 else _BIGNUM + _big(value)
    rest = -1 - value
    return _head(_NEGATIVE, rest) if rest < 1 << 64 else _NEGATIVE_BIGNUM + _big(rest)


def decimal(mantissa: int, decimals: int) -> bytes:
    """The mantissa times 10**-decimals as a decimal fraction (section 3.4.4); 1 to 24 decimals."""
    return _DECIMAL_FRACTION + bytes((_NEGATIVE + decimals - 1,)) + integer(mantissa)


def scaled(values: Iterable[int | None], decimals: int) -> dict[int, bytes]:
    """Values in units of 10**-decimals, each as it is written: whole ones as integers."""
    if decimals == 0:
        return {value: integer(value) for value in values if value is not None}
    scale = 10**decimals
    fraction = _DECIMAL_FRACTION + bytes((_NEGATIVE + decimals - 1,))
    return {
        value: fraction + integer(value) if value % scale else integer(value // scale)
        for value in values
        if value is not None
    }


def text(words: str) -> bytes:
    """A text string."""
    encoded = words.encode()
    return _head(_TEXT, len(encoded)) + encoded


def array_head(length: int) -> bytes:
    """The beginning of an array of `length` items."""
    return _head(_ARRAY, length)


def map_head(length: int) -> bytes:
    """The beginning of a map of `length` pairs."""
    return _head(_MAP, length)


def _big(value: int) -> bytes:
    encoded = value.to_bytes((value.bit_length() + 7) // 8)
    return _head(_BYTES, len(encoded)) + encoded


def _head(major: int, argument: int) -> bytes:
    if argument < 24:  # noqa: PLR2004  RFC 8949 section 3: below this it is in the first byte
        return bytes((major | argument,))
    if argument < 1 << 8:
        return bytes((major | 24, argument))
    if argument < 1 << 16:
        return _two(major | 25, argument)
    if argument < 1 << 32:
        return _four(major | 26, argument)
    return _eight(major | 27, argument)
