"""Which simulated device stands in for which driver: the one table of the rig, by kind of wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

from edge_gateway.cli.rig.subject import Faulty
from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.ads1115 import Ads1115Config, ChannelConfig
from edge_gateway.drivers.bh1750 import Bh1750Config
from edge_gateway.drivers.ble_adv import BleAdvConfig, bind_key
from edge_gateway.drivers.bme280 import Bme280Config
from edge_gateway.drivers.ds18b20 import Ds18b20Config
from edge_gateway.drivers.formats.analog import SensorConfig
from edge_gateway.drivers.hukseflux import HuksefluxConfig
from edge_gateway.drivers.kipp_smp import KippSmpConfig
from edge_gateway.drivers.modbus_profile import ModbusProfileConfig
from edge_gateway.drivers.nmea_mwv import NmeaMwvConfig
from edge_gateway.drivers.sht import ShtConfig
from edge_gateway.drivers.veml7700 import Veml7700Config
from edge_gateway.drivers.windsonic import WindSonicConfig
from edge_gateway.drivers.wxt530 import Wxt530Config
from edge_gateway.links.errors import Misconfigured
from edge_gateway.twins.ads1115 import Ads1115Twin, Voltages, current_loop, vane
from edge_gateway.twins.bh1750 import Bh1750Twin
from edge_gateway.twins.bme280 import Bme280Twin
from edge_gateway.twins.ds18b20 import Ds18b20Twin
from edge_gateway.twins.hukseflux import HuksefluxTwin
from edge_gateway.twins.i2c_bus import I2cChip
from edge_gateway.twins.kipp_smp import KippSmpTwin
from edge_gateway.twins.modbus_profile import ModbusProfileTwin, held_value
from edge_gateway.twins.modbus_slave import ModbusTwin
from edge_gateway.twins.nmea_mwv import NmeaMwvTwin
from edge_gateway.twins.pty_line import LineTwin, PtyLine
from edge_gateway.twins.sht import ShtTwin
from edge_gateway.twins.veml7700 import Veml7700Twin
from edge_gateway.twins.w1_tree import W1Slave
from edge_gateway.twins.weather import Seconds, Weather, WeatherScene, stopwatch
from edge_gateway.twins.windsonic import WindSonicTwin
from edge_gateway.twins.wxt530 import Wxt530Twin

if TYPE_CHECKING:
    from edge_gateway.twins.ble_sensors import Air, BleSensor

# Data sheets BST-BME280-DS002 section 5.4.1 and BST-BMP280-DS001 section 4.3.1.
CHIP_ID: Mapping[str, int] = {"bme280": 0x60, "bmp280": 0x58}


class Shared(TypedDict):
    """What every twin takes, whatever it simulates."""

    seconds: Seconds
    chance: Random


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all twins of a rig are in: weather, time, and bad luck."""

    seed: int
    scene: WeatherScene
    seconds: Seconds

    def of(self, device: DeviceConfig) -> Shared:
        """This device's share: where its faults strike depends on no other."""
        chance = Random(f"{self.seed} {device.id}")  # noqa: S311  places of faults, not secrets
        return {"seconds": self.seconds, "chance": chance}


def surroundings(seed: int) -> Surroundings:
    """Begin now; the same seed has the same weather, and faults strike the same places."""
    return Surroundings(seed, WeatherScene(seed), stopwatch())


class FaultyChip(I2cChip, Faulty, Protocol):
    """A simulated chip with faults on demand."""


class FaultySlave(W1Slave, Faulty, Protocol):
    """A simulated 1-Wire slave with faults on demand."""


def _windsonic(config: WindSonicConfig, line: PtyLine, around: Surroundings) -> WindSonicTwin:
    node = config.node if config.mode == "polled" else None
    return WindSonicTwin(
        line, around.scene, rate_hz=config.rate_hz, polled_node=node, **around.of(config)
    )


def _nmea_mwv(config: NmeaMwvConfig, line: PtyLine, around: Surroundings) -> NmeaMwvTwin:
    return NmeaMwvTwin(
        line,
        around.scene,
        rate_hz=config.rate_hz,
        reference="T" if config.reference == "T" else "R",
        mounting_offset_deg=config.mounting_offset_deg,
        **around.of(config),
    )


def _wxt530(config: Wxt530Config, line: PtyLine, around: Surroundings) -> Wxt530Twin:
    return Wxt530Twin(
        line,
        around.scene,
        polled=config.mode == "polled",
        crc=config.crc,
        address=config.address,
        rate_hz=1 / config.interval_s,
        **around.of(config),
    )


def _hukseflux(config: HuksefluxConfig, line: PtyLine, around: Surroundings) -> HuksefluxTwin:
    pv = config.pv_variant
    return HuksefluxTwin(line, around.scene, unit=config.unit, pv_variant=pv, **around.of(config))


def _kipp_smp(config: KippSmpConfig, line: PtyLine, around: Surroundings) -> KippSmpTwin:
    return KippSmpTwin(line, around.scene, unit=config.unit, **around.of(config))


def _modbus_profile(
    config: ModbusProfileConfig, line: PtyLine, around: Surroundings
) -> ModbusProfileTwin:
    return ModbusProfileTwin(
        line, around.scene, config.register_map(), unit=config.unit, **around.of(config)
    )


def _ads1115(config: Ads1115Config, around: Surroundings) -> Ads1115Twin:
    return Ads1115Twin(around.scene, voltages(config.channel), **around.of(config))


def _bh1750(config: Bh1750Config, around: Surroundings) -> Bh1750Twin:
    return Bh1750Twin(around.scene, **around.of(config))


def _bme280(config: Bme280Config, around: Surroundings) -> Bme280Twin:
    return Bme280Twin(around.scene, chip_id=CHIP_ID[config.model], **around.of(config))


def _sht(config: ShtConfig, around: Surroundings) -> ShtTwin:
    return ShtTwin(around.scene, model=config.model, **around.of(config))


def _veml7700(config: Veml7700Config, around: Surroundings) -> Veml7700Twin:
    return Veml7700Twin(around.scene, **around.of(config))


def _ds18b20(config: Ds18b20Config, around: Surroundings) -> Ds18b20Twin:
    return Ds18b20Twin(around.scene, measures=config.measures, **around.of(config))


def _ble_adv(config: BleAdvConfig, air: Air, around: Surroundings) -> BleSensor:
    from edge_gateway.twins.ble_sensors import (  # noqa: PLC0415 - its cryptography is an extra
        BtHomeTwin,
        PvvxTwin,
        RuuviTwin,
    )

    address, scene, interval_s = config.address, around.scene, config.interval_s
    shared = around.of(config)
    if config.format == "bthome":
        return BtHomeTwin(air, address, scene, key=_key(config), interval_s=interval_s, **shared)
    twin = RuuviTwin if config.format == "ruuvi" else PvvxTwin
    return twin(air, address, scene, interval_s=interval_s, **shared)


# Any: each takes the configuration of its own driver.
SERIAL: Mapping[str, Callable[[Any, PtyLine, Surroundings], LineTwin]] = {
    "nmea_mwv": _nmea_mwv,
    "windsonic": _windsonic,
    "wxt530": _wxt530,
}
MODBUS: Mapping[str, Callable[[Any, PtyLine, Surroundings], ModbusTwin]] = {
    "hukseflux": _hukseflux,
    "kipp_smp": _kipp_smp,
    "modbus_profile": _modbus_profile,
}
I2C: Mapping[str, Callable[[Any, Surroundings], FaultyChip]] = {
    "ads1115": _ads1115,
    "bh1750": _bh1750,
    "bme280": _bme280,
    "sht": _sht,
    "veml7700": _veml7700,
}
W1: Mapping[str, Callable[[Any, Surroundings], FaultySlave]] = {"ds18b20": _ds18b20}
BLE: Mapping[str, Callable[[Any, Air, Surroundings], BleSensor]] = {"ble_adv": _ble_adv}

SIMULATED = frozenset({*SERIAL, *MODBUS, *I2C, *W1, *BLE})
"""Names of all drivers that have a twin."""


def voltages(channels: Sequence[ChannelConfig]) -> Voltages:
    """What lies at a converter's inputs so that each channel measures the scene.

    An input that several channels name has the voltage of the last of them.
    """
    return {channel.input.partition("-")[0]: partial(_volts, channel) for channel in channels}


def _volts(sensor: SensorConfig, weather: Weather) -> float:
    if sensor.kind == "pyranometer":
        return (sensor.sensitivity_uv_per_w_m2 or 0.0) * 1e-6 * weather.global_irradiance
    if sensor.kind == "vane":
        return vane(weather.wind_direction - sensor.north_offset_deg, sensor.reference_v)
    low, high = sensor.value_low or 0.0, sensor.value_high or 0.0
    value = held_value(weather, sensor.measurand.quantity)
    share = min(1.0, max(0.0, (value - low) / (high - low))) if low != high else 0.0
    if sensor.kind == "current_loop":
        return current_loop(share, sensor.shunt_ohm or 0.0)
    low_v, high_v = sensor.low_v or 0.0, sensor.high_v or 0.0
    return low_v + share * (high_v - low_v)


def _key(config: BleAdvConfig) -> bytes | None:
    """The sensor's key; none where its file cannot be read: the gateway will say so itself."""
    try:
        return None if config.bind_key_file is None else bind_key(config.bind_key_file)
    except Misconfigured:
        return None
