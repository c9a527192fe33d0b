"""Vishay VEML7700 illuminance over I2C (data sheet 84286, application note 84323)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import I2c, I2cConfig, PolledDriver, Waiter
from edge_gateway.links.errors import BadFrame, DeviceReset
from edge_gateway.links.frames import shown
from edge_gateway.links.i2c import alike
from edge_gateway.reading import Flag, Flagged, Measured, Quantity

CONFIG, POWER_SAVING, LIGHT = 0x00, 0x03, 0x04  # registers, 16 bit, low byte first
WORD_BYTES = 2
SHUT_DOWN = 0x0001  # the one bit of CONFIG that is set after a reset
SATURATED: Final = 0xFFFF

# lx per count at gain 2 and 800 ms. Vishay once gave 0.0036 and most code still has that: 17 %
# less. A change of this number breaks every series measured with it, so it has a name of its own.
RESOLUTION: Final = "84286-0.0042"
RESOLUTION_LX = 0.0042
LONGEST_MS, HIGHEST_GAIN = 800, 2.0

IntegrationTime = Literal[25, 50, 100, 200, 400, 800]
INTEGRATION: Mapping[IntegrationTime, int] = {25: 12, 50: 8, 100: 0, 200: 1, 400: 2, 800: 3}
Gain = Literal["1/8", "1/4", "1", "2"]
GAIN: Mapping[Gain, tuple[float, int]] = {
    "1/8": (0.125, 2),
    "1/4": (0.25, 3),
    "1": (1.0, 0),
    "2": (2.0, 1),
}
# The response bends at high light (application note); low gains alone can get there.
CORRECTION = (1.0023, 8.1488e-5, -9.3924e-9, 6.0135e-13)
BENT: Final = frozenset[Gain]({"1/8", "1/4"})
HIGHEST_LX = 140_000.0

START_UP_S = 0.0025
# The converter runs on its own: between two readings a new value may come, once.
TRIES = 3


class Veml7700Config(I2cConfig):
    """A VEML7700; gain 1/8 with 25 ms, the default, is its one setting for full sun."""

    address: Annotated[int, Field(ge=0x10, le=0x10, description="7-bit address on the bus")] = 0x10
    gain: Annotated[Gain, Field(description="higher ones see less light, and finer")] = "1/8"
    integration_ms: Annotated[
        IntegrationTime, Field(description="longer ones see less light, and finer")
    ] = 25


def decode(light: bytes, gain: Gain = "1/8", integration_ms: IntegrationTime = 25) -> Measured:
    """Turn register 0x04 into lx, corrected at gains 1/8 and 1/4; BadFrame unless two bytes.

    At full scale it is `over_range`; above 140 klx, which the part is not specified for and no
    daylight reaches, FAIL with the value kept.
    """
    if len(light) != WORD_BYTES:
        raise BadFrame(f"VEML7700 register of {len(light)} bytes: {shown(light)}")
    counts = int.from_bytes(light, "little")
    factor, _ = GAIN[gain]
    lux = counts * RESOLUTION_LX * (LONGEST_MS / integration_ms) * (HIGHEST_GAIN / factor)
    if gain in BENT:
        lux = corrected(lux)
    if counts == SATURATED:
        return {Quantity.ILLUMINANCE: Flagged(lux, Flag.FAIL, "over_range: take a lower gain")}
    if lux > HIGHEST_LX:
        return {Quantity.ILLUMINANCE: Flagged(lux, Flag.FAIL, "outside the device's range")}
    return {Quantity.ILLUMINANCE: lux}


def corrected(lux: float) -> float:
    """What the light really is where the sensor's straight line says `lux`."""
    first, second, third, fourth = CORRECTION
    return (((fourth * lux + third) * lux + second) * lux + first) * lux


class Veml7700(PolledDriver[Veml7700Config, I2c]):
    """The sensor measures on its own; each call fetches the latest value."""

    title: ClassVar[str] = f"Vishay VEML7700 illuminance (data sheet 84286, {RESOLUTION_LX} lx)"
    config_model: ClassVar[type[DeviceConfig]] = Veml7700Config
    quantities: ClassVar[tuple[Quantity, ...]] = (Quantity.ILLUMINANCE,)

    def __init__(self, config: Veml7700Config, link: I2c, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        self._is_set_up = False

    def read(self) -> Measured:
        """Fetch the light, then see that the sensor still has its settings."""
        if not self._is_set_up:
            self._set_up()
        light = self._register(LIGHT)
        if self._register(CONFIG) != self._settings:
            self._set_up()
            raise DeviceReset("the VEML7700 had lost its settings: its supply failed for a moment")
        return decode(light, self.config.gain, self.config.integration_ms)

    @property
    def _settings(self) -> bytes:
        _, gain = GAIN[self.config.gain]
        settings = gain << 11 | INTEGRATION[self.config.integration_ms] << 6
        return settings.to_bytes(WORD_BYTES, "little")

    def _set_up(self) -> None:
        self._is_set_up = False
        self._write(CONFIG, SHUT_DOWN.to_bytes(WORD_BYTES, "little"))
        self._write(POWER_SAVING, bytes(WORD_BYTES))
        self._write(CONFIG, self._settings)
        # The first value that was wholly measured with these settings comes after two periods.
        self.waiter.sleep(START_UP_S + 2 * self.config.integration_ms / 1000)
        self._is_set_up = True

    def _register(self, register: int) -> bytes:
        def read() -> bytes:
            # It wants a repeated start: behind a stop it forgets which register was named.
            return self.link.write_read(self.config.address, bytes((register,)), WORD_BYTES)

        return alike(read, tries=TRIES)

    def _write(self, register: int, word: bytes) -> None:
        self.link.write(self.config.address, bytes((register,)) + word)
