"""Hukseflux SR05-D1A3 pyranometer over Modbus RTU (manual v1801, register table)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, ClassVar

from pydantic import Field

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import Modbus, ModbusConfig, PolledDriver, Sighting
from edge_gateway.drivers.formats.flags import in_range
from edge_gateway.drivers.formats.modbus_words import checked, signed
from edge_gateway.links.errors import BadFrame, DeviceSilent, Misconfigured
from edge_gateway.reading import Measured, Quantity

# Registers 2-6 in one request: a 32-bit value read in two could be torn by a new measurement.
FIRST_REGISTER = 2
REGISTERS = 5
PV_VARIANT_OFFSET = 0x1000
# Registers 0-9: the first is the slave address, the last two are the scale factors.
IDENTITY_REGISTERS, SCALE_FACTORS = 10, (100, 100)
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
    high, low, _, _, body = checked(registers, REGISTERS)
    return {
        Quantity.GLOBAL_IRRADIANCE: in_range(signed(high, low) * W_M2_PER_COUNT, IRRADIANCE_W_M2),
        Quantity.BODY_TEMPERATURE: in_range(signed(body) * CEL_PER_COUNT, BODY_TEMPERATURE_CEL),
    }


class Hukseflux(PolledDriver[HuksefluxConfig, Modbus]):
    """Reads irradiance and body temperature in one request."""

    title: ClassVar[str] = "Hukseflux SR05-D1A3 and SR05-D1A3-PV pyranometer (manual v1801)"
    config_model: ClassVar[type[DeviceConfig]] = HuksefluxConfig
    quantities: ClassVar[tuple[Quantity, ...]] = (
        Quantity.GLOBAL_IRRADIANCE,
        Quantity.BODY_TEMPERATURE,
    )
    modbus_lines: ClassVar[tuple[tuple[int, str], ...]] = ((19200, "E"),)

    def read(self) -> Measured:
        """Ask once."""
        offset = PV_VARIANT_OFFSET if self.config.pv_variant else 0
        first = FIRST_REGISTER + offset
        return decode(self.link.read_holding(self.config.unit, first, REGISTERS))

    @classmethod
    def recognise_slave(cls, line: Modbus, unit: int) -> Sighting | None:
        """By its own address in the first register, and its scale factors."""
        for first, pv_variant in ((0, False), (PV_VARIANT_OFFSET, True)):
            with suppress(BadFrame, DeviceSilent, Misconfigured):
                held = line.read_holding(unit, first, IDENTITY_REGISTERS)
                if held[0] == unit and held[-2:] == SCALE_FACTORS:
                    return Sighting({"pv_variant": pv_variant})
        return None
