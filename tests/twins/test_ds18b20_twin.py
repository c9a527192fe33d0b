"""The simulated DS18B20 behind the real 1-Wire link: its text, its faults, a bus torn off."""

from __future__ import annotations

import math
from pathlib import Path
from threading import Event

import pytest

from edge_gateway.clock import Clock
from edge_gateway.drivers.ds18b20 import Ds18b20, Ds18b20Config, Measures
from edge_gateway.links.errors import BadFrame, DeviceError, DeviceReset, DeviceSilent, LinkGone
from edge_gateway.links.w1 import W1Folder
from edge_gateway.reading import Flagged, Quantity
from edge_gateway.twins.ds18b20 import SURFACE_K_PER_W_M2, Ds18b20Twin
from edge_gateway.twins.w1_tree import SimulatedW1Tree
from edge_gateway.twins.weather import WeatherScene

SLAVE, OTHER = "28-0316a2795bff", "28-0416b3795bff"


class Bench:
    """Two sensors on one bus; the first has a driver."""

    def __init__(
        self, folder: Path, scene: WeatherScene, clock: Clock, measures: Measures = "surface"
    ) -> None:
        def seconds() -> float:
            return clock.now().monotonic_ns / 1e9

        self.twin = Ds18b20Twin(scene, measures=measures, seconds=seconds)
        self.other = Ds18b20Twin(scene, seconds=seconds)
        self.tree = SimulatedW1Tree(folder, {SLAVE: self.twin, OTHER: self.other})
        self.link = W1Folder(folder, read_file=self.tree.read_file)
        config = Ds18b20Config(id="road", driver="ds18b20", slave=SLAVE, measures=measures)
        self.sensor = Ds18b20(config, self.link, clock)


@pytest.fixture
def bench(tmp_path: Path, scene: WeatherScene, frozen: Clock) -> Bench:
    return Bench(tmp_path, scene, frozen)


def test_the_scene_s_road_arrives_at_the_driver(
    bench: Bench, scene: WeatherScene, frozen: Clock
) -> None:
    weather = scene.at(frozen.now().monotonic_ns / 1e9)
    road = weather.air_temperature + SURFACE_K_PER_W_M2 * weather.global_irradiance
    # half a step of 1/16 degC
    assert bench.sensor.read() == {Quantity.SURFACE_TEMPERATURE: pytest.approx(road, abs=0.032)}


def test_in_a_shield_the_scene_s_air_arrives(
    tmp_path: Path, scene: WeatherScene, frozen: Clock
) -> None:
    air = scene.at(frozen.now().monotonic_ns / 1e9).air_temperature
    bench = Bench(tmp_path, scene, frozen, "air")
    assert bench.sensor.read() == {Quantity.AIR_TEMPERATURE: pytest.approx(air, abs=0.032)}


def test_a_low_resolution_gives_whole_steps(scene: WeatherScene) -> None:
    text = Ds18b20Twin(scene, resolution_bits=9).convert().decode()
    assert int(text.rsplit("t=", maxsplit=1)[1]) % 500 == 0
    assert text.split()[4] == "1f"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("crc", BadFrame),
        ("silent", DeviceSilent),
        ("half_frame", BadFrame),
        ("stale", BadFrame),
        ("reset", DeviceReset),
        ("stuck", BadFrame),
    ],
)
def test_a_fault_has_its_error_and_the_next_reading_is_good(
    bench: Bench, fault: str, error: type[DeviceError]
) -> None:
    good = bench.sensor.read()
    bench.twin.fail(fault)
    with pytest.raises(error):
        bench.sensor.read()
    assert bench.sensor.read() == good


def test_too_little_power_is_missing_and_the_next_reading_is_good(bench: Bench) -> None:
    bench.twin.fail("nan")
    (missing,) = bench.sensor.read().values()
    assert isinstance(missing, Flagged)
    assert math.isnan(missing.value)
    assert bench.sensor.read()


def test_a_lost_answer_shows_the_old_number(bench: Bench) -> None:
    before = bench.twin.convert().decode().rsplit("t=", maxsplit=1)[1]
    bench.twin.fail("stale")
    text = bench.twin.convert().decode()
    assert "NO" in text
    assert text.rsplit("t=", maxsplit=1)[1] == before


def test_a_fault_of_one_leaves_the_other_alone(bench: Bench) -> None:
    bench.twin.fail("silent")
    assert bench.link.read(OTHER)
    with pytest.raises(DeviceSilent):
        bench.link.read(SLAVE)


def test_a_bus_that_is_torn_off_comes_back(bench: Bench) -> None:
    bench.sensor.read()
    bench.tree.unplug()
    for _ in range(2):
        with pytest.raises(LinkGone):
            bench.sensor.read()
    bench.tree.plug()
    assert bench.sensor.read()


def test_for_another_process_the_files_are_kept_fresh(tmp_path: Path, scene: WeatherScene) -> None:
    class Counting:
        """A slave that tells how often it was asked."""

        def __init__(self) -> None:
            self.asked = 0
            self.thrice = Event()

        def convert(self) -> bytes:
            self.asked += 1
            if self.asked == 3:
                self.thrice.set()
            return Ds18b20Twin(scene).convert()

    slave = Counting()
    with SimulatedW1Tree(tmp_path, {SLAVE: slave}, period_s=0.01):
        assert slave.thrice.wait(5)
    assert (tmp_path / SLAVE / "w1_slave").read_bytes().count(b"\n") == 2
