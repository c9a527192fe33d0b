"""Thermometers with the firmware ATC_MiThermometer: the formats "custom" of pvvx and "atc1441".

Both are service data 0x181A, with nothing but their length to tell them apart (README of
pvvx/ATC_MiThermometer, "Bluetooth Advertising Formats"; README of atc1441/ATC_MiThermometer).
"""

from __future__ import annotations

import struct

from edge_gateway.drivers.formats.advert import SERVICE_FIELD, Sample
from edge_gateway.drivers.formats.flags import in_range
from edge_gateway.links.errors import BadFrame
from edge_gateway.links.frames import shown
from edge_gateway.reading import Measured, Quantity

SERVICE = "0000181a-0000-1000-8000-00805f9b34fb"
SERVICE_ON_AIR = b"\x1a\x18"
PATTERN = (0, SERVICE_FIELD, SERVICE_ON_AIR)

# MAC, temperature, humidity, battery in mV and in %, count of measurements, flags; least
# significant byte first.
PVVX = struct.Struct("<6shHHBBB")
# MAC, temperature, humidity, battery in % and in mV, count; most significant byte first.
ATC = struct.Struct(">6shBBHB")

PVVX_CEL_PER_COUNT = 0.01
PVVX_RH_PER_COUNT = 0.01
ATC_CEL_PER_COUNT = 0.1
V_PER_COUNT = 0.001

TEMPERATURE_CEL = (-40.0, 125.0)  # its SHTC3 or SHT4x
HUMIDITY_RH = (0.0, 100.0)


def decode(data: bytes) -> Sample:
    """Turn service data 0x181A into degC, %RH and V; BadFrame where the length is of neither.

    A value outside the sensor's range is flagged FAIL and kept.
    """
    if len(data) == PVVX.size:
        _, temperature, humidity, battery_mv, _, count, _ = PVVX.unpack(data)
        cel, rh = temperature * PVVX_CEL_PER_COUNT, humidity * PVVX_RH_PER_COUNT
    elif len(data) == ATC.size:
        _, temperature, humidity, _, battery_mv, count = ATC.unpack(data)
        cel, rh = temperature * ATC_CEL_PER_COUNT, float(humidity)
    else:
        raise BadFrame(f"neither pvvx (15 bytes) nor atc1441 (13 bytes): {shown(data)}")
    measured: Measured = {
        Quantity.AIR_TEMPERATURE: in_range(cel, TEMPERATURE_CEL),
        Quantity.RELATIVE_HUMIDITY: in_range(rh, HUMIDITY_RH),
        Quantity.BATTERY_VOLTAGE: battery_mv * V_PER_COUNT,
    }
    return Sample(measured, count)
