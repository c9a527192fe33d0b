"""What the gateway does on the bed: the answers to its questions, or its errors, as JSON."""

from __future__ import annotations

import json
import sys

from edge_gateway.clock import SystemClock
from edge_gateway.drivers.bme280 import Bme280, Bme280Config
from edge_gateway.drivers.sht import Sht, ShtConfig
from edge_gateway.links.errors import DeviceError
from edge_gateway.links.i2c import I2cBus


def answer(bus: I2cBus, address: int) -> dict[str, object] | list[str]:
    """Measured values by quantity, or name and text of the error."""
    clock = SystemClock()
    if address in {0x76, 0x77}:
        sensor = Bme280(Bme280Config(id="air", driver="bme280", address=address), bus, clock)
    else:
        sensor = Sht(ShtConfig(id="air", driver="sht", address=address), bus, clock)
    try:
        return {str(quantity): value for quantity, value in sensor.read().items()}
    except DeviceError as error:
        return [type(error).__name__, str(error)]


def no_answer(bus: I2cBus, address: int) -> list[str]:
    """Name and text of the error of a read that nobody was told of before."""
    try:
        bus.read(address, 6)
    except DeviceError as error:
        return [type(error).__name__, str(error)]
    return []


if __name__ == "__main__":
    bus = I2cBus(1)
    talk = {
        "good": answer(bus, 0x44),
        "half": answer(bus, 0x45),
        "unasked": no_answer(bus, 0x44),
        "absent": no_answer(bus, 0x20),
        "stuck": answer(bus, 0x46),
        "after": answer(bus, 0x44),
        "registers": answer(bus, 0x76),
        "forgetful": answer(bus, 0x77),
        "no_bus": answer(I2cBus(7), 0x44),
    }
    json.dump(talk, sys.stdout)
