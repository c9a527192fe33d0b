"""Whether the outbox can hold the outage that the configuration promises, for `check`."""

from __future__ import annotations

from edge_gateway.config import Config, DeviceConfig
from edge_gateway.drivers.ads1115 import Ads1115Config
from edge_gateway.drivers.modbus_profile import ModbusProfileConfig
from edge_gateway.drivers.registry import load
from edge_gateway.outbox.capacity import holds, quota_for

_MEGABYTE = 1_000_000


def outage_problem(config: Config) -> str:
    """Say why the quota does not hold `outbox.outage_hours`, and which would; empty when it does.

    Programs that hand readings in through a socket are not counted: their rate is theirs.
    """
    box = config.outbox
    series = {device.id: _values(device) for device in config.device if device.samples_per_s}
    rate = sum(series.get(device.id, 0) * device.samples_per_s for device in config.device)
    quota_bytes, count = box.quota_mb * _MEGABYTE, sum(series.values())
    if holds(
        quota_bytes,
        readings_per_s=rate,
        series=count,
        outage_hours=box.outage_hours,
        commit_interval_s=box.commit_interval_s,
    ):
        return ""
    least = quota_for(
        readings_per_s=rate,
        series=count,
        outage_hours=box.outage_hours,
        commit_interval_s=box.commit_interval_s,
    )
    return (
        f"{box.quota_mb} MB do not hold an outage of {box.outage_hours:g} h at the {rate:.3g}"
        f" readings/s of these devices: give it quota_mb = {least // _MEGABYTE + 1},"
        " or promise less in outage_hours"
    )


def _values(device: DeviceConfig) -> int:
    """How many values one sample of a device has, at most."""
    match device:
        case Ads1115Config():
            return len(device.channel)
        case ModbusProfileConfig():
            return len(device.register_map().registers)
        case _:
            return len(load(device.driver).quantities)
