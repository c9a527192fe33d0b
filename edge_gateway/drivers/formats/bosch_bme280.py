"""What the registers of a BME280 or BMP280 hold (BST-BME280-DS002).

Its identity, its trimming values, and the measured numbers, compensated in doubles (section 8.1).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from edge_gateway.links.errors import BadFrame, Misconfigured
from edge_gateway.links.frames import shown

BME280_ID, BMP280_ID = 0x60, 0x58
Model = Literal["bme280", "bmp280"]
MODELS: Mapping[int, Model] = {BME280_ID: "bme280", BMP280_ID: "bmp280"}

# Weather monitoring, section 3.5.1: forced mode, each value once, filter off.
ONCE, OVERSAMPLING = 0b001, 0b111
FORCED, SLEEP = 0b001_001_01, 0b001_001_00
# The standby time of CONFIG does nothing in forced mode and is zero after a reset: the mark by
# which a restart is seen.
MARK, STANDBY = 0b101_000_00, 0b111_000_00

CALIBRATION_BYTES: Final = 26  # from 0x88 on
HUMIDITY_CALIBRATION_BYTES: Final = 7  # from 0xE1 on
DATA_BYTES: Final = 8  # from 0xF7 on: pressure, temperature, humidity
SKIPPED_20_BIT, SKIPPED_16_BIT = 0x80000, 0x8000  # also what stands there after power-up
FINE_PER_CEL: Final = 5120.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """Trimming values of one chip, section 4.2.2; `h` is empty for a BMP280."""

    t: tuple[int, ...]
    p: tuple[int, ...]
    h: tuple[int, ...]

    def compensated(self, data: bytes) -> tuple[float | None, float | None, float | None]:
        """What the data registers say in degC, Pa and %RH.

        None is a channel that the chip skipped, or that cannot be told without a temperature.
        Pressure is NaN where the trimming values allow none.
        """
        pressure, temperature = int.from_bytes(data[0:3]) >> 4, int.from_bytes(data[3:6]) >> 4
        humidity = int.from_bytes(data[6:8])
        if temperature == SKIPPED_20_BIT:
            return None, None, None
        fine = _fine(temperature, self.t)
        return (
            fine / FINE_PER_CEL,
            None if pressure == SKIPPED_20_BIT else _pressure(pressure, int(fine), self.p),
            None
            if humidity == SKIPPED_16_BIT or not self.h
            else _humidity(humidity, int(fine), self.h),
        )


def decode_calibration(low: bytes, high: bytes) -> Calibration:
    """Read the trimming values at 0x88 (26 bytes) and 0xE1 (7 bytes; none for a BMP280).

    Raises BadFrame on another length, and when nothing but 00 or ff stands there.
    """
    if len(low) != CALIBRATION_BYTES or len(high) not in {0, HUMIDITY_CALIBRATION_BYTES}:
        raise BadFrame(f"BME280 calibration of {len(low)} and {len(high)} bytes")
    if is_blank(low):
        raise BadFrame(f"BME280 holds no calibration: {shown(low)}")
    t1, t2, t3, p1, *p = struct.unpack_from("<HhhHhhhhhhhh", low)
    h: tuple[int, ...] = ()
    if high:
        h2, h3, h4, shared, h5, h6 = struct.unpack("<hBbBbb", high)
        # H4 and H5 are signed 12-bit numbers that share one byte.
        h = (low[-1], h2, h3, h4 * 16 | shared & 0x0F, h5 * 16 | shared >> 4, h6)
    return Calibration((t1, t2, t3), (p1, *p), h)


def check_identity(found: int, model: str, address: int) -> None:
    """See that a chip is the announced one; BadFrame where it says nothing, else Misconfigured."""
    chip, known = f"the chip at address 0x{address:02x}", MODELS.get(found)
    if found in {0x00, 0xFF}:
        raise BadFrame(f"{chip} gives no chip id")
    if known is None:
        raise Misconfigured(f"{chip} is no BME280 (chip id 0x{found:02x}): is another meant?")
    if known != model:
        lacks = ", which measures no humidity" if found == BMP280_ID else ""
        raise Misconfigured(f'{chip} is a {known.upper()}{lacks}: write model = "{known}"')


def are_ours(controls: bytes, *, is_humid: bool) -> bool:
    """Whether registers 0xF2 to 0xF5 still hold our settings, the conversion being over."""
    ctrl_hum, _, ctrl_meas, config = controls
    has_humidity = not is_humid or ctrl_hum & OVERSAMPLING == ONCE
    return has_humidity and ctrl_meas == SLEEP and config & STANDBY == MARK


def is_blank(data: bytes) -> bool:
    """Whether nothing but 00 or ff came: no chip, or a bus that is held."""
    return set(data) in ({0x00}, {0xFF})


def _fine(raw: int, t: tuple[int, ...]) -> float:
    """Temperature in 1/5120 degC, which the other two need as well."""
    linear = (raw / 16384.0 - t[0] / 1024.0) * t[1]
    return linear + (raw / 131072.0 - t[0] / 8192.0) ** 2 * t[2]


def _pressure(raw: int, fine: int, p: tuple[int, ...]) -> float:
    warmth = fine / 2.0 - 64000.0
    offset = warmth * warmth * p[5] / 32768.0 + warmth * p[4] * 2.0
    offset = offset / 4.0 + p[3] * 65536.0
    slope = (p[2] * warmth * warmth / 524288.0 + p[1] * warmth) / 524288.0
    slope = (1.0 + slope / 32768.0) * p[0]
    if slope <= 0:
        return math.nan
    pressure = (1048576.0 - raw - offset / 4096.0) * 6250.0 / slope
    square = p[8] * pressure * pressure / 2147483648.0
    return pressure + (square + pressure * p[7] / 32768.0 + p[6]) / 16.0


def _humidity(raw: int, fine: int, h: tuple[int, ...]) -> float:
    warmth = fine - 76800.0
    offset = h[3] * 64.0 + h[4] / 16384.0 * warmth
    bend = 1.0 + h[2] / 67108864.0 * warmth
    share = (raw - offset) * (h[1] / 65536.0) * bend
    share *= 1.0 + h[5] / 67108864.0 * warmth * bend
    return min(100.0, max(0.0, share * (1.0 - h[0] * share / 524288.0)))
