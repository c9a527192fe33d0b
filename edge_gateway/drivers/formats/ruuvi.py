"""RuuviTag data format 5, RAWv2 (ruuvi-sensor-protocols, dataformat_05)."""

from __future__ import annotations

import math
import struct

from edge_gateway.drivers.formats.advert import MANUFACTURER_FIELD, Sample
from edge_gateway.drivers.formats.flags import in_range
from edge_gateway.links.errors import BadFrame
from edge_gateway.links.frames import shown
from edge_gateway.reading import Flag, Flagged, Measured, Quantity

COMPANY = 0x0499
PATTERN = (0, MANUFACTURER_FIELD, COMPANY.to_bytes(2, "little"))
FORMAT = 5
# Format, temperature, humidity, pressure, acceleration in x, y and z, power, movements, sequence,
# MAC; most significant byte first.
LAYOUT = struct.Struct(">BhHHhhhHBH6s")

CEL_PER_COUNT = 0.005
RH_PER_COUNT = 0.0025
PRESSURE_OFFSET_PA = 50_000
BATTERY_OFFSET_V, V_PER_COUNT, BATTERY_SHIFT = 1.6, 0.001, 5

NO_TEMPERATURE, NO_HUMIDITY, NO_PRESSURE, NO_BATTERY = -0x8000, 0xFFFF, 0xFFFF, 2047
NO_SEQUENCE = 0xFFFF

# RuuviTag specification: -40 to 85 degC, 0 to 100 %RH, 300 to 1100 hPa.
TEMPERATURE_CEL = (-40.0, 85.0)
HUMIDITY_RH = (0.0, 100.0)
PRESSURE_PA = (30_000.0, 110_000.0)


def decode(data: bytes) -> Sample:
    """Turn the manufacturer data behind the company id into degC, %RH, Pa and V.

    Raises BadFrame on another length or format. What the tag could not measure is MISSING; what
    lies outside its range, as humidity above 100 %RH in dew, is flagged FAIL and kept.
    """
    if len(data) != LAYOUT.size or data[0] != FORMAT:
        raise BadFrame(f"no RuuviTag data format 5: {shown(data)}")
    _, temperature, humidity, pressure, _, _, _, power, _, sequence, _ = LAYOUT.unpack(data)
    battery = power >> BATTERY_SHIFT
    missing = Flagged(math.nan, Flag.MISSING, "not available")
    measured: Measured = {
        Quantity.AIR_TEMPERATURE: missing
        if temperature == NO_TEMPERATURE
        else in_range(temperature * CEL_PER_COUNT, TEMPERATURE_CEL),
        Quantity.RELATIVE_HUMIDITY: missing
        if humidity == NO_HUMIDITY
        else in_range(humidity * RH_PER_COUNT, HUMIDITY_RH),
        Quantity.AIR_PRESSURE: missing
        if pressure == NO_PRESSURE
        else in_range(float(pressure + PRESSURE_OFFSET_PA), PRESSURE_PA),
        Quantity.BATTERY_VOLTAGE: missing
        if battery == NO_BATTERY
        else BATTERY_OFFSET_V + battery * V_PER_COUNT,
    }
    return Sample(measured, data if sequence == NO_SEQUENCE else sequence)
