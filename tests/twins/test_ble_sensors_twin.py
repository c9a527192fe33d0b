"""Simulated BLE sensors heard by the driver: the scene's weather, and every fault they have."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import pytest

from edge_gateway.drivers.ble_adv import BleAdv, BleAdvConfig, Format
from edge_gateway.links.contract import Advert
from edge_gateway.links.errors import BadFrame, DeviceError, DeviceSilent
from edge_gateway.reading import Flag, Flagged, Measured, Quantity
from edge_gateway.twins.ble_sensors import (
    BATTERY_V,
    LX_PER_W_M2,
    PRESSURE_PA,
    Beacon,
    BleSensor,
    BtHomeTwin,
    PvvxTwin,
    RuuviTwin,
)
from edge_gateway.twins.weather import WeatherScene

ADDRESS = "CB:B8:33:4C:88:4F"
T, RH = Quantity.AIR_TEMPERATURE, Quantity.RELATIVE_HUMIDITY


class Air:
    """Carries beacons to the driver without a radio between."""

    def __init__(self) -> None:
        self.beacons: deque[Beacon] = deque()

    def advertise(self, beacon: Beacon) -> None:
        self.beacons.append(beacon)

    def read(self, timeout_s: float) -> Advert | None:
        del timeout_s
        if not self.beacons:
            return None
        beacon = self.beacons.popleft()
        return Advert(ADDRESS, -60, beacon.manufacturer_data, beacon.service_data, 0.0)

    def close(self) -> None: ...

    def sleep(self, seconds: float) -> None: ...


def ruuvi(air: Air, scene: WeatherScene) -> BleSensor:
    return RuuviTwin(air, ADDRESS, scene, seconds=float)


def bthome(air: Air, scene: WeatherScene) -> BleSensor:
    return BtHomeTwin(air, ADDRESS, scene, seconds=float)


def pvvx(air: Air, scene: WeatherScene) -> BleSensor:
    return PvvxTwin(air, ADDRESS, scene, seconds=float)


def atc(air: Air, scene: WeatherScene) -> BleSensor:
    return PvvxTwin(air, ADDRESS, scene, atc=True, seconds=float)


MAKERS: dict[str, tuple[Format, Callable[[Air, WeatherScene], BleSensor]]] = {
    "ruuvi": ("ruuvi", ruuvi),
    "bthome": ("bthome", bthome),
    "pvvx": ("pvvx", pvvx),
    "atc": ("pvvx", atc),
}


class Bench:
    """A twin, the air and its driver."""

    def __init__(self, name: str, scene: WeatherScene) -> None:
        form, make = MAKERS[name]
        self.air = Air()
        self.twin = make(self.air, scene)
        config = BleAdvConfig(id="tag", driver="ble_adv", address=ADDRESS, format=form)
        self.driver = BleAdv(config, self.air, self.air)

    def measure(self) -> Measured:
        self.twin.advertise()
        return next(self.driver.listen())


@pytest.fixture
def bench(name: str, scene: WeatherScene) -> Bench:
    return Bench(name, scene)


@pytest.mark.parametrize(
    ("name", "step_cel", "step_rh"),
    [
        ("ruuvi", 0.005, 0.0025),
        ("bthome", 0.01, 0.01),
        ("pvvx", 0.01, 0.01),
        ("atc", 0.1, 1.0),
    ],
)
def test_the_scene_s_air_arrives_at_the_driver(
    bench: Bench, scene: WeatherScene, step_cel: float, step_rh: float
) -> None:
    weather, measured = scene.at(0.0), bench.measure()
    assert measured[T] == pytest.approx(weather.air_temperature, abs=step_cel / 1.9)
    assert measured[RH] == pytest.approx(weather.relative_humidity, abs=step_rh / 1.9)
    assert measured[Quantity.BATTERY_VOLTAGE] == pytest.approx(BATTERY_V, abs=0.001)


@pytest.mark.parametrize("name", ["bthome"])
def test_a_weather_station_sends_all_it_knows(bench: Bench, scene: WeatherScene) -> None:
    weather, measured = scene.at(0.0), bench.measure()
    assert measured[Quantity.AIR_PRESSURE] == PRESSURE_PA
    lux = weather.global_irradiance * LX_PER_W_M2
    assert measured[Quantity.ILLUMINANCE] == pytest.approx(lux, abs=0.01)
    assert measured[Quantity.WIND_SPEED] == pytest.approx(weather.wind_speed, abs=0.01)
    assert measured[Quantity.WIND_DIRECTION] == pytest.approx(weather.wind_direction, abs=0.01)


ERRORS: dict[str, type[DeviceError]] = {
    "silent": DeviceSilent,
    "half_frame": BadFrame,
    "noise": BadFrame,
}


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        (name, fault)
        for name, twin in {"ruuvi": RuuviTwin, "bthome": BtHomeTwin, "pvvx": PvvxTwin}.items()
        for fault in ERRORS
        if fault in twin.FAULTS
    ],
)
def test_a_fault_has_its_error_and_the_next_advert_is_good(bench: Bench, fault: str) -> None:
    good = bench.measure()
    bench.twin.fail(fault)
    with pytest.raises(ERRORS[fault]):
        bench.measure()
    assert bench.measure() == good


@pytest.mark.parametrize("name", MAKERS)
def test_a_repeated_advert_gives_nothing(bench: Bench) -> None:
    good = bench.measure()
    bench.twin.fail("stale")
    assert bench.measure() == {}
    assert bench.measure() == good


@pytest.mark.parametrize("name", MAKERS)
def test_a_sensor_that_begins_to_count_anew_goes_on(bench: Bench) -> None:
    good = bench.measure()
    bench.twin.fail("reset")
    assert bench.measure() == good
    assert bench.twin.count == 1


@pytest.mark.parametrize("name", MAKERS)
def test_dew_is_flagged_and_the_rest_is_kept(bench: Bench) -> None:
    good = bench.measure()
    bench.twin.fail("saturated")
    measured = bench.measure()
    humidity = measured[RH]
    assert isinstance(humidity, Flagged)
    assert (humidity.flag, humidity.reason) == (Flag.FAIL, "outside the device's range")
    assert humidity.value == pytest.approx(120.0)
    assert measured[T] == good[T]


@pytest.mark.parametrize("name", ["ruuvi"])
def test_what_a_tag_cannot_measure_is_missing(bench: Bench) -> None:
    bench.twin.fail("nan")
    for value in bench.measure().values():
        assert isinstance(value, Flagged)
        assert value.flag is Flag.MISSING
        assert math.isnan(value.value)


@pytest.mark.parametrize("name", ["bthome"])
def test_an_object_of_the_future_leaves_the_others(bench: Bench) -> None:
    good = bench.measure()
    bench.twin.fail("unknown_object")
    assert bench.measure() == good


@pytest.mark.parametrize("key", [bytes(range(16)), b"\xff" * 16])
def test_an_encrypted_advert_holds_nothing_readable(scene: WeatherScene, key: bytes) -> None:
    air = Air()
    plain = BtHomeTwin(air, ADDRESS, scene, seconds=float)
    secret = BtHomeTwin(air, ADDRESS, scene, key=key, seconds=float)
    plain.advertise()
    secret.advertise()
    (body,), (sealed,) = (beacon.service_data.values() for beacon in air.beacons)
    assert len(sealed) == len(body) + 8  # counter and check
    assert body[3:9] not in sealed
