"""A Bosch BME280 or BMP280 for the simulated I2C bus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import ClassVar

from edge_gateway.drivers.bme280 import (
    CALIBRATION,
    CHIP_ID,
    CONFIG,
    CONVERSION_S,
    CTRL_HUM,
    CTRL_MEAS,
    DATA,
    HUMIDITY_CALIBRATION,
    MEASURING,
    RESET,
    SOFT_RESET,
    STATUS,
    decode,
)
from edge_gateway.drivers.formats.bosch_bme280 import (
    BME280_ID,
    BMP280_ID,
    SKIPPED_16_BIT,
    SKIPPED_20_BIT,
    decode_calibration,
)
from edge_gateway.reading import Flagged, Quantity
from edge_gateway.twins.i2c_bus import RegisterChip
from edge_gateway.twins.weather import Seconds, WeatherScene, stopwatch

# One real chip's trimming values, registers 0x88-0xA1 and 0xE1-0xE7.
TRIMMING = bytes.fromhex("706b436718fc7d8e43d6d00b270b8c00f9ff8c3cf8c67017004b")
HUMIDITY_TRIMMING = bytes.fromhex("6a01001328031e")
SKIPPED = bytes.fromhex("800000 800000 8000")
SLOW = 3
FORCED_MODES = (0b01, 0b10)


class Bme280Twin(RegisterChip):
    """Measures the scene's air on command, with the oversampling it was told.

    Fault `nan` skips the conversion and leaves the power-up values, `nan_pressure` and
    `nan_humidity` those of one channel; `slow` converts three times as long as the data sheet
    allows. `chip_id` makes it a BMP280 or something else.
    """

    FAULTS: ClassVar[Sequence[str]] = (
        *RegisterChip.FAULTS,
        "nan",
        "nan_pressure",
        "nan_humidity",
        "slow",
    )

    def __init__(
        self,
        scene: WeatherScene,
        *,
        air_pressure_pa: float = 100_800.0,
        chip_id: int = BME280_ID,
        seconds: Seconds | None = None,
        chance: Random | None = None,
    ) -> None:
        self._scene = scene
        self._air_pressure_pa = air_pressure_pa
        self._chip_id = chip_id
        self._seconds = seconds or stopwatch()
        super().__init__(chance)

    def power_up(self) -> None:
        """Registers as after a reset, section 5.3: all channels skipped."""
        self._held = bytearray(256)
        self._held[CHIP_ID] = self._chip_id
        self._held[CALIBRATION : CALIBRATION + len(TRIMMING)] = TRIMMING
        if self._chip_id != BMP280_ID:
            end = HUMIDITY_CALIBRATION + len(HUMIDITY_TRIMMING)
            self._held[HUMIDITY_CALIBRATION:end] = HUMIDITY_TRIMMING
        self._held[DATA : DATA + len(SKIPPED)] = SKIPPED
        self._is_humid = False
        self._done_s = 0.0
        self._result = SKIPPED

    def store(self, register: int, data: bytes) -> None:
        """Writes come as pairs of register and value."""
        for at, value in zip((register, *data[1::2]), data[::2], strict=False):
            if at == RESET and value == SOFT_RESET:
                self.power_up()
            elif at in {CTRL_HUM, CONFIG, CTRL_MEAS}:
                self._held[at] = value
            if at == CTRL_MEAS:
                self._is_humid = bool(self._held[CTRL_HUM])
                if value & 0b11 in FORCED_MODES:
                    self._convert()

    def fetch(self, register: int, count: int) -> bytes:
        """The register and those behind it; a conversion that has ended shows."""
        now_s = self._seconds()
        if self._held[STATUS] & MEASURING and now_s >= self._done_s:
            self._held[STATUS] &= ~MEASURING
            self._held[CTRL_MEAS] &= ~0b11  # back to sleep
            self._held[DATA : DATA + len(SKIPPED)] = self._result
        return bytes(self._held[register : register + count]).ljust(count, b"\x00")

    def _convert(self) -> None:
        now_s = self._seconds()
        self._held[STATUS] |= MEASURING
        slowness = SLOW if self.faults.take("slow") else 1
        # A real one takes some 8 ms of the 9.3 allowed.
        self._done_s = now_s + slowness * 0.86 * CONVERSION_S
        self._result = SKIPPED if self.faults.take("nan") else self._measured(now_s)

    def _measured(self, at_s: float) -> bytes:
        weather = self._scene.at(at_s)
        temperature = _inverse(Quantity.AIR_TEMPERATURE, weather.air_temperature, 20, _with_t)
        pressure = _inverse(
            Quantity.AIR_PRESSURE, -self._air_pressure_pa, 20, lambda p: _data(p, temperature), -1
        )
        humidity = _inverse(
            Quantity.RELATIVE_HUMIDITY,
            weather.relative_humidity,
            16,
            lambda h: _data(pressure, temperature, h),
        )
        # Oversampled once and unfiltered, 16 bits of the 20 are there (section 3.4).
        coarse = ~0xF
        no_pressure, no_humidity = map(self.faults.take, ("nan_pressure", "nan_humidity"))
        return _data(
            SKIPPED_20_BIT if no_pressure else pressure & coarse,
            temperature & coarse,
            humidity if self._is_humid and not no_humidity else SKIPPED_16_BIT,
        )


def _inverse(
    quantity: Quantity, value: float, bits: int, frame: Callable[[int], bytes], sign: int = 1
) -> int:
    """The largest raw value not above `value`; the formulas rise with it, the pressure's falls."""
    raw = 0
    for bit in reversed(range(bits)):
        # Never 0x80000 itself, which says that nothing was measured.
        measured = decode(frame(raw | 1 << bit | 1), _TRIMMED)[quantity]
        known = measured.value if isinstance(measured, Flagged) else measured
        if sign * known <= value:
            raw |= 1 << bit
    return raw


def _with_t(temperature: int) -> bytes:
    return _data(0x60000, temperature)


def _data(pressure: int, temperature: int, humidity: int = 0x7000) -> bytes:
    return (pressure << 4).to_bytes(3) + (temperature << 4).to_bytes(3) + humidity.to_bytes(2)


_TRIMMED = decode_calibration(TRIMMING, HUMIDITY_TRIMMING)
