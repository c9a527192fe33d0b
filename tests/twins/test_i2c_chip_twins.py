"""Simulated chips with registers behind the real I2C link and their drivers; one bus for all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_gateway.drivers.ads1115 import Ads1115, Ads1115Config
from edge_gateway.drivers.bh1750 import Bh1750, Bh1750Config
from edge_gateway.drivers.bme280 import Bme280, Bme280Config
from edge_gateway.drivers.contract import PolledDriver
from edge_gateway.drivers.sht import Sht, ShtConfig
from edge_gateway.drivers.veml7700 import Veml7700, Veml7700Config
from edge_gateway.links.errors import (
    BadFrame,
    DeviceError,
    DeviceReset,
    DeviceSilent,
    LinkGone,
    Misconfigured,
)
from edge_gateway.links.i2c import I2cBus
from edge_gateway.reading import Flag, Flagged, Measurand, Measured, Quantity, Stamp
from edge_gateway.twins.ads1115 import Ads1115Twin, Voltages, current_loop, vane
from edge_gateway.twins.bh1750 import Bh1750Twin
from edge_gateway.twins.bme280 import Bme280Twin
from edge_gateway.twins.i2c_bus import SimulatedI2cBus
from edge_gateway.twins.sht import ShtTwin
from edge_gateway.twins.veml7700 import LUX_PER_W_M2, Veml7700Twin
from edge_gateway.twins.weather import Weather, WeatherScene

SUN = Measurand(Quantity.GLOBAL_IRRADIANCE)
WIND = Measurand(Quantity.WIND_DIRECTION)
AIR = Measurand(Quantity.AIR_TEMPERATURE)
CHANNELS = [
    {
        "kind": "pyranometer",
        "input": "AIN0-AIN1",
        "full_scale_mv": 256,
        "sensitivity_uv_per_w_m2": 10.0,
    },
    {"kind": "vane", "input": "AIN2"},
    {
        "kind": "current_loop",
        "input": "AIN3",
        "quantity": "air_temperature",
        "shunt_ohm": 100.0,
        "value_low": -40.0,
        "value_high": 60.0,
    },
]


class StillScene(WeatherScene):
    """Weather that stands still."""

    def at(self, seconds: float) -> Weather:
        del seconds
        return super().at(0.0)


class Time:
    """Passes only while somebody sleeps on it."""

    def __init__(self) -> None:
        self.seconds = 10.0

    def now(self) -> Stamp:
        return Stamp("boot", round(self.seconds * 1e9))

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass(frozen=True)
class Chips:
    """The simulated chips of one bus."""

    air: ShtTwin
    weather: Bme280Twin
    adc: Ads1115Twin
    light: Veml7700Twin
    cheap_light: Bh1750Twin


class Pole:
    """Five chips on one simulated bus, and their drivers on one real link."""

    def __init__(self) -> None:
        self.scene = StillScene(seed=3)
        self.time = Time()
        seconds = lambda: self.time.seconds  # noqa: E731  one time for all
        voltages: Voltages = {
            "AIN0": lambda weather: 10e-6 * weather.global_irradiance + 0.5,
            "AIN1": lambda _: 0.5,
            "AIN2": lambda weather: vane(weather.wind_direction, 3.3),
            "AIN3": lambda weather: current_loop((weather.air_temperature + 40) / 100, 100.0),
        }
        self.chips = Chips(
            ShtTwin(self.scene, model="sht3x", seconds=seconds),
            Bme280Twin(self.scene, seconds=seconds),
            Ads1115Twin(self.scene, voltages, seconds=seconds),
            Veml7700Twin(self.scene, seconds=seconds),
            Bh1750Twin(self.scene, seconds=seconds),
        )
        chips = self.chips
        self.bus = SimulatedI2cBus(
            {
                0x44: chips.air,
                0x76: chips.weather,
                0x48: chips.adc,
                0x10: chips.light,
                0x23: chips.cheap_light,
            }
        )
        self.recoveries = 0
        self.link = I2cBus(1, open_bus=self.bus.open, recover=self.recover, monotonic_s=seconds)
        self.air = Sht(ShtConfig(id="air", driver="sht", model="sht3x"), self.link, self.time)
        self.weather = Bme280(Bme280Config(id="weather", driver="bme280"), self.link, self.time)
        adc = {"id": "adc", "driver": "ads1115", "channel": CHANNELS}
        self.adc = Ads1115(Ads1115Config.model_validate(adc), self.link, self.time)
        self.light = Veml7700(Veml7700Config(id="light", driver="veml7700"), self.link, self.time)
        self.cheap_light = Bh1750(Bh1750Config(id="lx", driver="bh1750"), self.link, self.time)

    @property
    def drivers(self) -> Sequence[PolledDriver[Any, Any]]:
        return (self.air, self.weather, self.adc, self.light, self.cheap_light)

    def recover(self) -> None:
        self.recoveries += 1
        self.bus.power_cycle()

    def read_all(self) -> list[Measured | None]:
        """One poll of each, None where it failed."""
        found: list[Measured | None] = []
        for driver in self.drivers:
            try:
                found.append(driver.read())
            except DeviceError:
                found.append(None)
        return found


@pytest.fixture
def pole() -> Pole:
    return Pole()


def test_the_scene_s_weather_arrives_through_all_five(pole: Pole) -> None:
    weather = pole.scene.at(0.0)
    # 16 bits: some 0.005 K and 0.2 Pa and 0.02 %RH
    assert pole.weather.read() == {
        Quantity.AIR_TEMPERATURE: pytest.approx(weather.air_temperature, abs=0.01),
        Quantity.RELATIVE_HUMIDITY: pytest.approx(weather.relative_humidity, abs=0.05),
        Quantity.AIR_PRESSURE: pytest.approx(100_800.0, abs=5.0),
    }
    # half a count: 0.39 W/m2, 0.007 degrees, 0.04 K
    assert pole.adc.read() == {
        SUN: pytest.approx(weather.global_irradiance, abs=0.4),
        WIND: pytest.approx(weather.wind_direction, abs=0.01),
        AIR: pytest.approx(weather.air_temperature, abs=0.04),
    }
    light = pytest.approx(weather.global_irradiance * LUX_PER_W_M2, rel=1e-3)
    assert pole.light.read() == {Quantity.ILLUMINANCE: light}
    assert pole.cheap_light.read() == {Quantity.ILLUMINANCE: light}


@pytest.mark.parametrize("which", ["weather", "adc", "light"])
def test_a_supply_that_failed_is_told_once_and_costs_one_sample(pole: Pole, which: str) -> None:
    driver, twin = getattr(pole, which), getattr(pole.chips, which)
    right = driver.read()
    twin.fail("reset")
    with pytest.raises(DeviceReset):
        driver.read()
    assert driver.read() == right


@pytest.mark.parametrize("which", ["weather", "adc", "light", "cheap_light"])
@pytest.mark.parametrize("fault", ["noise", "half_frame"])
def test_answers_spoilt_on_the_way_are_bad_frames(pole: Pole, which: str, fault: str) -> None:
    driver, twin = getattr(pole, which), getattr(pole.chips, which)
    driver.read()
    twin.fail(fault, times=3)
    with pytest.raises(BadFrame):
        driver.read()


def test_a_bme280_that_skipped_is_missing_and_not_zero(pole: Pole) -> None:
    pole.chips.weather.fail("nan")
    flags = {value.flag for value in pole.weather.read().values() if isinstance(value, Flagged)}
    assert flags == {Flag.MISSING}
    assert not any(isinstance(value, Flagged) for value in pole.weather.read().values())


def test_a_slow_conversion_is_a_bad_frame_and_no_old_value(pole: Pole) -> None:
    for driver, twin in ((pole.weather, pole.chips.weather), (pole.adc, pole.chips.adc)):
        twin.fail("slow")
        with pytest.raises(BadFrame):
            driver.read()
        pole.time.sleep(0.1)
        assert driver.read()


def test_a_bmp280_sold_as_a_bme280_is_told(pole: Pole) -> None:
    chip = Bme280Twin(pole.scene, chip_id=0x58, seconds=lambda: pole.time.seconds)
    bus = SimulatedI2cBus({0x76: chip})
    link = I2cBus(1, open_bus=bus.open)
    with pytest.raises(Misconfigured, match="is a BMP280"):
        Bme280(Bme280Config(id="air", driver="bme280"), link, pole.time).read()
    announced = Bme280Config(id="air", driver="bme280", model="bmp280")
    assert set(Bme280(announced, link, pole.time).read()) == {
        Quantity.AIR_TEMPERATURE,
        Quantity.AIR_PRESSURE,
    }


def test_a_silent_chip_does_not_disturb_the_others(pole: Pole) -> None:
    right = pole.read_all()
    pole.chips.adc.fail("silent", times=1)
    assert [value is None for value in pole.read_all()] == [False, False, True, False, False]
    assert pole.read_all() == right


def test_a_held_bus_is_freed_once_and_all_come_back_without_a_restart(pole: Pole) -> None:
    right = pole.read_all()
    pole.bus.hold()
    before = pole.bus.transactions
    assert pole.read_all()[:2] == [None, None]
    assert pole.recoveries == 1
    # two held, then freed: the rest of the round are restarts that are told, and good polls
    assert pole.bus.transactions > before + 2
    pole.read_all()
    assert pole.read_all() == right
    assert pole.recoveries == 1


def test_a_bus_that_cannot_be_freed_is_left_alone(pole: Pole) -> None:
    link = I2cBus(1, open_bus=pole.bus.open, monotonic_s=lambda: pole.time.seconds)
    air = Sht(ShtConfig(id="air", driver="sht"), link, pole.time)
    pole.bus.hold()
    for _ in range(100):
        with pytest.raises(LinkGone, match="bus stuck"):
            air.read()
    assert pole.bus.transactions == 3


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["hold", "stuck", "nak", "unplug", "plug", "reset", "poll"]),
            st.integers(1, 4),
        ),
        max_size=25,
    )
)
def test_after_any_run_of_bus_faults_every_device_works_again(run: list[tuple[str, int]]) -> None:
    pole = Pole()
    right = pole.read_all()
    for what, times in run:
        match what:
            case "stuck" | "nak":
                pole.bus.fail(what, times)
            case "hold":
                pole.bus.hold()
            case "unplug":
                pole.bus.unplug()
            case "plug":
                pole.bus.plug()
            case "reset":
                pole.chips.weather.fail("reset", times)
            case _:
                for found, known in zip(pole.read_all(), right, strict=True):
                    assert found in (None, known)
        pole.time.sleep(0.4 * times)
    pole.bus.plug()
    for _ in range(60):  # what was ordered is still to come
        pole.time.sleep(61.0)
        if pole.read_all() == right:
            break
    assert pole.read_all() == right


def test_a_closed_pointer_write_reads_on_where_it_stood(pole: Pole) -> None:
    # The chip id is at 0xD0 and survives a stop: a bus scanner may name and read apart.
    pole.link.write(0x76, b"\xd0")
    assert pole.link.read(0x76, 1) == b"\x60"


def test_an_absent_chip_is_silent(pole: Pole) -> None:
    with pytest.raises(DeviceSilent), suppress(LinkGone):
        pole.link.write_read(0x77, b"\xd0", 1)
