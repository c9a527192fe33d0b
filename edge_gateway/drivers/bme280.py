"""Bosch BME280: air temperature, humidity and pressure over I2C (data sheet BST-BME280-DS002)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import Chip, I2c, I2cConfig, PolledDriver, Sighting, Waiter
from edge_gateway.drivers.formats import bosch_bme280 as bosch
from edge_gateway.drivers.formats.flags import known
from edge_gateway.drivers.formats.i2c_registers import Bits, Hex, Registers
from edge_gateway.links.errors import BadFrame, DeviceReset
from edge_gateway.links.frames import shown
from edge_gateway.reading import Measured, Quantity

# Register map, section 5.3.
CALIBRATION, HUMIDITY_CALIBRATION, CHIP_ID, RESET = 0x88, 0xE1, 0xD0, 0xE0
CTRL_HUM, STATUS, CTRL_MEAS, CONFIG, DATA = 0xF2, 0xF3, 0xF4, 0xF5, 0xF7
SOFT_RESET = 0xB6
COPYING, MEASURING = 0x01, 0x08  # in STATUS: calibration copied from its memory, conversion runs
COPIED, MEASURED = Bits(STATUS, 1, COPYING, 0), Bits(STATUS, 1, MEASURING, 0)
START_UP_S, START_UP_POLLS = 0.002, 5
CONVERSION_S = 0.0093  # section 9.1: the longest, each value once
CONVERSION_POLL_S, CONVERSION_POLLS = CONVERSION_S / 5, 5

# Specified ranges, section 1.
TEMPERATURE_CEL, PRESSURE_PA, HUMIDITY_RH = (-40.0, 85.0), (30_000.0, 110_000.0), (0.0, 100.0)
SKIPPED = "skipped by the chip"

Model = bosch.Model


class Bme280Config(I2cConfig):
    """A BME280; behind a radiation shield if it is to measure air."""

    address: Annotated[Hex, Field(ge=0x76, le=0x77, description="7-bit address on the bus")] = 0x76
    model: Annotated[
        Model, Field(description="bmp280 is the chip without humidity, often sold as a BME280")
    ] = "bme280"


def decode(data: bytes, calibration: bosch.Calibration) -> Measured:
    """Turn registers 0xF7 to 0xFE into degC, Pa and, with humidity calibration, %RH.

    Raises BadFrame unless there are eight bytes of data. A channel at its power-up value is
    MISSING; a value outside the specified range is flagged FAIL and kept, where Bosch's own code
    returns the limit as if it had been measured. Humidity is cropped to 0-100 %RH (section 8.1).
    """
    if len(data) != bosch.DATA_BYTES or bosch.is_blank(data):
        raise BadFrame(f"BME280 data of {len(data)} bytes: {shown(data)}")
    cel, pa, rh = calibration.compensated(data)
    why = "no temperature to compensate it by" if cel is None else SKIPPED
    measured: Measured = {
        Quantity.AIR_TEMPERATURE: known(cel, TEMPERATURE_CEL, SKIPPED),
        Quantity.AIR_PRESSURE: known(pa, PRESSURE_PA, why),
    }
    if not calibration.h:
        return measured
    return {**measured, Quantity.RELATIVE_HUMIDITY: known(rh, HUMIDITY_RH, why)}


class Bme280(PolledDriver[Bme280Config, I2c]):
    """Measures once per call; between calls the sensor sleeps, which keeps it cool."""

    title: ClassVar[str] = "Bosch BME280, and BMP280 without humidity (BST-BME280-DS002)"
    config_model: ClassVar[type[DeviceConfig]] = Bme280Config
    quantities: ClassVar[tuple[Quantity, ...]] = (
        Quantity.AIR_TEMPERATURE,
        Quantity.RELATIVE_HUMIDITY,
        Quantity.AIR_PRESSURE,
    )
    i2c_addresses: ClassVar[tuple[int, ...]] = (0x76, 0x77)

    def __init__(self, config: Bme280Config, link: I2c, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        self._chip = Registers(link, config.address)
        self._calibration: bosch.Calibration | None = None

    def read(self) -> Measured:
        """Force one conversion, wait its longest time, fetch the data."""
        calibration = self._calibration or self._set_up()
        self._chip.write(CTRL_MEAS, bytes((bosch.FORCED,)))
        self.waiter.sleep(CONVERSION_S)
        self._chip.wait_for(MEASURED, self.waiter.sleep, CONVERSION_POLL_S, CONVERSION_POLLS)
        data = self._chip.read(DATA, bosch.DATA_BYTES)
        # Looked at behind the data: a supply that failed at any time before shows here.
        controls = self._chip.read(CTRL_HUM, CONFIG - CTRL_HUM + 1)
        if not bosch.are_ours(controls, is_humid=bool(calibration.h)):
            self._set_up()
            raise DeviceReset("the BME280 had lost its settings: its supply failed for a moment")
        return decode(data, calibration)

    def _set_up(self) -> bosch.Calibration:
        self._calibration = None  # until all is done: a set-up that broke off begins anew
        (chip_id,) = self._chip.read(CHIP_ID, 1)
        bosch.check_identity(chip_id, self.config.model, self.config.address)
        self._chip.write(RESET, bytes((SOFT_RESET,)))
        self.waiter.sleep(START_UP_S)
        self._chip.wait_for(COPIED, self.waiter.sleep, START_UP_S, START_UP_POLLS)
        low, high = self._chip.read(CALIBRATION, bosch.CALIBRATION_BYTES), b""
        if self.config.model == "bme280":
            high = self._chip.read(HUMIDITY_CALIBRATION, bosch.HUMIDITY_CALIBRATION_BYTES)
            # Takes effect with the next write of CTRL_MEAS, section 5.4.3.
            self._chip.write(CTRL_HUM, bytes((bosch.ONCE,)))
        calibration = bosch.decode_calibration(low, high)
        self._chip.write(CONFIG, bytes((bosch.MARK,)))
        self._calibration = calibration
        return calibration

    @classmethod
    def recognise_i2c(cls, chip: Chip) -> Sighting | None:
        """By its chip id."""
        model = bosch.MODELS.get(chip.register(CHIP_ID, 1)[0])
        return Sighting({"model": model}) if model else None
