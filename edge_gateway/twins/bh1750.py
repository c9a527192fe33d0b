"""A ROHM BH1750 for the simulated I2C bus."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import ClassVar

from edge_gateway.drivers.bh1750 import (
    COUNTS_PER_LX,
    LONGEST_AT_TYPICAL_S,
    ONE_TIME,
    POWER_ON,
    SATURATED,
    TIME_HIGH,
    TIME_LOW,
    TYPICAL_TIME,
    WORD_BYTES,
)
from edge_gateway.twins.i2c_bus import RegisterChip
from edge_gateway.twins.veml7700 import LUX_PER_W_M2
from edge_gateway.twins.weather import Seconds, WeatherScene, stopwatch

# A typical measurement takes two thirds of the longest.
TYPICAL_SHARE = 0.67


class Bh1750Twin(RegisterChip):
    """Measures the scene's light on command; fault `saturated` is full scale.

    It has commands where others have registers, and one thing to read. After `reset_measuring` it
    reads as darkness.
    """

    FAULTS: ClassVar[Sequence[str]] = (*RegisterChip.FAULTS, "saturated")

    def __init__(
        self,
        scene: WeatherScene,
        *,
        seconds: Seconds | None = None,
        chance: Random | None = None,
    ) -> None:
        self._scene = scene
        self._seconds = seconds or stopwatch()
        super().__init__(chance)

    def power_up(self) -> None:
        """Powered down, measurement time at its typical value, nothing measured."""
        self._is_on = False
        self._time = TYPICAL_TIME
        self._counts = 0
        self._measuring: tuple[float, int] | None = None

    def store(self, register: int, data: bytes) -> None:
        """Take a command."""
        del data
        if register == POWER_ON:
            self._is_on = True
        elif register & 0xF8 == TIME_HIGH:
            self._time = (register & 0b111) << 5 | self._time & 0b11111
        elif register & 0xE0 == TIME_LOW:
            self._time = self._time & 0b11100000 | register & 0b11111
        elif register == ONE_TIME and self._is_on:
            now_s = self._seconds()
            longest_s = LONGEST_AT_TYPICAL_S * self._time / TYPICAL_TIME
            self._measuring = (now_s + TYPICAL_SHARE * longest_s, self._measured(now_s))

    def fetch(self, register: int, count: int) -> bytes:
        """The last measurement that has ended."""
        del register
        if self._measuring is not None and self._seconds() >= self._measuring[0]:
            self._counts, self._measuring = self._measuring[1], None
        return self._counts.to_bytes(WORD_BYTES)[:count].ljust(count, b"\xff")

    def _measured(self, at_s: float) -> int:
        if self.faults.take("saturated"):
            return SATURATED
        light = self._scene.at(at_s).global_irradiance * LUX_PER_W_M2
        return min(SATURATED, round(light * COUNTS_PER_LX * self._time / TYPICAL_TIME))
