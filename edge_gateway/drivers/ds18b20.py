"""Maxim DS18B20 thermometer through the kernel's 1-Wire driver (data sheet 19-7487)."""

from __future__ import annotations

import math
import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import W1, PolledDriver, W1Config, Waiter
from edge_gateway.links.errors import BadFrame, DeviceReset
from edge_gateway.links.frames import shown
from edge_gateway.reading import Flag, Flagged, Measured, Quantity

FAMILY = "28"
CRC_POLYNOMIAL = 0x8C  # x^8 + x^5 + x^4 + 1, bits reversed: least significant bit first
CEL_PER_COUNT = 1 / 16
TEMPERATURE_CEL = (-55.0, 125.0)

POWER_ON_COUNTS = 0x0550  # 85 degC: nothing was converted since power came
POWER_ON_MARK = 0x0C  # byte 6 beside it; a conversion leaves another value there
NO_POWER_COUNTS = 0x07FF  # 127.9375 degC: the supply broke down during the conversion
CREDIBLE_STEP_K = 5.0  # 85 degC is believed where the reading before was no further away

# Byte 4: bits 5-6 are the resolution, 9 to 12 bits, all others fixed by the data sheet.
FIXED_BITS, FIXED_VALUE = 0x9F, 0x1F

_TEXT = re.compile(
    rb"((?:[0-9a-f]{2} ){9}): crc=([0-9a-f]{2}) (YES|NO)\n((?:[0-9a-f]{2} ){9})t=(-?\d{1,6})\n?"
)
Measures = Literal["surface", "air"]
QUANTITIES = {"surface": Quantity.SURFACE_TEMPERATURE, "air": Quantity.AIR_TEMPERATURE}


class Ds18b20Config(W1Config):
    """A DS18B20 on a surface (road, rail, roof), or in a radiation shield if it is for air."""

    slave: Annotated[
        str,
        Field(
            pattern=f"^{FAMILY}-[0-9a-f]{{12}}$",
            description="name of the slave as `ls /sys/bus/w1/devices` shows it",
            examples=["28-0316a2795bff"],
        ),
    ]
    measures: Annotated[Measures, Field(description="what it is fixed to")] = "surface"


def decode(
    text: bytes, measures: Measures = "surface", before_cel: float | None = None
) -> Measured:
    """Turn the two lines of `w1_slave` into degC; BadFrame where a checksum or the rest is wrong.

    The number behind `t=` is never taken: after a wrong checksum it is an old one. The power-on
    value of 85 degC is a DeviceReset unless the scratchpad shows that it was measured and
    `before_cel`, the reading before, lies near. A supply that broke down is MISSING; a value
    outside the specified range is flagged FAIL and kept.
    """
    pad = _scratchpad(text)
    undefined_bits = 3 - (pad[4] >> 5 & 3)
    counts = int.from_bytes(pad[:2], "little", signed=True) >> undefined_bits << undefined_bits
    value = counts * CEL_PER_COUNT
    if counts == POWER_ON_COUNTS:
        is_near = before_cel is not None and abs(value - before_cel) <= CREDIBLE_STEP_K
        if pad[6] == POWER_ON_MARK or not is_near:
            raise DeviceReset("85 degC is the power-on value: the supply was interrupted")
    low, high = TEMPERATURE_CEL
    temperature: float | Flagged = value
    if counts == NO_POWER_COUNTS:
        temperature = Flagged(math.nan, Flag.MISSING, "too little power to convert")
    elif not low <= value <= high:
        temperature = Flagged(value, Flag.FAIL, "outside the device's range")
    return {QUANTITIES[measures]: temperature}


class Ds18b20(PolledDriver[Ds18b20Config, W1]):
    """Reads once per call; the kernel starts the conversion and waits for its end."""

    title: ClassVar[str] = "Maxim DS18B20 thermometer, surface or air (data sheet 19-7487)"
    config_model: ClassVar[type[DeviceConfig]] = Ds18b20Config
    quantities: ClassVar[tuple[Quantity, ...]] = (Quantity.SURFACE_TEMPERATURE,)

    def __init__(self, config: Ds18b20Config, link: W1, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        self._before_cel: float | None = None

    def read(self) -> Measured:
        """Have it measure and return the temperature."""
        text = self.link.read(self.config.slave)
        measured = decode(text, self.config.measures, self._before_cel)
        value = measured[QUANTITIES[self.config.measures]]
        if not isinstance(value, Flagged):
            self._before_cel = value
        return measured


def crc8_dallas(data: bytes) -> int:
    """CRC-8 of 1-Wire, least significant bit first, start 0 (Maxim application note 27)."""
    register = 0
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (CRC_POLYNOMIAL if register & 1 else 0)
    return register


def _scratchpad(text: bytes) -> bytes:
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
