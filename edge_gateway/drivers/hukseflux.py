"""Hukseflux SR05-D1A3 pyranometer over Modbus RTU (manual v1801, register table)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import Modbus, ModbusConfig, PolledDriver
from edge_gateway.links.errors import BadFrame
from edge_gateway.reading import Flag, Flagged, Measured, Quantity

# Registers 2-6 in one request: a 32-bit value read in two could be torn by a new measurement.
FIRST_REGISTER = 2
REGISTERS = 5
PV_VARIANT_OFFSET = 0x1000
W_M2_PER_COUNT = 0.01
CEL_PER_COUNT = 0.01

# Specified: irradiance up to 2000 W/m2, body -40 to 80 degC. At night the thermopile's own
# offset is a few W/m2 below zero, and stays as it is.
IRRADIANCE_W_M2 = (-50.0, 2000.0)
BODY_TEMPERATURE_CEL = (-40.0, 80.0)


class HuksefluxConfig(ModbusConfig):
    """An SR05 with digital output; the factory setting is 19200 baud 8E1, slave 1."""

    pv_variant: Annotated[
        bool, Field(description="true for SR05-D1A3-PV: its registers lie at +0x1000")
    ] = False


def decode(registers: Sequence[int]) -> Measured:
    """Turn registers 2-6 into W/m2 and the body's degC; BadFrame unless there are five.

    Irradiance is signed 32 bit, most significant register first, in 0.01 W/m2; body temperature
    is signed 16 bit in 0.01 degC. A value the device cannot measure is flagged FAIL and kept.
    """
    if len(registers) != REGISTERS:
        raise BadFrame(f"{len(registers)} registers came where {REGISTERS} were asked for")
    irradiance = _signed(registers[0] << 16 | registers[1], 32) * W_M2_PER_COUNT
    body = _signed(registers[4], 16) * CEL_PER_COUNT
    return {
        Quantity.GLOBAL_IRRADIANCE: _in_range(irradiance, IRRADIANCE_W_M2),
        Quantity.BODY_TEMPERATURE: _in_range(body, BODY_TEMPERATURE_CEL),
    }


class Hukseflux(PolledDriver[HuksefluxConfig, Modbus]):
    """Reads irradiance and body temperature in one request."""

    title: ClassVar[str] = "Hukseflux SR05-D1A3 and SR05-D1A3-PV pyranometer (manual v1801)"
    config_model: ClassVar[type[DeviceConfig]] = HuksefluxConfig
    quantities: ClassVar[tuple[Quantity, ...]] = (
        Quantity.GLOBAL_IRRADIANCE,
        Quantity.BODY_TEMPERATURE,
    )

    def read(self) -> Measured:
        """Ask once."""
        offset = PV_VARIANT_OFFSET if self.config.pv_variant else 0
        first = FIRST_REGISTER + offset
        return decode(self.link.read_holding(self.config.unit, first, REGISTERS))


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _in_range(value: float, span: tuple[float, float]) -> float | Flagged:
    low, high = span
    if low <= value <= high:
        return value
    return Flagged(value, Flag.FAIL, "outside the device's range")
