"""Vishay VEML7700 illuminance over I2C (data sheet 84286, application note 84323)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from pydantic import Field

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import Chip, I2c, I2cConfig, PolledDriver, Sighting, Waiter
from edge_gateway.drivers.formats.flags import in_range
from edge_gateway.drivers.formats.i2c_registers import Hex, Registers
from edge_gateway.drivers.formats.veml_light import (
    RESOLUTION_LX,
    Gain,
    IntegrationTime,
    lux,
    settings,
)
from edge_gateway.links.errors import BadFrame, DeviceReset
from edge_gateway.links.frames import shown
from edge_gateway.reading import Flag, Flagged, Measured, Quantity

CONFIG, POWER_SAVING, LIGHT = 0x00, 0x03, 0x04  # registers, 16 bit, low byte first
WORD_BYTES = 2
DEVICE_ID, VEML7700_ID = 0x07, 0x81  # the low byte; the high one, 0xC4, tells variants apart
RESERVED = 0xE40C  # bits of CONFIG that are 0
SHUT_DOWN = 0x0001  # the one bit of CONFIG that is set after a reset
SATURATED: Final = 0xFFFF
ILLUMINANCE_LX = (0.0, 140_000.0)  # specified, and what no daylight exceeds
START_UP_S = 0.0025
# The converter runs on its own: between two readings a new value may come, once.
TRIES = 3


class Veml7700Config(I2cConfig):
    """A VEML7700; gain 1/8 with 25 ms, the default, is its one setting for full sun."""

    address: Annotated[Hex, Field(ge=0x10, le=0x10, description="7-bit address on the bus")] = 0x10
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
    illuminance = lux(counts, gain, integration_ms)
    if counts == SATURATED:
        too_bright = Flagged(illuminance, Flag.FAIL, "over_range: take a lower gain")
        return {Quantity.ILLUMINANCE: too_bright}
    return {Quantity.ILLUMINANCE: in_range(illuminance, ILLUMINANCE_LX)}


class Veml7700(PolledDriver[Veml7700Config, I2c]):
    """The sensor measures on its own; each call fetches the latest value."""

    title: ClassVar[str] = f"Vishay VEML7700 illuminance (data sheet 84286, {RESOLUTION_LX} lx)"
    config_model: ClassVar[type[DeviceConfig]] = Veml7700Config
    quantities: ClassVar[tuple[Quantity, ...]] = (Quantity.ILLUMINANCE,)
    i2c_addresses: ClassVar[tuple[int, ...]] = (0x10,)

    def __init__(self, config: Veml7700Config, link: I2c, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        self._chip = Registers(link, config.address, tries=TRIES)
        self._settings = settings(config.gain, config.integration_ms).to_bytes(WORD_BYTES, "little")
        self._is_set_up = False

    def read(self) -> Measured:
        """Fetch the light, then see that the sensor still has its settings."""
        if not self._is_set_up:
            self._set_up()
        light = self._chip.read(LIGHT, WORD_BYTES)
        if self._chip.read(CONFIG, WORD_BYTES) != self._settings:
            self._set_up()
            raise DeviceReset("the VEML7700 had lost its settings: its supply failed for a moment")
        return decode(light, self.config.gain, self.config.integration_ms)

    def _set_up(self) -> None:
        self._is_set_up = False
        self._chip.write(CONFIG, SHUT_DOWN.to_bytes(WORD_BYTES, "little"))
        self._chip.write(POWER_SAVING, bytes(WORD_BYTES))
        self._chip.write(CONFIG, self._settings)
        # The first value that was wholly measured with these settings comes after two periods.
        self.waiter.sleep(START_UP_S + 2 * self.config.integration_ms / 1000)
        self._is_set_up = True

    @classmethod
    def recognise_i2c(cls, chip: Chip) -> Sighting | None:
        """By its device id; without one it may be, if its configuration makes sense."""
        if chip.register(DEVICE_ID, WORD_BYTES)[0] == VEML7700_ID:
            return Sighting()
        config = int.from_bytes(chip.register(CONFIG, WORD_BYTES), "little")
        doubt = "it does not give the device id of a VEML7700"
        return None if config & RESERVED else Sighting(doubt=doubt)
