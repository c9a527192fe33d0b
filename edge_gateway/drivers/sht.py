"""Sensirion SHT4x and SHT3x: air temperature and humidity over I2C (data sheets of both)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import I2c, I2cConfig, PolledDriver, Waiter
from edge_gateway.links.errors import BadFrame, DeviceReset
from edge_gateway.links.frames import crc8, shown
from edge_gateway.reading import Flag, Flagged, Measured, Quantity

CRC_POLYNOMIAL, CRC_START = 0x31, 0xFF
WORD_BYTES = 3
ANSWER_BYTES = 6
FULL_SCALE = 65535
TEMPERATURE_CEL = (-40.0, 125.0)  # specified range; the formula alone reaches -45 to 130

# Data sheet SHT3x-DIS, sections 4.10 and 4.11. An SHT4x has no such register, and no setting that
# a reset could lose: it forgets at most the measurement it was asked for, and acknowledges nothing.
READ_STATUS, CLEAR_STATUS, HEATER_OFF = b"\xf3\x2d", b"\x30\x41", b"\x30\x66"
RESET_DETECTED, HEATER_ON = 0x0010, 0x2000
COMMAND_S = 0.001  # shortest pause behind a command, table 4

Model = Literal["sht4x", "sht3x"]


@dataclass(frozen=True, slots=True)
class Variant:
    """What differs between the two families: command, longest conversion, humidity formula."""

    measure: bytes
    conversion_s: float
    humidity_offset: float
    humidity_span: float


# High repeatability, single shot, no clock stretching (Pi 1-4 mishandle it). While it converts
# the sensor does not acknowledge a read: the wait is the longest conversion of the data sheet,
# 8.3 ms and 15.5 ms, and a margin.
VARIANTS: Mapping[Model, Variant] = {
    "sht4x": Variant(b"\xfd", 0.010, -6.0, 125.0),
    "sht3x": Variant(b"\x24\x00", 0.020, 0.0, 100.0),
}


class ShtConfig(I2cConfig):
    """An SHT4x or SHT3x; behind a radiation shield if it is to measure air."""

    address: Annotated[int, Field(ge=0x44, le=0x46, description="7-bit address on the bus")] = 0x44
    model: Annotated[Model, Field(description="sensor family: their humidity formulas differ")] = (
        "sht4x"
    )


def decode(answer: bytes, model: Model = "sht4x") -> Measured:
    """Turn the six bytes of a measurement into degC and %RH; BadFrame on a wrong checksum.

    SHT4x humidity runs from -6 to 119 %RH; the data sheet (section 4.6) has values beyond 0 and
    100 cropped to them. A temperature outside the specified range is flagged FAIL and kept.
    """
    if len(answer) != ANSWER_BYTES:
        raise BadFrame(f"SHT answer of {len(answer)} bytes: {shown(answer)}")
    if len(set(answer)) == 1 and answer[0] in {0x00, 0xFF}:
        raise BadFrame(f"SHT answer is all {answer[0]:02x}: SDA held, or the sensor lost power")
    raw_temperature, raw_humidity = _word(answer[:WORD_BYTES]), _word(answer[WORD_BYTES:])
    variant = VARIANTS[model]
    temperature = -45.0 + 175.0 * raw_temperature / FULL_SCALE
    humidity = variant.humidity_offset + variant.humidity_span * raw_humidity / FULL_SCALE
    low, high = TEMPERATURE_CEL
    return {
        Quantity.AIR_TEMPERATURE: temperature
        if low <= temperature <= high
        else Flagged(temperature, Flag.FAIL, "outside the device's range"),
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
        return decode(self.link.read(self.config.address, ANSWER_BYTES), self.config.model)

    def _look_at_its_status(self) -> None:
        self._command(READ_STATUS)
        status = _word(self.link.read(self.config.address, WORD_BYTES))
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


def _word(data: bytes) -> int:
    if crc8(data[:2], polynomial=CRC_POLYNOMIAL, start=CRC_START) != data[2]:
        raise BadFrame(f"SHT word {shown(data)} fails its checksum")
    return int.from_bytes(data[:2])
