"""Sensirion SHT4x and SHT3x: air temperature and humidity over I2C (data sheets of both)."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, ClassVar

from pydantic import Field

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import Chip, I2c, I2cConfig, PolledDriver, Sighting, Waiter
from edge_gateway.drivers.formats.flags import in_range
from edge_gateway.drivers.formats.i2c_registers import Hex
from edge_gateway.drivers.formats.sensirion import VARIANTS, WORD_BYTES, Model, words
from edge_gateway.links.errors import BadFrame, DeviceReset, DeviceSilent
from edge_gateway.links.frames import shown
from edge_gateway.reading import Measured, Quantity

RANGE_CEL = (-40.0, 125.0)  # specified range; the formula alone reaches -45 to 130

# Data sheet SHT3x-DIS, sections 4.10 and 4.11. An SHT4x has no such register, and no setting that
# a reset could lose: it forgets at most the measurement it was asked for, and acknowledges nothing.
READ_STATUS, CLEAR_STATUS, HEATER_OFF = b"\xf3\x2d", b"\x30\x41", b"\x30\x66"
RESET_DETECTED, HEATER_ON = 0x0010, 0x2000
COMMAND_S = 0.001  # shortest pause behind a command, table 4


class ShtConfig(I2cConfig):
    """An SHT4x or SHT3x; behind a radiation shield if it is to measure air."""

    address: Annotated[Hex, Field(ge=0x44, le=0x46, description="7-bit address on the bus")] = 0x44
    model: Annotated[Model, Field(description="sensor family: their humidity formulas differ")] = (
        "sht4x"
    )


def decode(answer: bytes, model: Model = "sht4x") -> Measured:
    """Turn the six bytes of a measurement into degC and %RH; BadFrame on a wrong checksum.

    SHT4x humidity runs from -6 to 119 %RH; the data sheet (section 4.6) has values beyond 0 and
    100 cropped to them. A temperature outside the specified range is flagged FAIL and kept.
    """
    if set(answer) in ({0x00}, {0xFF}):
        raise BadFrame(f"SHT answer is all {answer[0]:02x}: SDA held, or the sensor lost power")
    if answer.endswith(b"\xff\xff"):
        # The bus floats high behind an answer that broke off; ff is the checksum of a3 ff too.
        raise BadFrame(f"SHT answer breaks off: {shown(answer)}")
    raw_temperature, raw_humidity = words(answer, 2)
    variant = VARIANTS[model]
    humidity = variant.humidity_rh(raw_humidity)
    return {
        Quantity.AIR_TEMPERATURE: in_range(variant.temperature_cel(raw_temperature), RANGE_CEL),
        Quantity.RELATIVE_HUMIDITY: min(100.0, max(0.0, humidity)),
    }


class Sht(PolledDriver[ShtConfig, I2c]):
    """Measures once per call; between calls the sensor sleeps.

    An SHT3x is asked before each measurement whether it has restarted or was left heating.
    """

    title: ClassVar[str] = "Sensirion SHT4x and SHT3x (data sheets SHT4x, SHT3x-DIS)"
    config_model: ClassVar[type[DeviceConfig]] = ShtConfig
    quantities: ClassVar[tuple[Quantity, ...]] = (
        Quantity.AIR_TEMPERATURE,
        Quantity.RELATIVE_HUMIDITY,
    )
    i2c_addresses: ClassVar[tuple[int, ...]] = (0x44, 0x45, 0x46)

    def __init__(self, config: ShtConfig, link: I2c, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        self._is_set_up = False

    def read(self) -> Measured:
        """Start a conversion, wait its longest time, fetch the answer."""
        if self.config.model == "sht3x":
            self._look_at_its_status()
        variant = VARIANTS[self.config.model]
        self.link.write(self.config.address, variant.measure)
        self.waiter.sleep(variant.conversion_s)
        return decode(self.link.read(self.config.address, 2 * WORD_BYTES), self.config.model)

    def _look_at_its_status(self) -> None:
        self._command(READ_STATUS)
        (status,) = words(self.link.read(self.config.address, WORD_BYTES), 1)
        if self._is_set_up and not status & (RESET_DETECTED | HEATER_ON):
            return
        for command in (CLEAR_STATUS, HEATER_OFF):
            self._command(command)
        if self._is_set_up:
            what = "was left heating" if status & HEATER_ON else "has restarted"
            raise DeviceReset(f"the SHT3x {what} (status 0x{status:04x})")
        self._is_set_up = True  # what it was before the gateway came is no event

    def _command(self, command: bytes) -> None:
        self.link.write(self.config.address, command)
        self.waiter.sleep(COMMAND_S)

    @classmethod
    def recognise_i2c(cls, chip: Chip) -> Sighting | None:
        """By its serial number, which has two checksums; either ignores the other's command."""
        for model, variant in VARIANTS.items():
            with suppress(DeviceSilent, BadFrame):
                words(chip.answer(variant.serial_number, COMMAND_S, 2 * WORD_BYTES), 2)
                return Sighting({"model": model})
        return None
