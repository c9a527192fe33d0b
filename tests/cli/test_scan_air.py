"""Scanning 1-Wire and Bluetooth: slaves by their names, sensors by their format, nobody else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge_gateway.cli.check import read
from edge_gateway.cli.scan import Plan, scan
from edge_gateway.cli.scan.machine import Machine
from edge_gateway.cli.scan.report import Report
from edge_gateway.clock import Clock, SystemClock
from edge_gateway.drivers.ds18b20 import Ds18b20, Ds18b20Config
from edge_gateway.drivers.formats import bthome, pvvx, ruuvi
from edge_gateway.links.bluez import Bluetooth, OnAdvert, Pattern
from edge_gateway.links.errors import Misconfigured
from edge_gateway.links.w1 import W1Folder
from edge_gateway.twins.ble_sensors import Beacon, BtHomeTwin, PvvxTwin, RuuviTwin
from edge_gateway.twins.bluez import SimulatedBluez
from edge_gateway.twins.ds18b20 import Ds18b20Twin
from edge_gateway.twins.private_bus import PrivateBus
from edge_gateway.twins.w1_tree import SimulatedW1Tree
from edge_gateway.twins.weather import WeatherScene

SCENE = WeatherScene(seed=7)
GATEWAY = '[gateway]\nid = "pole"\n[uplink]\nhost = "broker"\n'
KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
# The first two bits of a random address are 11 where it stays, 01 and 00 where it changes.
TAG, STATION, ROOM = "CB:B8:33:4C:88:4F", "D4:48:E6:8F:80:A5", "A4:C1:38:00:00:01"
PHONE, CHANGING = "7A:11:22:33:44:55", "4B:B8:33:4C:88:4F"


def remarks(report: Report) -> str:
    return "\n".join(f"{remark.where}: {remark.what}" for remark in report.remarks)


def checked(report: Report, folder: Path) -> Sequence[Any]:
    """What a gateway makes of the printed configuration."""
    path = folder / "gateway.toml"
    path.write_text(GATEWAY + report.toml(), encoding="utf-8")
    return read(path).device


def w1_scan(folder: Path) -> Report:
    return scan(Plan(kinds=("w1",)), Machine(sys=folder / "sys"), lambda _: None)


def test_the_slaves_of_a_1_wire_bus_are_found_and_their_configuration_reads(tmp_path: Path) -> None:
    folder = tmp_path / "sys/bus/w1/devices"
    slaves = ("28-0316a2795bff", "28-0416a2795b00")
    tree = SimulatedW1Tree(folder, {slave: Ds18b20Twin(SCENE) for slave in slaves})
    (folder / "w1_bus_master1").mkdir()
    report = w1_scan(tmp_path)
    assert not report.remarks
    devices = checked(report, tmp_path)
    assert [(device.id, device.slave) for device in devices] == [
        ("ds18b20-1", slaves[0]),
        ("ds18b20-2", slaves[1]),
    ]
    device = devices[1]
    assert isinstance(device, Ds18b20Config)
    link = W1Folder(device.folder, read_file=tree.read_file)
    assert Ds18b20(device, link, SystemClock()).read()


def test_what_a_thermometer_is_fixed_to_is_left_to_the_person(tmp_path: Path) -> None:
    SimulatedW1Tree(tmp_path / "sys/bus/w1/devices", {"28-0316a2795bff": Ds18b20Twin(SCENE)})
    assert '# Check: what it is fixed to, "surface" or "air".' in w1_scan(tmp_path).toml()


@pytest.mark.parametrize(
    ("slave", "said"),
    [
        ("3a-000000123456", "no driver knows its family"),
        ("00-400000000000", "no device but noise: check the wires and the pull-up"),
    ],
)
def test_a_slave_nobody_knows_is_told(slave: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "sys/bus/w1/devices" / slave).mkdir(parents=True)
    report = w1_scan(tmp_path)
    assert not report.entries
    assert f"1-Wire, {slave}: " in remarks(report)
    assert said in remarks(report)


def test_a_bus_without_slaves_and_no_bus_are_told_apart(tmp_path: Path) -> None:
    assert "dtoverlay=w1-gpio" in remarks(w1_scan(tmp_path))
    (tmp_path / "sys/bus/w1/devices").mkdir(parents=True)
    assert "no slave on the bus" in remarks(w1_scan(tmp_path))


class HeardByHand:
    """A Bluetooth library whose scan hears these beacons as soon as it starts."""

    def __init__(self, *beacons: Beacon, fault: Exception | None = None) -> None:
        self._beacons, self._fault = beacons, fault
        self._on_advert: OnAdvert = lambda _device, _heard: None

    def load(self) -> Bluetooth:
        return Bluetooth(self.scan, (OSError, TimeoutError))

    def scan(self, on_advert: OnAdvert, _: str | None, __: Sequence[Pattern]) -> HeardByHand:
        self._on_advert = on_advert
        return self

    async def start(self) -> None:
        if self._fault is not None:
            raise self._fault
        for beacon in self._beacons:
            heard = SimpleNamespace(
                rssi=beacon.rssi_dbm,
                manufacturer_data=beacon.manufacturer_data,
                service_data=beacon.service_data,
                platform_data=("/dev", {"AddressType": beacon.address_type}),
            )
            self._on_advert(SimpleNamespace(address=beacon.address), heard)

    async def stop(self) -> None:
        raise OSError("it had died")


class Ether:
    """Keeps what sensors advertise."""

    def __init__(self) -> None:
        self.beacons: list[Beacon] = []

    def advertise(self, beacon: Beacon) -> None:
        self.beacons.append(beacon)


def ble_scan(air: HeardByHand, clock: Clock) -> Report:
    machine = Machine(bluetooth=air.load, clock=clock)
    return scan(Plan(kinds=("ble",), ble_s=0.01), machine, lambda _: None)


def advertised(kind: str) -> Beacon:
    """One advertisement of a sensor of each format."""
    ether = Ether()
    sensors = {
        "ruuvi": lambda: RuuviTwin(ether, TAG, SCENE),
        "pvvx": lambda: PvvxTwin(ether, ROOM, SCENE),
        "atc1441": lambda: PvvxTwin(ether, ROOM, SCENE, atc=True),
        "bthome": lambda: BtHomeTwin(ether, STATION, SCENE),
        "sealed": lambda: BtHomeTwin(ether, STATION, SCENE, key=KEY),
    }
    sensors[kind]().advertise()
    (beacon,) = ether.beacons
    # Xiaomi's thermometers have an address of their maker's, which stays.
    return replace(beacon, address_type="public") if beacon.address == ROOM else beacon


FORMATS: Mapping[str, str] = {
    "ruuvi": "ruuvi",
    "pvvx": "pvvx",
    "atc1441": "pvvx",
    "bthome": "bthome",
    "sealed": "bthome",
}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_sensor_of_every_format_is_recognised(kind: str, tmp_path: Path, frozen: Clock) -> None:
    beacon = advertised(kind)
    report = ble_scan(HeardByHand(beacon), frozen)
    (device,) = checked(report, tmp_path)
    assert (device.address, device.format) == (beacon.address, FORMATS[kind])


def test_an_encrypted_sensor_asks_for_its_key(frozen: Clock) -> None:
    report = ble_scan(HeardByHand(advertised("sealed")), frozen)
    assert "bind_key_file" in report.toml()
    assert "bind_key_file" not in ble_scan(HeardByHand(advertised("bthome")), frozen).toml()


def test_the_nearest_sensor_comes_first_and_each_comes_once(frozen: Clock) -> None:
    far, near = advertised("ruuvi"), advertised("pvvx")
    loud = replace(near, rssi_dbm=-40)
    report = ble_scan(HeardByHand(far, loud, far, loud), frozen)
    assert [entry.found.settings["address"] for entry in report.entries] == [ROOM, TAG]
    assert "# Heard at -40 dBm." in report.toml()


STRANGERS = [
    Beacon(PHONE, manufacturer_data={0x004C: b"\x10\x05\x03\x18"}),
    Beacon(PHONE, service_data={"0000fd6f-0000-1000-8000-00805f9b34fb": bytes(20)}),
    Beacon(CHANGING, manufacturer_data=advertised("ruuvi").manufacturer_data),
    Beacon(TAG, manufacturer_data={ruuvi.COMPANY: b"\x03" * 14}),
    Beacon(STATION, service_data={bthome.SERVICE: b"\x40\x00\x01\x3a\x01"}),  # a button
    Beacon(ROOM, service_data={pvvx.SERVICE: b"\x00\x01"}),
    Beacon(ROOM, service_data={bthome.SERVICE: b""}),
]


@pytest.mark.parametrize("beacon", STRANGERS)
def test_nothing_of_a_device_that_is_no_sensor_is_printed(beacon: Beacon, frozen: Clock) -> None:
    report = ble_scan(HeardByHand(beacon), frozen)
    said = remarks(report) + report.toml() + str(report.json())
    assert beacon.address not in said
    assert said.startswith("Bluetooth: no sensor heard in 0.01 s")


def test_a_machine_without_bluetooth_is_told_what_to_look_at(frozen: Clock) -> None:
    report = ble_scan(HeardByHand(fault=OSError(2, "No such file or directory")), frozen)
    assert "rfkill list" in remarks(report)


def test_a_missing_package_is_told_with_how_to_get_it(frozen: Clock) -> None:
    def load() -> Bluetooth:
        raise Misconfigured("BLE devices need the package bleak")

    machine = Machine(bluetooth=load, clock=frozen)
    report = scan(Plan(kinds=("ble",)), machine, lambda _: None)
    assert "need the package bleak" in remarks(report)


@pytest.fixture
def bluez(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedBluez]:
    if shutil.which("dbus-daemon") is None:
        pytest.skip("dbus-daemon is missing: apt-get install dbus")
    pytest.importorskip("bleak", reason="the extra ble is not installed")
    with PrivateBus(tmp_path) as bus, SimulatedBluez(bus.address) as bluez:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
        yield bluez


def test_real_bleak_hears_the_sensor_and_not_the_phone(bluez: SimulatedBluez) -> None:
    class Phone(RuuviTwin):
        def beacon(self, data: bytes) -> Beacon:
            return Beacon(self.address, manufacturer_data={0x004C: data})

    with (
        RuuviTwin(bluez, TAG, SCENE, interval_s=0.05),
        Phone(bluez, PHONE, SCENE, interval_s=0.05),
    ):
        report = scan(Plan(kinds=("ble",), ble_s=0.6), Machine(), lambda _: None)
    assert [entry.found.settings["address"] for entry in report.entries] == [TAG]
