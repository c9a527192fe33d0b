"""The bench of the rig: a twin for every driver, on the wire its configuration names."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_gateway.cli.check import config_model, read
from edge_gateway.cli.main import main
from edge_gateway.cli.rig.bench import Bench
from edge_gateway.cli.rig.subject import BadOrder, find
from edge_gateway.cli.rig.twins import SIMULATED, surroundings, voltages
from edge_gateway.cli.terminal import CommandError
from edge_gateway.clock import SystemClock
from edge_gateway.config import Config, DeviceConfig
from edge_gateway.drivers import registry
from edge_gateway.drivers.ads1115 import ChannelConfig
from edge_gateway.drivers.contract import PolledDriver
from edge_gateway.drivers.formats.analog import value_of
from edge_gateway.links.errors import BadFrame, DeviceSilent, LinkGone
from edge_gateway.reading import Flagged, Measured
from edge_gateway.supervise import AnyDriver
from edge_gateway.twins.weather import Weather
from edge_gateway.wiring import Wiring

CALM_DAY = Weather(21.5, 52.0, wind_u=0.0, wind_v=-3.0, global_irradiance=640.0)


def device(table: dict[str, Any]) -> DeviceConfig:
    return config_model(table["driver"]).model_validate({"id": table["driver"], **table})


@pytest.fixture
def sample(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Config:
    """The sample configuration: one device of every built-in driver."""
    main(["config", "sample"])
    path = tmp_path / "gateway.toml"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    return read(path)


@contextmanager
def bench_of(folder: Path, *devices: DeviceConfig) -> Generator[Bench]:
    with Bench(devices, folder, surroundings(3)) as bench:
        yield bench


@contextmanager
def opened(bench: Bench) -> Generator[dict[str, AnyDriver]]:
    wiring = Wiring(SystemClock(), None, bench.openers, bench.devices)
    wires = {one.id: wiring.wire(one) for one in bench.devices}
    yield {name: wire.open_driver() for name, wire in wires.items()}
    for wire in wires.values():
        if wire.close_link:
            wire.close_link()
    wiring.close()


def measure(driver: AnyDriver) -> Measured:
    return driver.read() if isinstance(driver, PolledDriver) else next(driver.listen())


WIND = {"driver": "windsonic", "port": "/dev/wind"}
SUN = {"driver": "hukseflux", "port": "/dev/bus", "unit": 1}
SKY = {"driver": "kipp_smp", "port": "/dev/bus", "unit": 2}
AIR = {"driver": "sht", "bus": 1}
LIGHT = {"driver": "veml7700", "bus": 1}
ROAD = {"driver": "ds18b20", "slave": "28-0316a2795bff"}
CAMERA_LINE = [{"name": "gate", "start": [0, 0], "end": [9, 9]}]


def test_every_built_in_driver_has_a_twin() -> None:
    assert set(SIMULATED) == set(registry.built_in_names())


@pytest.mark.parametrize("driver", registry.built_in_names())
def test_a_device_of_the_sample_configuration_is_read_in_the_rig(
    driver: str, sample: Config, tmp_path: Path
) -> None:
    if driver == "ble_adv" and shutil.which("dbus-daemon") is None:
        pytest.skip("dbus-daemon is missing: apt-get install dbus")
    quick = {"interval_s": 1.0} if driver in {"ble_adv", "wxt530"} else {}
    chosen = next(one for one in sample.device if one.driver == driver)
    with (
        bench_of(tmp_path, chosen.model_copy(update=quick)) as bench,
        opened(bench) as drivers,
    ):
        assert measure(drivers[chosen.id])


def test_slaves_on_one_port_share_one_line(tmp_path: Path) -> None:
    with bench_of(tmp_path, device(SUN), device(SKY)) as bench, opened(bench) as drivers:
        assert all(measure(driver) for driver in drivers.values())
        assert bench.subjects["hukseflux"].neighbours == ("kipp_smp",)


def test_a_fault_of_one_slave_leaves_its_neighbour_alone(tmp_path: Path) -> None:
    with bench_of(tmp_path, device(SUN), device(SKY)) as bench, opened(bench) as drivers:
        bench.subjects["hukseflux"].order("crc")
        assert measure(drivers["kipp_smp"])
        with pytest.raises(BadFrame):
            measure(drivers["hukseflux"])


def test_an_unplugged_line_is_gone_for_all_on_it_until_it_is_plugged_in(tmp_path: Path) -> None:
    with bench_of(tmp_path, device(SUN), device(SKY)) as bench, opened(bench) as drivers:
        said = bench.subjects["kipp_smp"].order("unplug")
        assert said == "kipp_smp: /dev/bus is unplugged (on the same wire: hukseflux)"
        for driver in drivers.values():
            with pytest.raises(LinkGone):
                measure(driver)
        bench.subjects["kipp_smp"].order("plug")
        assert all(measure(driver) for driver in drivers.values())


def test_a_fault_of_the_bus_is_ordered_through_any_chip_on_it(tmp_path: Path) -> None:
    with bench_of(tmp_path, device(AIR), device(LIGHT)) as bench, opened(bench) as drivers:
        said = bench.subjects["sht"].order("nak")
        assert said == "sht: nak on I2C bus 1, the next time (on the same wire: veml7700)"
        with pytest.raises(DeviceSilent):
            measure(drivers["veml7700"])
        assert measure(drivers["sht"])


def test_a_conversion_on_one_wire_happens_at_each_reading(tmp_path: Path) -> None:
    with bench_of(tmp_path, device(ROAD)) as bench, opened(bench) as drivers:
        bench.subjects["ds18b20"].order("crc")
        with pytest.raises(BadFrame):
            measure(drivers["ds18b20"])
        assert measure(drivers["ds18b20"])


def test_a_camera_is_left_out_unless_its_source_is_a_recording(tmp_path: Path) -> None:
    street = {"driver": "camera", "source": "rtsp://192.0.2.10/stream1", "line": CAMERA_LINE}
    film = {**street, "id": "film", "source": "street.mp4"}
    with bench_of(tmp_path, device(street), device(film)) as bench:
        assert [one.id for one in bench.devices] == ["film"]
        assert "name a video file" in bench.left_out["camera"]


def test_without_dbus_daemon_bluetooth_devices_are_left_out(
    tmp_path: Path, sample: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    ble = next(one for one in sample.device if one.driver == "ble_adv")
    with bench_of(tmp_path, ble, device(AIR)) as bench:
        assert [one.id for one in bench.devices] == ["sht"]
        assert "install Debian's dbus" in bench.left_out[ble.id]


def test_an_unknown_fault_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with (
        bench_of(tmp_path, device(AIR)) as bench,
        pytest.raises(BadOrder, match=r"sht has no fault 'crk'; did you mean 'crc'\?"),
    ):
        bench.subjects["sht"].order("crk")


def test_an_unknown_device_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with (
        bench_of(tmp_path, device(AIR)) as bench,
        pytest.raises(BadOrder, match=r"no device 'shd'; did you mean 'sht'\?"),
    ):
        find(bench.subjects, "shd")


def test_no_times_at_all_is_refused(tmp_path: Path) -> None:
    with (
        bench_of(tmp_path, device(AIR)) as bench,
        pytest.raises(BadOrder, match="0 times: give 1 to"),
    ):
        bench.subjects["sht"].order("crc", 0)


def test_the_same_seed_strikes_the_same_places() -> None:
    first, again = (surroundings(3).of(device(AIR))["chance"] for _ in range(2))
    assert first.random() == again.random()


def test_each_device_has_its_own_bad_luck() -> None:
    one, other = (surroundings(3).of(device(table))["chance"] for table in (AIR, LIGHT))
    assert one.random() != other.random()


@pytest.fixture
def tag(sample: Config) -> DeviceConfig:
    """A Bluetooth sensor."""
    if shutil.which("dbus-daemon") is None:
        pytest.skip("dbus-daemon is missing: apt-get install dbus")
    return next(one for one in sample.device if one.driver == "ble_adv")


@pytest.mark.parametrize("switch", ["plug", "radio_off", "radio_on"])
def test_without_bluetoothd_its_adapter_cannot_be_switched(
    tag: DeviceConfig, tmp_path: Path, switch: str
) -> None:
    with bench_of(tmp_path, tag) as bench:
        bench.subjects[tag.id].order("crash")
        with pytest.raises(BadOrder, match="restart it first"):
            bench.subjects[tag.id].order(switch)


def test_bluetoothd_can_be_switched_in_any_order(tag: DeviceConfig, tmp_path: Path) -> None:
    with bench_of(tmp_path, tag) as bench:
        order = bench.subjects[tag.id].order
        for word in ("unplug", "plug", "radio_off", "radio_on", "crash", "restart"):
            order(word)
            order(word)
        order("unplug")
        with pytest.raises(BadOrder, match="plug it in first"):
            order("radio_on")


def test_two_bluetooth_adapters_are_one_too_many(tag: DeviceConfig, tmp_path: Path) -> None:
    pair = [
        tag.model_copy(
            update={"id": f"tag-{n}", "address": f"C0:00:00:00:00:0{n}", "adapter": f"hci{n}"}
        )
        for n in range(2)
    ]
    with pytest.raises(CommandError, match="one Bluetooth adapter"), bench_of(tmp_path, *pair):
        pass


@pytest.mark.parametrize("device_table", [WIND, SUN, AIR, ROAD], ids=lambda one: one["driver"])
def test_every_fault_that_is_listed_can_be_ordered(
    device_table: dict[str, Any], tmp_path: Path
) -> None:
    with bench_of(tmp_path, device(device_table)) as bench:
        subject = bench.subjects[device_table["driver"]]
        for fault in subject.faults:
            assert subject.order(fault).startswith(subject.id)


LOOP = {"quantity": "air_temperature", "value_low": -40.0, "value_high": 60.0}
SPAN = {"quantity": "relative_humidity", "value_low": 0.0, "value_high": 100.0}


@pytest.mark.parametrize(
    ("channel", "value"),
    [
        ({"kind": "pyranometer", "input": "AIN0-AIN1", "sensitivity_uv_per_w_m2": 10.5}, 640.0),
        ({"kind": "vane", "input": "AIN2", "north_offset_deg": 90.0}, 0.0),
        ({**LOOP, "kind": "current_loop", "input": "AIN3", "shunt_ohm": 100.0}, 21.5),
        ({**SPAN, "kind": "voltage", "input": "AIN1", "low_v": 0.0, "high_v": 1.0}, 52.0),
    ],
    ids=["pyranometer", "vane", "current_loop", "voltage"],
)
def test_an_analog_sensor_gives_the_voltage_of_what_it_measures(
    channel: dict[str, Any], value: float
) -> None:
    config = ChannelConfig.model_validate(channel)
    (volts,) = (voltage(CALM_DAY) for voltage in voltages([config]).values())
    measured = value_of(volts, config)
    assert not isinstance(measured, Flagged)
    assert measured == pytest.approx(value, abs=1e-6)
