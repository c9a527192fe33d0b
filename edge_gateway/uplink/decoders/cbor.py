"""CBOR (RFC 8949) as far as SenML needs it: bytes to Python values. Standard library only."""

from __future__ import annotations

import struct
from fractions import Fraction
from math import inf
from typing import Final, cast

from edge_gateway.uplink.rfc8428 import BadPack

# Major types (RFC 8949 section 3.1) that may be of open length, and the last one.
_ARRAY, _MAP, _SIMPLE_OR_FLOAT = 4, 5, 7
_ONE_BYTE, _WIDEST = 24, 27
_INDEFINITE, _BREAK = 31, 0xFF
_DECIMAL_FRACTION, _BIGNUM, _NEGATIVE_BIGNUM = 4, 2, 3
_SIMPLE: Final = {20: False, 21: True, 22: None, 23: None}
_FLOATS: Final = {25: ">e", 26: ">f", 27: ">d"}

# Packs are an array of maps of numbers; what is deeper or larger is not ours.
_DEEPEST = 8
_MOST_DIGITS = 400


def loads(data: bytes) -> object:
    """The one item that `data` is; integers, floats, texts, lists and dicts. Raises BadPack."""
    reader = _Reader(data)
    try:
        item = reader.item(0)
    except (IndexError, struct.error, UnicodeDecodeError, OverflowError, TypeError) as error:
        raise BadPack(f"not a whole CBOR item: {error}") from error
    if reader.place != len(data):
        raise BadPack("the CBOR item goes on after its end")
    return item


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.place = 0

    def item(self, depth: int) -> object:
        if depth > _DEEPEST:
            raise BadPack("CBOR nested too deeply")
        first = self._data[self.place]
        self.place += 1
        major, low = first >> 5, first & 0x1F
        if major == _SIMPLE_OR_FLOAT:
            return self._simple(low)
        argument = None if low == _INDEFINITE else self._argument(low)
        if major == _ARRAY:
            return self._array(argument, depth)
        if major == _MAP:
            return self._map(argument, depth)
        return self._of_known_length(major, self._known(argument), depth)

    def _of_known_length(self, major: int, argument: int, depth: int) -> object:
        match major:
            case 0:
                return argument
            case 1:
                return -1 - argument
            case 2:
                return self._take(argument)
            case 3:
                return self._take(argument).decode()
            case _:
                return self._tagged(argument, depth)

    def _argument(self, low: int) -> int:
        if low < _ONE_BYTE:
            return low
        if low > _WIDEST:
            raise BadPack(f"CBOR of no known kind: {low}")
        return int.from_bytes(self._take(1 << (low - _ONE_BYTE)))

    def _known(self, argument: int | None) -> int:
        if argument is None:
            raise BadPack("CBOR of a length that is not said")
        return argument

    def _take(self, length: int) -> bytes:
        found = self._data[self.place : self.place + length]
        if len(found) != length:
            raise BadPack("the CBOR is cut short")
        self.place += length
        return found

    def _array(self, length: int | None, depth: int) -> list[object]:
        found: list[object] = []
        while not self._is_over(length, len(found)):
            found.append(self.item(depth + 1))
        return found

    def _map(self, length: int | None, depth: int) -> dict[object, object]:
        found: dict[object, object] = {}
        count = 0
        while not self._is_over(length, count):
            key = self.item(depth + 1)
            if not isinstance(key, (int, str)):
                raise BadPack("a label of SenML is a number or a text")
            found[key] = self.item(depth + 1)
            count += 1
        return found

    def _is_over(self, length: int | None, count: int) -> bool:
        if length is not None:
            return count >= length
        if self._data[self.place] != _BREAK:
            return False
        self.place += 1
        return True

    def _tagged(self, tag: int, depth: int) -> object:
        item = self.item(depth + 1)
        if tag == _DECIMAL_FRACTION and isinstance(item, list):
            exponent, mantissa, *_ = [*cast("list[object]", item), None, None]
            if isinstance(exponent, int) and isinstance(mantissa, int):
                return _decimal(exponent, mantissa)
        elif isinstance(item, bytes) and tag in {_BIGNUM, _NEGATIVE_BIGNUM}:
            number = int.from_bytes(item)
            return number if tag == _BIGNUM else -1 - number
        raise BadPack(f"CBOR with the tag {tag} is not known here")

    def _simple(self, low: int) -> object:
        if low in _FLOATS:
            shape = _FLOATS[low]
            (value,) = struct.unpack(shape, self._take(struct.calcsize(shape)))
            return float(value)
        if low in _SIMPLE:
            return _SIMPLE[low]
        raise BadPack(f"CBOR of no known kind: {low}")


def _decimal(exponent: int, mantissa: int) -> float | int:
    """The double nearest to a decimal fraction (RFC 8949 section 3.4.4)."""
    if abs(exponent) > _MOST_DIGITS:
        return inf
    if exponent >= 0:
        return mantissa * 10**exponent
    return float(Fraction(mantissa, 10**-exponent))
