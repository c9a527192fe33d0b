"""Integers and text as bytes: the alphabet a block is written in. Standard library only."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import accumulate
from operator import sub

# More numbers than any block holds: a length beyond it is damage, not data.
MOST_NUMBERS = 1 << 20

_SEVEN_BITS = 0x7F
_EMPTY = b"\0\0"
_VARINTS = 9
_WIDTHS = {1: "b", 2: "h", 4: "i", 8: "q"}
_MOST_BITS = 64
# The narrowest width that holds a signed number of so many bits.
_WIDTH_OF = [next(width for width in _WIDTHS if bits <= 8 * width) for bits in range(65)]


class BadBlock(ValueError):
    """Bytes that are not a whole, undamaged block of a version this program knows."""


class Writer:
    """Appends numbers and text to a growing buffer."""

    def __init__(self) -> None:
        self.data = bytearray()

    def unsigned(self, number: int) -> None:
        """Seven bits a byte, lowest first, top bit set on all but the last (LEB128)."""
        while number > _SEVEN_BITS:
            self.data.append(number & _SEVEN_BITS | 0x80)
            number >>= 7
        self.data.append(number)

    def each_unsigned(self, *numbers: int) -> None:
        """The same of several."""
        if max(numbers) <= _SEVEN_BITS:
            self.data += bytes(numbers)
        else:
            for number in numbers:
                self.unsigned(number)

    def signed(self, number: int) -> None:
        """Zigzag: 0, -1, 1, -2 ... become 0, 1, 2, 3 ..., so that small stays short."""
        self.unsigned(number * 2 if number >= 0 else -number * 2 - 1)

    def text(self, text: str) -> None:
        """Its length in bytes, then UTF-8."""
        data = text.encode("utf-8", "surrogatepass")
        self.unsigned(len(data))
        self.data += data

    def numbers(self, numbers: Sequence[int]) -> None:
        """A column in the narrowest width that holds all of it; nothing but its length if zero.

        Bytes of equal weight stand together, which is what zlib likes.
        """
        data, count = self.data, len(numbers)
        if not count:
            data += _EMPTY
            return
        width = _width(numbers)
        self.unsigned(count)
        data.append(width)
        if width == _VARINTS:
            for number in numbers:
                self.signed(number)
        elif width:
            flat = struct.pack(f"<{count}{_WIDTHS[width]}", *numbers)
            if width == 1:
                data += flat
                return
            for place in range(width):
                data += flat[place::width]

    def deltas(self, numbers: Sequence[int], order: int) -> None:
        """A column as its `order`-th differences, each order's first number before them."""
        for _ in range(order):
            self.signed(numbers[0] if numbers else 0)
            numbers = list(map(sub, numbers[1:], numbers))
        self.numbers(numbers)


class Reader:
    """Reads what a `Writer` wrote; raises BadBlock where the bytes cannot be that."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def finished(self) -> bool:
        """Whether every byte was read."""
        return self._at == len(self._data)

    def unsigned(self) -> int:
        """The inverse of `Writer.unsigned`."""
        number = shift = 0
        try:
            while True:
                byte = self._data[self._at]
                self._at += 1
                if byte <= _SEVEN_BITS:
                    return number | byte << shift
                number |= (byte & _SEVEN_BITS) << shift
                shift += 7
        except IndexError as error:
            raise BadBlock("cut short: a byte wanted, none left") from error

    def each_unsigned(self, count: int) -> list[int]:
        """So many of them; `Writer.each_unsigned` wrote them."""
        taken = self._data[self._at : self._at + count]
        if len(taken) == count and max(taken) <= _SEVEN_BITS:
            self._at += count
            return list(taken)
        return [self.unsigned() for _ in range(count)]

    def signed(self) -> int:
        """The inverse of `Writer.signed`."""
        number = self.unsigned()
        return number >> 1 if number % 2 == 0 else -(number + 1 >> 1)

    def count(self) -> int:
        """A length, refused when no block can be that long."""
        number = self.unsigned()
        if number > MOST_NUMBERS:
            raise BadBlock(f"a block cannot hold {number} of anything")
        return number

    def text(self) -> str:
        """The inverse of `Writer.text`."""
        try:
            return self._take(self.unsigned()).decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise BadBlock(f"text is not UTF-8: {error}") from error

    def numbers(self) -> list[int]:
        """The inverse of `Writer.numbers`."""
        count = self.count()
        width = self.unsigned()
        if width == 0:
            return [0] * count
        if width == _VARINTS:
            return [self.signed() for _ in range(count)]
        if width not in _WIDTHS:
            raise BadBlock(f"no column is {width} bytes wide")
        shuffled = self._take(count * width)
        if width == 1:
            return list(memoryview(shuffled).cast("b"))
        flat = bytearray(count * width)
        for place in range(width):
            flat[place::width] = shuffled[place * count : (place + 1) * count]
        return list(struct.unpack(f"<{count}{_WIDTHS[width]}", flat))

    def deltas(self, order: int, length: int) -> list[int]:
        """The inverse of `Writer.deltas` for a column that was `length` numbers long."""
        firsts = [self.signed() for _ in range(order)]
        numbers = self.numbers()
        if len(numbers) != max(length - order, 0):
            raise BadBlock(f"a column of {length} numbers has {len(numbers)} differences")
        for place in reversed(range(order)):
            if length > place:
                numbers = list(accumulate(numbers, initial=firsts[place]))
        return numbers

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) != count:
            raise BadBlock(f"cut short: {count} bytes wanted, {len(taken)} left")
        self._at += count
        return taken


def _width(numbers: Sequence[int]) -> int:
    low, high = min(numbers), max(numbers)
    # The larger magnitude of the two, and a bit for the sign.
    bits = (high if high + low >= 0 else ~low).bit_length() + 1
    if bits > _MOST_BITS:
        return _VARINTS
    return _WIDTH_OF[bits] if high or low else 0
