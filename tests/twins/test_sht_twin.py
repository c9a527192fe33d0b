"""The simulated thermometer behind the real I2C link: conversion time, faults, a stuck bus."""

from __future__ import annotations

import pytest

from edge_gateway.clock import Clock
from edge_gateway.drivers.formats.sensirion import words
from edge_gateway.drivers.sht import Model, Sht, ShtConfig
from edge_gateway.links.errors import BadFrame, DeviceError, DeviceReset, DeviceSilent, LinkGone
from edge_gateway.links.i2c import I2cBus
from edge_gateway.reading import Quantity
from edge_gateway.twins.i2c_bus import SimulatedI2cBus
from edge_gateway.twins.sht import ShtTwin
from edge_gateway.twins.weather import WeatherScene

ADDRESS = 0x44


class Bench:
    """One sensor, its bus and its driver, on one frozen clock."""

    def __init__(self, scene: WeatherScene, clock: Clock, model: Model = "sht4x") -> None:
        self.twin = ShtTwin(scene, model=model, seconds=lambda: clock.now().monotonic_ns / 1e9)
        self.bus = SimulatedI2cBus({ADDRESS: self.twin})
        self.link = I2cBus(
            1, open_bus=self.bus.open, monotonic_s=lambda: clock.now().monotonic_ns / 1e9
        )
        config = ShtConfig(id="air", driver="sht", model=model)
        self.sensor = Sht(config, self.link, clock)


@pytest.fixture
def bench(scene: WeatherScene, frozen: Clock) -> Bench:
    return Bench(scene, frozen)


@pytest.mark.parametrize("model", ["sht4x", "sht3x"])
def test_the_scene_s_air_arrives_at_the_driver(
    scene: WeatherScene, frozen: Clock, model: Model
) -> None:
    weather = scene.at(frozen.now().monotonic_ns / 1e9)
    measured = Bench(scene, frozen, model).sensor.read()
    # half a step of 16 bit over 175 K and 125 %RH
    assert measured == {
        Quantity.AIR_TEMPERATURE: pytest.approx(weather.air_temperature, abs=0.0014),
        Quantity.RELATIVE_HUMIDITY: pytest.approx(weather.relative_humidity, abs=0.001),
    }


def test_a_read_before_the_conversion_ends_is_not_acknowledged(bench: Bench, frozen: Clock) -> None:
    bench.link.write(ADDRESS, b"\xfd")
    frozen.sleep(0.008)
    with pytest.raises(DeviceSilent):
        bench.link.read(ADDRESS, 6)
    frozen.sleep(0.001)
    assert len(bench.link.read(ADDRESS, 6)) == 6


def test_a_measurement_is_fetched_once(bench: Bench, frozen: Clock) -> None:
    bench.link.write(ADDRESS, b"\xfd")
    frozen.sleep(0.01)
    bench.link.read(ADDRESS, 6)
    with pytest.raises(DeviceSilent):
        bench.link.read(ADDRESS, 6)


@pytest.mark.parametrize(("address", "command"), [(0x45, b"\xfd"), (ADDRESS, b"\x24\x00")])
def test_another_address_or_command_is_not_acknowledged(
    bench: Bench, address: int, command: bytes
) -> None:
    with pytest.raises(DeviceSilent):
        bench.link.write(address, command)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("crc", BadFrame),
        ("silent", DeviceSilent),
        ("half_frame", BadFrame),
        ("noise", BadFrame),
        ("all_ones", BadFrame),
        ("all_zeros", BadFrame),
        ("slow", DeviceSilent),
    ],
)
def test_a_fault_has_its_error_and_the_next_measurement_is_good(
    bench: Bench, fault: str, error: type[DeviceError]
) -> None:
    bench.twin.fail(fault)
    with pytest.raises(error):
        bench.sensor.read()
    assert bench.sensor.read()


def test_a_stuck_bus_comes_back(bench: Bench) -> None:
    bench.bus.fail("stuck", times=2)
    for _ in range(2):
        with pytest.raises(LinkGone, match="bus stuck"):
            bench.sensor.read()
    assert bench.sensor.read()


def test_an_adapter_that_was_unplugged_comes_back(bench: Bench) -> None:
    bench.sensor.read()
    bench.bus.unplug()
    for _ in range(2):
        with pytest.raises(LinkGone):
            bench.sensor.read()
    bench.bus.plug()
    assert bench.sensor.read()


@pytest.mark.parametrize("fault", ["reset", "heating"])
def test_an_sht3x_tells_that_it_restarted_or_heats(
    scene: WeatherScene, frozen: Clock, fault: str
) -> None:
    bench = Bench(scene, frozen, "sht3x")
    bench.sensor.read()
    bench.twin.fail(fault)
    with pytest.raises(DeviceReset):
        bench.sensor.read()
    assert bench.sensor.read()


def test_an_sht4x_that_restarted_between_two_measurements_has_nothing_to_lose(
    bench: Bench,
) -> None:
    bench.sensor.read()
    bench.twin.fail("reset")
    assert bench.sensor.read()


@pytest.mark.parametrize(("model", "command"), [("sht4x", "89"), ("sht3x", "3682")])
def test_a_serial_number_comes_once_with_two_checksums(
    scene: WeatherScene, frozen: Clock, model: Model, command: str
) -> None:
    bench = Bench(scene, frozen, model)
    bench.link.write(ADDRESS, bytes.fromhex(command))
    assert len(words(bench.link.read(ADDRESS, 6), 2)) == 2
    with pytest.raises(DeviceSilent):
        bench.link.read(ADDRESS, 6)


@pytest.mark.parametrize(("model", "command"), [("sht3x", "89"), ("sht4x", "3682")])
def test_the_command_of_the_other_family_is_not_acknowledged(
    scene: WeatherScene, frozen: Clock, model: Model, command: str
) -> None:
    with pytest.raises(DeviceSilent):
        Bench(scene, frozen, model).link.write(ADDRESS, bytes.fromhex(command))
