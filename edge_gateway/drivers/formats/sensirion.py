"""What Sensirion's sensors answer: words with a checksum (data sheet SHT4x, section 4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from edge_gateway.links.errors import BadFrame
from edge_gateway.links.frames import crc8, shown

CRC_POLYNOMIAL, CRC_START = 0x31, 0xFF
WORD_BYTES = 3
FULL_SCALE = 65535

Model = Literal["sht4x", "sht3x"]


class Variant(NamedTuple):
    """What differs between the two families: commands, longest conversion, humidity formula."""

    measure: bytes
    serial_number: bytes
    conversion_s: float
    humidity_offset: float
    humidity_span: float

    def temperature_cel(self, raw: int) -> float:
        """In degC, the same for both."""
        return -45.0 + 175.0 * raw / FULL_SCALE

    def humidity_rh(self, raw: int) -> float:
        """In %RH, also below 0 and above 100."""
        return self.humidity_offset + self.humidity_span * raw / FULL_SCALE


# High repeatability, single shot, no clock stretching (Pi 1-4 mishandle it). While it converts
# the sensor does not acknowledge a read: the wait is the longest conversion of the data sheet,
# 8.3 ms and 15.5 ms, and a margin. The serial number of an SHT3x is not in its data sheet but in
# Sensirion's "Electronic identification code SHT3x", section 1.
VARIANTS: Mapping[Model, Variant] = {
    "sht4x": Variant(b"\xfd", b"\x89", 0.010, -6.0, 125.0),
    "sht3x": Variant(b"\x24\x00", b"\x36\x82", 0.020, 0.0, 100.0),
}


def words(answer: bytes, count: int) -> tuple[int, ...]:
    """The numbers in `count` words; BadFrame on another length or a wrong checksum."""
    if len(answer) != count * WORD_BYTES:
        raise BadFrame(f"SHT answer of {len(answer)} bytes: {shown(answer)}")
    return tuple(_number(answer[at : at + WORD_BYTES]) for at in range(0, len(answer), WORD_BYTES))


def _number(word: bytes) -> int:
    if crc8(word[:2], polynomial=CRC_POLYNOMIAL, start=CRC_START) != word[2]:
        raise BadFrame(f"SHT word {shown(word)} fails its checksum")
    return int.from_bytes(word[:2])
