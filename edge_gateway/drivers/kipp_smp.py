"""Kipp & Zonen SMP pyranometers over Modbus RTU (SMP series manual, appendix A)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import Modbus, ModbusConfig, PolledDriver, Sighting
from edge_gateway.drivers.formats.flags import in_range, missing
from edge_gateway.drivers.formats.modbus_words import checked, signed
from edge_gateway.links.errors import BadFrame
from edge_gateway.reading import Flag, Flagged, Measured, Quantity

# Registers 2-9, as in the manual's example: mode, status, scale factor, irradiance, raw
# irradiance, its deviation, body temperature, supply.
FIRST_REGISTER = 2
REGISTERS = 8
NORMAL_MODE = 1
DEVICE_TYPES = frozenset({*range(601, 609), *range(617, 621)})  # register 0, from SMP3 to SMP22
SCALE_FACTORS = {2: 0.01, 1: 0.1, 0: 1.0, -1: 10.0}
CEL_PER_COUNT = 0.1
V_PER_COUNT = 0.1

# Status bits stand in the order of discrete inputs 2-9. The first four void the irradiance; a
# fault of the analogue output or of the memory leaves it as it is, in doubt.
VOID, OVERFLOW, UNDERFLOW, ERROR = 0x01, 0x02, 0x04, 0x08
VOIDING = {
    VOID: "void signal",
    OVERFLOW: "overflow",
    UNDERFLOW: "underflow",
    ERROR: "hardware error",
}
DOUBTFUL = {
    0x10: "A/D converter",
    0x20: "D/A converter",
    0x40: "calibration checksum",
    0x80: "update of the calibration failed",
}

IRRADIANCE_W_M2 = (-50.0, 4000.0)  # SMP11, 21, 22; SMP3 and 6 end at 2000
BODY_TEMPERATURE_CEL = (-40.0, 80.0)
SUPPLY_V = (5.0, 30.0)


class KippSmpConfig(ModbusConfig):
    """An SMP3, 6, 10, 11, 12, 21 or 22; the factory setting is 19200 baud 8E1, slave 1."""


def decode(registers: Sequence[int]) -> Measured:
    """Turn registers 2-9 into W/m2, the body's degC and the supply's V.

    Irradiance is MISSING with the reason when the status or a mode other than normal voids it.
    Raises BadFrame unless there are eight registers and the scale factor is in the manual.
    """
    mode, status, scale, irradiance, _, _, body, supply = checked(registers, REGISTERS)
    factor = SCALE_FACTORS.get(signed(scale))
    if factor is None:
        raise BadFrame(f"scale factor {signed(scale)} is not in the manual")
    return {
        Quantity.GLOBAL_IRRADIANCE: _judged(signed(irradiance) * factor, mode, status),
        Quantity.BODY_TEMPERATURE: in_range(signed(body) * CEL_PER_COUNT, BODY_TEMPERATURE_CEL),
        Quantity.SUPPLY_VOLTAGE: in_range(supply * V_PER_COUNT, SUPPLY_V),
    }


class KippSmp(PolledDriver[KippSmpConfig, Modbus]):
    """Reads all it needs in one request, so that value and scale factor belong together."""

    title: ClassVar[str] = "Kipp & Zonen SMP3 to SMP22 smart pyranometer (SMP series manual)"
    config_model: ClassVar[type[DeviceConfig]] = KippSmpConfig
    quantities: ClassVar[tuple[Quantity, ...]] = (
        Quantity.GLOBAL_IRRADIANCE,
        Quantity.BODY_TEMPERATURE,
        Quantity.SUPPLY_VOLTAGE,
    )
    modbus_lines: ClassVar[tuple[tuple[int, str], ...]] = ((19200, "E"),)

    def read(self) -> Measured:
        """Ask once."""
        return decode(self.link.read_input(self.config.unit, FIRST_REGISTER, REGISTERS))

    @classmethod
    def recognise_slave(cls, line: Modbus, unit: int) -> Sighting | None:
        """By its device type."""
        (device_type,) = line.read_input(unit, 0, 1)
        return Sighting() if device_type in DEVICE_TYPES else None


def _judged(irradiance: float, mode: int, status: int) -> float | Flagged:
    if mode != NORMAL_MODE:
        return missing(f"mode {mode}: not measuring normally")
    voided = [name for bit, name in VOIDING.items() if status & bit]
    if voided:
        return missing(f"status: {', '.join(voided)}")
    measured = in_range(irradiance, IRRADIANCE_W_M2)
    doubts = [name for bit, name in DOUBTFUL.items() if status & bit]
    if doubts and not isinstance(measured, Flagged):
        return Flagged(irradiance, Flag.SUSPECT, f"status: {', '.join(doubts)}")
    return measured
