"""Benches of BLE sensors: a simulated bluetoothd on a bus of its own, and another sensor beside."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from random import Random

import pytest

from edge_gateway.drivers.ble_adv import BleAdv, BleAdvConfig, Format
from edge_gateway.links.ble import BleRadio
from edge_gateway.reading import Quantity
from edge_gateway.twins.ble_sensors import (
    BATTERY_LEVEL,
    BATTERY_V,
    DEW_POINT_CEL,
    LX_PER_W_M2,
    PRESSURE_PA,
    RAIN_MM,
    BleSensor,
    BtHomeTwin,
    PvvxTwin,
    RuuviTwin,
)
from edge_gateway.twins.bluez import SimulatedBluez
from edge_gateway.twins.private_bus import PrivateBus
from edge_gateway.twins.weather import Weather
from tests.drivers.benches import CLOCK, Bench, Device, JumpingWeather, own

ADDRESS, BESIDE = "CB:B8:33:4C:88:4F", "CB:B8:33:4C:88:50"
KEY = "231d39c1d7cc1ab1aee224cd096db932"
INTERVAL_S, CONFIGURED_S = 0.02, 0.1
Make = Callable[[SimulatedBluez, JumpingWeather, Random], BleSensor]


def sensed(weather: Weather) -> Mapping[Quantity, float]:
    return {
        Quantity.AIR_TEMPERATURE: weather.air_temperature,
        Quantity.RELATIVE_HUMIDITY: weather.relative_humidity,
        Quantity.AIR_PRESSURE: PRESSURE_PA,
        Quantity.BATTERY_VOLTAGE: BATTERY_V,
        Quantity.BATTERY_LEVEL: BATTERY_LEVEL,
        Quantity.DEW_POINT: DEW_POINT_CEL,
        Quantity.PRECIPITATION_SINCE_RESET: RAIN_MM,
        Quantity.ILLUMINANCE: LX_PER_W_M2 * weather.global_irradiance,
        Quantity.WIND_SPEED: weather.wind_speed,
        Quantity.WIND_DIRECTION: weather.wind_direction,
    }


STEPS = dict.fromkeys(sensed(Weather(0.0, 0.0, 0.0, 0.0, 0.0)), 0.0051)


def ruuvi(bluez: SimulatedBluez, scene: JumpingWeather, chance: Random) -> BleSensor:
    return RuuviTwin(bluez, ADDRESS, scene, interval_s=INTERVAL_S, chance=own(chance))


def bthome(bluez: SimulatedBluez, scene: JumpingWeather, chance: Random) -> BleSensor:
    key = bytes.fromhex(KEY)
    return BtHomeTwin(bluez, ADDRESS, scene, key=key, interval_s=INTERVAL_S, chance=own(chance))


def pvvx(bluez: SimulatedBluez, scene: JumpingWeather, chance: Random) -> BleSensor:
    return PvvxTwin(bluez, ADDRESS, scene, interval_s=INTERVAL_S, chance=own(chance))


def config_of(form: Format, address: str, key: Path | None) -> BleAdvConfig:
    return BleAdvConfig(
        id="tag",
        driver="ble_adv",
        address=address,
        format=form,
        interval_s=CONFIGURED_S,
        bind_key_file=key,
    )


def wait_for(radio: BleRadio, *, trouble: bool) -> None:
    for _ in range(1000):
        if bool(radio.trouble) is trouble:
            return
        CLOCK.sleep(0.01)


def sensor_bench(
    form: Format, make: Make
) -> Callable[[Random, Path], AbstractContextManager[Bench]]:
    @contextmanager
    def build(chance: Random, folder: Path) -> Generator[Bench]:
        if shutil.which("dbus-daemon") is None:
            pytest.skip("dbus-daemon is missing: apt-get install dbus")
        with ExitStack() as stack:
            bus = stack.enter_context(PrivateBus(folder))
            bluez = stack.enter_context(SimulatedBluez(bus.address))
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            patch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
            radio = BleRadio(CLOCK, silence_s=0.2, retry_s=0.02)
            yield stack.enter_context(_pair(radio, bluez, form, make, chance, folder))
            radio.close()

    return build


@contextmanager
def _pair(  # noqa: PLR0917  the parts of one bench, joined in one place
    radio: BleRadio,
    bluez: SimulatedBluez,
    form: Format,
    make: Make,
    chance: Random,
    folder: Path,
) -> Generator[Bench]:
    key = folder / "sensor.key"
    key.write_text(KEY, encoding="ascii")
    scene = JumpingWeather(chance, at_each_look=True)

    def device(address: str, form: Format) -> Device:
        config = config_of(form, address, key if form == "bthome" else None)
        driver = BleAdv(config, radio.listen(address), CLOCK)
        return Device(driver, scene, sensed, STEPS, present_only=False)

    def unplug() -> None:
        bluez.unplug()
        wait_for(radio, trouble=True)

    def plug() -> None:
        bluez.plug()
        wait_for(radio, trouble=False)

    tested, beside = device(ADDRESS, form), device(BESIDE, "ruuvi")
    other = RuuviTwin(bluez, BESIDE, scene, interval_s=INTERVAL_S, chance=own(chance))
    with make(bluez, scene, chance) as twin, other:
        yield Bench(tested, twin, unplug, plug, beside, silence=40)


BENCHES: Mapping[str, Callable[[Random, Path], AbstractContextManager[Bench]]] = {
    "ble_adv (BTHome)": sensor_bench("bthome", bthome),
    "ble_adv (pvvx)": sensor_bench("pvvx", pvvx),
    "ble_adv (Ruuvi)": sensor_bench("ruuvi", ruuvi),
}
