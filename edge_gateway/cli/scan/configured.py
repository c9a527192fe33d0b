"""What the configuration has already: a scan leaves it out of what is to be pasted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from edge_gateway.cli.check import read
from edge_gateway.cli.scan.findings import Remark
from edge_gateway.config import DeviceConfig
from edge_gateway.config_file import ConfigError
from edge_gateway.drivers.contract import (
    BleConfig,
    I2cConfig,
    ModbusConfig,
    SerialConfig,
    W1Config,
)

HERE = Path("gateway.toml")


def configured(named: Path | None) -> tuple[Sequence[DeviceConfig], Sequence[Remark]]:
    """Devices of the named configuration, or of the one in this folder, where there is one.

    ConfigError when the named one cannot be used; the other is then a remark, for it may be what
    the scan is to mend.
    """
    if named is not None:
        return read(named).device, ()
    if not HERE.exists():
        return (), ()
    try:
        return read(HERE).device, ()
    except ConfigError:
        what = f"cannot be used, so nothing is left out; edge-gateway check {HERE} says why"
        return (), [Remark(str(HERE), what)]


def namesake(device: DeviceConfig, among: Sequence[DeviceConfig]) -> str:
    """Id of the device that is configured in the same place, whatever its driver; or empty."""
    place = _place(device)
    return next((one.id for one in among if place and _place(one) == place), "")


def _place(device: DeviceConfig) -> tuple[object, ...]:
    match device:
        case I2cConfig():
            return ("i2c", device.bus, device.address)
        case ModbusConfig():
            return (os.path.realpath(device.port), device.unit)
        case SerialConfig():
            return (os.path.realpath(device.port),)
        case W1Config():
            return (device.slave,)
        case BleConfig():
            return (device.address,)
        case _:
            return ()
