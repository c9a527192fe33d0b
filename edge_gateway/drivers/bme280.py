"""Bosch BME280: air temperature, humidity and pressure over I2C (data sheet BST-BME280-DS002)."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import I2c, I2cConfig, PolledDriver, Waiter
from edge_gateway.links.errors import BadFrame, DeviceReset, Misconfigured
from edge_gateway.links.frames import shown
from edge_gateway.links.i2c import alike
from edge_gateway.reading import Flag, Flagged, Measurand, Measured, Quantity

# Register map, section 5.3.
CALIBRATION, HUMIDITY_CALIBRATION, CHIP_ID, RESET = 0x88, 0xE1, 0xD0, 0xE0
CTRL_HUM, STATUS, CTRL_MEAS, CONFIG, DATA = 0xF2, 0xF3, 0xF4, 0xF5, 0xF7
CALIBRATION_BYTES, HUMIDITY_CALIBRATION_BYTES, DATA_BYTES = 26, 7, 8
BME280_ID, BMP280_ID = 0x60, 0x58
SOFT_RESET = 0xB6
COPYING, MEASURING = 0x01, 0x08  # in STATUS: calibration copied from its memory, conversion runs

# Weather monitoring, section 3.5.1: forced mode, each value once, filter off.
ONCE = 0x01
FORCED, SLEEP = 0b001_001_01, 0b001_001_00
# The standby time of CONFIG does nothing in forced mode and is zero after a reset: the mark by
# which a restart is seen.
MARK, STANDBY = 0b101_000_00, 0b111_000_00
OVERSAMPLING = 0b111

START_UP_S = 0.002
START_UP_POLLS = 5
CONVERSION_S = 0.0093  # section 9.1: the longest, each value once
POLLS = 5

SKIPPED_20_BIT, SKIPPED_16_BIT = 0x80000, 0x8000  # also what stands there after power-up

# Specified ranges, section 1.
TEMPERATURE_CEL = (-40.0, 85.0)
PRESSURE_PA = (30_000.0, 110_000.0)
NO_TEMPERATURE = "no temperature to compensate it by"

Model = Literal["bme280", "bmp280"]


class Bme280Config(I2cConfig):
    """A BME280; behind a radiation shield if it is to measure air."""

    address: Annotated[int, Field(ge=0x76, le=0x77, description="7-bit address on the bus")] = 0x76
    model: Annotated[
        Model, Field(description="bmp280 is the chip without humidity, often sold as a BME280")
    ] = "bme280"


@dataclass(frozen=True, slots=True)
class Calibration:
    """Trimming values of one chip, section 4.2.2."""

    t: tuple[int, ...]
    p: tuple[int, ...]
    h: tuple[int, ...]


def decode_calibration(low: bytes, high: bytes) -> Calibration:
    """Read the trimming values at 0x88 (26 bytes) and 0xE1 (7 bytes; none for a BMP280).

    Raises BadFrame on another length, and when nothing but 00 or ff stands there.
    """
    if len(low) != CALIBRATION_BYTES or len(high) not in {0, HUMIDITY_CALIBRATION_BYTES}:
        raise BadFrame(f"BME280 calibration of {len(low)} and {len(high)} bytes")
    t1, t2, t3, p1, *p = struct.unpack_from("<HhhHhhhhhhhh", low)
    if _is_blank(low):
        raise BadFrame(f"BME280 holds no calibration: {shown(low)}")
    h: tuple[int, ...] = ()
    if high:
        h2, h3, h4, shared, h5, h6 = struct.unpack("<hBbBbb", high)
        # H4 and H5 are signed 12-bit numbers that share one byte.
        h = (low[-1], h2, h3, h4 * 16 | shared & 0x0F, h5 * 16 | shared >> 4, h6)
    return Calibration((t1, t2, t3), (p1, *p), h)


def decode(data: bytes, calibration: Calibration) -> Measured:
    """Turn registers 0xF7 to 0xFE into degC, Pa and, with humidity calibration, %RH.

    Raises BadFrame unless there are eight bytes of data. A channel at its power-up value is
    MISSING; a value outside the specified range is flagged FAIL and kept, where Bosch's own code
    returns the limit as if it had been measured. Humidity is cropped to 0-100 %RH (section 8.1).
    """
    if len(data) != DATA_BYTES or _is_blank(data):
        raise BadFrame(f"BME280 data of {len(data)} bytes: {shown(data)}")
    raw_pressure = int.from_bytes(data[0:3]) >> 4
    raw_temperature = int.from_bytes(data[3:6]) >> 4
    raw_humidity = int.from_bytes(data[6:8])
    fine = _fine(raw_temperature, calibration.t)
    is_warm = raw_temperature != SKIPPED_20_BIT
    measured: dict[Quantity | Measurand, float | Flagged] = {
        Quantity.AIR_TEMPERATURE: _in_range(fine / 5120.0, TEMPERATURE_CEL)
        if is_warm
        else _missing("temperature skipped"),
        Quantity.AIR_PRESSURE: _missing("pressure skipped" if is_warm else NO_TEMPERATURE),
    }
    if is_warm and raw_pressure != SKIPPED_20_BIT:
        pressure = _pressure(raw_pressure, int(fine), calibration.p)
        measured[Quantity.AIR_PRESSURE] = _in_range(pressure, PRESSURE_PA)
    if not calibration.h:
        return measured
    measured[Quantity.RELATIVE_HUMIDITY] = (
        min(100.0, max(0.0, _humidity(raw_humidity, int(fine), calibration.h)))
        if is_warm and raw_humidity != SKIPPED_16_BIT
        else _missing("humidity skipped" if is_warm else NO_TEMPERATURE)
    )
    return measured


class Bme280(PolledDriver[Bme280Config, I2c]):
    """Measures once per call; between calls the sensor sleeps, which keeps it cool."""

    title: ClassVar[str] = "Bosch BME280, and BMP280 without humidity (BST-BME280-DS002)"
    config_model: ClassVar[type[DeviceConfig]] = Bme280Config
    quantities: ClassVar[tuple[Quantity, ...]] = (
        Quantity.AIR_TEMPERATURE,
        Quantity.RELATIVE_HUMIDITY,
        Quantity.AIR_PRESSURE,
    )

    def __init__(self, config: Bme280Config, link: I2c, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        self._calibration: Calibration | None = None

    def read(self) -> Measured:
        """Force one conversion, wait its longest time, fetch the data."""
        calibration = self._calibration or self._set_up()
        self._write(CTRL_MEAS, FORCED)
        self.waiter.sleep(CONVERSION_S)
        self._wait_for_the_end_of(MEASURING, CONVERSION_S / POLLS, POLLS)
        data = self._registers(DATA, DATA_BYTES)
        # Looked at behind the data: a supply that failed at any time before shows here.
        ctrl_hum, _, ctrl_meas, config = self._registers(CTRL_HUM, CONFIG - CTRL_HUM + 1)
        humid = not calibration.h or ctrl_hum & OVERSAMPLING == ONCE
        if not humid or ctrl_meas != SLEEP or config & STANDBY != MARK:
            self._set_up()
            raise DeviceReset("the BME280 had lost its settings: its supply failed for a moment")
        return decode(data, calibration)

    def _set_up(self) -> Calibration:
        self._calibration = None  # until all is done: a set-up that broke off begins anew
        self._check_the_chip()
        self._write(RESET, SOFT_RESET)
        self.waiter.sleep(START_UP_S)
        self._wait_for_the_end_of(COPYING, START_UP_S, START_UP_POLLS)
        low, high = self._registers(CALIBRATION, CALIBRATION_BYTES), b""
        if self.config.model == "bme280":
            high = self._registers(HUMIDITY_CALIBRATION, HUMIDITY_CALIBRATION_BYTES)
            # Takes effect with the next write of CTRL_MEAS, section 5.4.3.
            self._write(CTRL_HUM, ONCE)
        calibration = decode_calibration(low, high)
        self._write(CONFIG, MARK)
        self._calibration = calibration
        return calibration

    def _check_the_chip(self) -> None:
        (found,) = self._registers(CHIP_ID, 1)
        if found == (BME280_ID if self.config.model == "bme280" else BMP280_ID):
            return
        what = f"the chip at address 0x{self.config.address:02x} "
        if found == BMP280_ID:
            what += 'is a BMP280, which measures no humidity: write model = "bmp280"'
        elif found == BME280_ID:
            what += 'is a BME280: write model = "bme280"'
        elif found in {0x00, 0xFF}:
            raise BadFrame(f"{what}gives no chip id")
        else:
            what += f"is no BME280 (chip id 0x{found:02x}): is another device meant?"
        raise Misconfigured(what)

    def _wait_for_the_end_of(self, busy: int, poll_s: float, polls: int) -> None:
        for _ in range(polls):
            status = self.link.write_read(self.config.address, bytes((STATUS,)), 1)
            if not status[0] & busy:
                return
            self.waiter.sleep(poll_s)
        raise BadFrame(f"the BME280 stays busy (status bit 0x{busy:02x})")

    def _registers(self, first: int, count: int) -> bytes:
        return alike(lambda: self.link.write_read(self.config.address, bytes((first,)), count))

    def _write(self, register: int, value: int) -> None:
        self.link.write(self.config.address, bytes((register, value)))


def _fine(raw: int, t: tuple[int, ...]) -> float:
    """Temperature in 1/5120 degC, section 8.1; so are the two below."""
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
    return share * (1.0 - h[0] * share / 524288.0)


def _is_blank(data: bytes) -> bool:
    return set(data) in ({0x00}, {0xFF})


def _in_range(value: float, span: tuple[float, float]) -> float | Flagged:
    low, high = span
    if low <= value <= high:
        return value
    return Flagged(value, Flag.FAIL, "outside the device's range")


def _missing(reason: str) -> Flagged:
    return Flagged(math.nan, Flag.MISSING, reason)
