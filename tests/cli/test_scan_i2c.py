"""Scanning I2C: every chip with a twin is found, and nothing that is not known is written to."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from smbus2 import i2c_msg

from edge_gateway.cli.check import read
from edge_gateway.cli.scan import Plan, scan
from edge_gateway.cli.scan.machine import Machine
from edge_gateway.cli.scan.report import Report
from edge_gateway.clock import SystemClock
from edge_gateway.drivers.contract import I2cConfig
from edge_gateway.drivers.formats.bosch_bme280 import BMP280_ID
from edge_gateway.drivers.registry import load
from edge_gateway.links.i2c import I2cBus
from edge_gateway.twins.ads1115 import Ads1115Twin
from edge_gateway.twins.bh1750 import Bh1750Twin
from edge_gateway.twins.bme280 import Bme280Twin
from edge_gateway.twins.i2c_bus import I2cChip, RegisterChip, SimulatedI2cBus, no_acknowledge
from edge_gateway.twins.sht import ShtTwin
from edge_gateway.twins.veml7700 import Veml7700Twin
from edge_gateway.twins.weather import WeatherScene

SCENE = WeatherScene(seed=7)
CLOCK = SystemClock()
GATEWAY = '[gateway]\nid = "pole"\n[uplink]\nhost = "broker"\n'

CHIPS: Mapping[str, tuple[Callable[[], I2cChip], int, Mapping[str, object]]] = {
    "bme280": (lambda: Bme280Twin(SCENE), 0x76, {"model": "bme280"}),
    "bmp280": (lambda: Bme280Twin(SCENE, chip_id=BMP280_ID), 0x77, {"model": "bmp280"}),
    "sht4x": (lambda: ShtTwin(SCENE), 0x44, {"model": "sht4x"}),
    "sht3x": (lambda: ShtTwin(SCENE, model="sht3x"), 0x45, {"model": "sht3x"}),
    "veml7700": (lambda: Veml7700Twin(SCENE), 0x10, {}),
    "bh1750": (lambda: Bh1750Twin(SCENE), 0x5C, {}),
    "ads1115": (lambda: Ads1115Twin(SCENE, {"AIN0": lambda _: 3.3}), 0x4A, {}),
}


class Tapped:
    """The simulated bus, with a list of what was written to whom."""

    def __init__(self, bus: SimulatedI2cBus) -> None:
        self._bus = bus
        self.written: dict[int, list[bytes]] = {}
        self.read: set[int] = set()

    def open(self, number: int) -> Tapped:
        del number
        return self

    def i2c_rdwr(self, *i2c_msgs: i2c_msg) -> None:
        for message in i2c_msgs:
            if message.flags & 1:
                self.read.add(message.addr)
            else:
                self.written.setdefault(message.addr, []).append(bytes(message))
        self._bus.i2c_rdwr(*i2c_msgs)

    def close(self) -> None:
        self._bus.close()


class Clutcher(RegisterChip):
    """A chip that holds the clock whenever it is asked."""

    def power_up(self) -> None:
        pass

    def store(self, register: int, data: bytes) -> None:
        del register, data
        raise OSError(errno.ETIMEDOUT, "timed out")

    def fetch(self, register: int, count: int) -> bytes:
        del register, count
        raise OSError(errno.ETIMEDOUT, "timed out")


class Stranger(RegisterChip):
    """A chip that no driver knows: every register holds its number."""

    def power_up(self) -> None:
        pass

    def store(self, register: int, data: bytes) -> None:
        pass

    def fetch(self, register: int, count: int) -> bytes:
        return bytes((register + at) & 0xFF for at in range(count))


def machine(folder: Path, buses: Mapping[int, Any]) -> Machine:
    """A machine with these buses: whatever opens each in place of smbus2."""
    for name in ("dev", "sys", "proc"):
        (folder / name).mkdir(exist_ok=True)
    for number in buses:
        (folder / "dev" / f"i2c-{number}").touch()
    return Machine(
        dev=folder / "dev",
        sys=folder / "sys",
        proc=folder / "proc",
        open_bus=lambda number: I2cBus(number, open_bus=lambda n: buses[n].open(n)),
        clock=CLOCK,
    )


def scanned(machine: Machine, *buses: int) -> Report:
    return scan(Plan(kinds=("i2c",), buses=buses), machine, lambda _: None)


def remarks(report: Report) -> str:
    return "\n".join(f"{remark.where}: {remark.what}" for remark in report.remarks)


@pytest.mark.parametrize("name", CHIPS)
def test_every_chip_is_found_at_its_address(name: str, tmp_path: Path) -> None:
    make, address, settings = CHIPS[name]
    report = scanned(machine(tmp_path, {1: SimulatedI2cBus({address: make()})}))
    (entry,) = report.entries
    found = entry.config.model_dump()
    assert found == found | {"bus": 1, "address": address, **settings}


@pytest.mark.parametrize("name", CHIPS)
def test_the_configuration_it_prints_reads_the_chip(name: str, tmp_path: Path) -> None:
    make, address, _ = CHIPS[name]
    bus = SimulatedI2cBus({address: make()})
    path = tmp_path / "gateway.toml"
    path.write_text(GATEWAY + scanned(machine(tmp_path, {1: bus})).toml(), encoding="utf-8")
    (device,) = read(path).device
    assert isinstance(device, I2cConfig)
    driver: Any = load(device.driver)(device, I2cBus(device.bus, open_bus=bus.open), CLOCK)
    assert driver.read()


def test_all_chips_at_once_get_ids_of_their_own(tmp_path: Path) -> None:
    bus = SimulatedI2cBus({address: make() for make, address, _ in CHIPS.values()})
    report = scanned(machine(tmp_path, {1: bus}))
    assert [entry.id for entry in report.entries] == [
        "veml7700-1",
        "sht-1",
        "sht-2",
        "ads1115-1",
        "bh1750-1",
        "bme280-1",
        "bme280-2",
    ]


def test_a_chip_with_an_identity_is_sure_and_one_without_may_be(tmp_path: Path) -> None:
    bus = SimulatedI2cBus({0x10: Veml7700Twin(SCENE), 0x23: Bh1750Twin(SCENE)})
    light, other = scanned(machine(tmp_path, {1: bus})).entries
    assert light.found.doubt == ""
    assert "cannot identify itself" in other.found.doubt


def test_a_light_sensor_without_its_device_id_may_be_one(tmp_path: Path) -> None:
    bus = SimulatedI2cBus({0x10: Veml7700Twin(SCENE, device_id=0)})
    (entry,) = scanned(machine(tmp_path, {1: bus})).entries
    assert "does not give the device id" in entry.found.doubt


@pytest.mark.parametrize(
    ("name", "asked"), [("sht4x", [b"\x89"]), ("sht3x", [b"\x89", b"\x36\x82"])]
)
def test_a_thermometer_is_asked_for_its_serial_number_alone(
    name: str, asked: list[bytes], tmp_path: Path
) -> None:
    make, address, _ = CHIPS[name]
    tap = Tapped(SimulatedI2cBus({address: make()}))
    (entry,) = scanned(machine(tmp_path, {1: tap})).entries
    assert not entry.found.doubt
    assert tap.written[address] == asked


def test_an_unknown_chip_is_named_by_its_address(tmp_path: Path) -> None:
    bus = SimulatedI2cBus({0x29: Stranger(), 0x76: Stranger()})
    report = scanned(machine(tmp_path, {1: bus}))
    assert not report.entries
    assert "something answers that no driver knows: 0x29, 0x76" in remarks(report)


def test_nothing_is_written_where_no_driver_expects_its_chip(tmp_path: Path) -> None:
    tap = Tapped(SimulatedI2cBus({address: Stranger() for address in range(0x08, 0x78)}))
    scanned(machine(tmp_path, {1: tap}))
    known = {0x10, 0x44, 0x45, 0x46, 0x48, 0x49, 0x4A, 0x4B, 0x76, 0x77}
    assert set(tap.written) <= known
    assert not tap.read & {0x0C, 0x69}


def test_no_chip_loses_its_settings_to_a_scan(tmp_path: Path) -> None:
    bus = SimulatedI2cBus({0x76: Bme280Twin(SCENE)})
    config = load("bme280").config_model.model_validate({"id": "air", "driver": "bme280"})
    driver: Any = load("bme280")(config, I2cBus(1, open_bus=bus.open), CLOCK)
    driver.read()
    scanned(machine(tmp_path, {1: bus}))
    assert driver.read()  # a lost setting would be a DeviceReset


def test_a_stuck_bus_is_told_with_what_to_do_and_does_not_end_the_scan(tmp_path: Path) -> None:
    stuck, free = (
        SimulatedI2cBus({0x76: Bme280Twin(SCENE)}),
        SimulatedI2cBus({0x44: ShtTwin(SCENE)}),
    )
    stuck.hold()
    report = scanned(machine(tmp_path, {1: stuck, 3: free}))
    assert [entry.found.settings["bus"] for entry in report.entries] == [3]
    assert "I2C bus 1: bus stuck at /dev/i2c-1" in remarks(report)
    assert "cut the power of its sensors" in remarks(report)
    assert stuck.transactions < 5


def test_one_chip_that_holds_the_clock_does_not_hide_the_others(tmp_path: Path) -> None:
    bus = SimulatedI2cBus({0x29: Clutcher(), 0x76: Bme280Twin(SCENE)})
    report = scanned(machine(tmp_path, {1: bus}))
    assert [entry.id for entry in report.entries] == ["bme280-1"]
    assert "0x29: holds the bus too long" in remarks(report)


def test_an_empty_bus_is_not_a_stuck_one(tmp_path: Path) -> None:
    report = scanned(machine(tmp_path, {1: SimulatedI2cBus({})}))
    assert remarks(report) == "I2C bus 1: nothing answers"


def test_a_machine_without_i2c_is_told_how_to_switch_it_on(tmp_path: Path) -> None:
    assert "dtparam=i2c_arm=on" in remarks(scanned(machine(tmp_path, {})))


def test_a_bus_that_may_not_be_opened_is_told_with_the_group(tmp_path: Path) -> None:
    class Locked:
        def open(self, number: int) -> None:
            raise PermissionError(errno.EACCES, "Permission denied", f"/dev/i2c-{number}")

    assert "group i2c" in remarks(scanned(machine(tmp_path, {1: Locked()})))


def test_a_chip_the_kernel_drives_is_left_alone(tmp_path: Path) -> None:
    tap = Tapped(SimulatedI2cBus({0x76: Bme280Twin(SCENE)}))
    here = machine(tmp_path, {1: tap})
    place = tmp_path / "sys/bus/i2c/devices/1-0076"
    (place / "driver").mkdir(parents=True)
    (place / "name").write_text("bme280\n")
    assert "0x76: belongs to the kernel (bme280)" in remarks(scanned(here))
    assert 0x76 not in tap.written


@pytest.mark.parametrize(("named", "count"), [((), 0), ((1,), 1)])
def test_the_bus_of_a_screen_is_scanned_only_when_it_is_named(
    named: tuple[int, ...], count: int, tmp_path: Path
) -> None:
    here = machine(tmp_path, {1: SimulatedI2cBus({0x76: Bme280Twin(SCENE)})})
    name = tmp_path / "sys/class/i2c-dev/i2c-1/name"
    name.parent.mkdir(parents=True)
    name.write_text("i915 gmbus dpb\n")
    assert len(scanned(here, *named).entries) == count


@pytest.mark.parametrize("seen", [True, False], ids=["its files are seen", "its files are hidden"])
def test_a_running_gateway_keeps_its_bus(seen: bool, tmp_path: Path) -> None:  # noqa: FBT001  a case of the test
    here = machine(tmp_path, {1: SimulatedI2cBus({0x76: Bme280Twin(SCENE)})})
    process = tmp_path / "proc" / "812"
    process.mkdir()
    (process / "comm").write_text("edge-gateway\n")
    (process / "cmdline").write_text("python\0/usr/bin/edge-gateway\0run\0")
    if seen:
        (process / "fd").mkdir()
        (process / "fd" / "5").symlink_to(tmp_path / "dev" / "i2c-1")
    report = scanned(here)
    assert not report.entries
    assert "in use by edge-gateway (process 812)" in remarks(report)


def test_a_silent_chip_is_no_reason_for_a_remark(tmp_path: Path) -> None:
    class Shy(Stranger):
        def read(self, count: int) -> bytes:
            del count
            raise no_acknowledge()

    report = scanned(machine(tmp_path, {1: SimulatedI2cBus({0x29: Shy()})}))
    assert remarks(report) == "I2C bus 1: nothing answers"
