"""The text of a thermometer's `w1_slave` (kernel Documentation/w1/slaves/w1_therm.rst)."""

from __future__ import annotations

import re

from edge_gateway.links.errors import BadFrame
from edge_gateway.links.frames import shown

CRC_POLYNOMIAL = 0x8C  # x^8 + x^5 + x^4 + 1, bits reversed: least significant bit first
CEL_PER_COUNT = 1 / 16

# Byte 4: bits 5-6 are the resolution, 9 to 12 bits, all others fixed by the data sheet.
FIXED_BITS, FIXED_VALUE = 0x9F, 0x1F

_TEXT = re.compile(
    rb"((?:[0-9a-f]{2} ){9}): crc=([0-9a-f]{2}) (YES|NO)\n((?:[0-9a-f]{2} ){9})t=(-?\d{1,6})\n?"
)


def scratchpad(text: bytes) -> bytes:
    """The nine bytes of a DS18B20 that both lines show; BadFrame where anything is wrong.

    The number behind `t=` is held against them and never taken: after a wrong checksum it is an
    old one.
    """
    lines = _TEXT.fullmatch(text)
    if lines is None:
        raise BadFrame(f"no w1_slave of a thermometer: {text[:80]!r}")
    pad = bytes.fromhex(lines[1].decode())
    if lines[3] != b"YES" or crc8_dallas(pad[:8]) != pad[8] or int(lines[2], 16) != pad[8]:
        raise BadFrame(f"DS18B20 scratchpad {shown(pad)} fails its checksum")
    if pad[4] & FIXED_BITS != FIXED_VALUE:
        # All zeros is what a data line held low reads as, and its checksum is right.
        raise BadFrame(f"{shown(pad)} is no DS18B20 scratchpad: data line held low?")
    kernel_mcel, counts = int(lines[5]), int.from_bytes(pad[:2], "little", signed=True)
    if lines[4] != lines[1] or abs(kernel_mcel - counts * 1000 * CEL_PER_COUNT) >= 1:
        raise BadFrame(f"the kernel gives t={kernel_mcel} for {shown(pad)}: no DS18B20?")
    return pad


def crc8_dallas(data: bytes) -> int:
    """CRC-8 of 1-Wire, least significant bit first, start 0 (Maxim application note 27)."""
    register = 0
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (CRC_POLYNOMIAL if register & 1 else 0)
    return register
