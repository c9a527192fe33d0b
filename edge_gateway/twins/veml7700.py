"""A Vishay VEML7700 for the simulated I2C bus."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import ClassVar

from edge_gateway.drivers.formats.veml_light import (
    BENT,
    GAIN,
    HIGHEST_GAIN,
    INTEGRATION,
    LONGEST_MS,
    RESOLUTION_LX,
    corrected,
)
from edge_gateway.drivers.veml7700 import (
    CONFIG,
    DEVICE_ID,
    LIGHT,
    SATURATED,
    SHUT_DOWN,
    VEML7700_ID,
    WORD_BYTES,
)
from edge_gateway.twins.i2c_bus import RegisterChip
from edge_gateway.twins.weather import Seconds, WeatherScene, stopwatch

# Luminous efficacy of daylight, about the middle of 105-120 lm/W.
LUX_PER_W_M2 = 112.0

OPTION_CODE = 0xC4  # high byte of the device id, data sheet 84286 revision 1.8: address 0x10

_GAIN = {code: (factor, name) for name, (factor, code) in GAIN.items()}
_INTEGRATION_MS = {code: milliseconds for milliseconds, code in INTEGRATION.items()}


class Veml7700Twin(RegisterChip):
    """Measures the scene's light on its own, once a period, unless shut down.

    Fault `saturated` is full scale for a period. An old one has no `device_id`.
    """

    FAULTS: ClassVar[Sequence[str]] = (*RegisterChip.FAULTS, "saturated")

    def __init__(
        self,
        scene: WeatherScene,
        *,
        device_id: int = OPTION_CODE << 8 | VEML7700_ID,
        seconds: Seconds | None = None,
        chance: Random | None = None,
    ) -> None:
        self._scene = scene
        self._device_id = device_id
        self._seconds = seconds or stopwatch()
        super().__init__(chance)

    def power_up(self) -> None:
        """Shut down, everything else zero but the device id."""
        self._words = [0] * 8
        self._words[CONFIG] = SHUT_DOWN
        self._words[DEVICE_ID] = self._device_id
        self._began_s = 0.0
        self._period = 0

    def store(self, register: int, data: bytes) -> None:
        """A word to the register."""
        if len(data) == WORD_BYTES and register < LIGHT:
            self._words[register] = int.from_bytes(data, "little")
            self._began_s = self._seconds()
            self._period = 0

    def fetch(self, register: int, count: int) -> bytes:
        """The register named; what lies behind it is not given."""
        if register == LIGHT:
            self._words[LIGHT] = self._counts()
        word = self._words[register] if register < len(self._words) else 0xFFFF
        return word.to_bytes(WORD_BYTES, "little")[:count].ljust(count, b"\xff")

    def _counts(self) -> int:
        config, now_s = self._words[CONFIG], self._seconds()
        period_s = _INTEGRATION_MS[config >> 6 & 0b1111] / 1000
        period = int((now_s - self._began_s) / period_s)
        if config & SHUT_DOWN or period == self._period:
            return self._words[LIGHT]
        self._period = period
        if self.faults.take("saturated"):
            return SATURATED
        light = self._scene.at(now_s).global_irradiance * LUX_PER_W_M2
        factor, name = _GAIN[config >> 11 & 0b11]
        straight = _straight(light) if name in BENT else light
        sensitivity = period_s * 1000 / LONGEST_MS * factor / HIGHEST_GAIN
        return min(SATURATED, round(straight / RESOLUTION_LX * sensitivity))


def _straight(light: float) -> float:
    """What the sensor's straight line says under `light` lx: the correction, backwards."""
    low, high = 0.0, light
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if corrected(middle) < light else (low, middle)
    return high
