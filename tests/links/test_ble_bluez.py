"""The BLE radio with unmodified bleak, against a simulated bluetoothd on a private message bus."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_gateway.clock import SystemClock
from edge_gateway.links.ble import BleRadio, Listener
from edge_gateway.links.bluez import Pattern
from edge_gateway.links.errors import LinkGone
from edge_gateway.twins.ble_sensors import Beacon, RuuviTwin
from edge_gateway.twins.bluez import SimulatedBluez
from edge_gateway.twins.private_bus import PrivateBus
from edge_gateway.twins.weather import WeatherScene
from tests.links.ble_air import COMPANY, DEADLINE_S, PASSER_BY, TAG, wait_until

PATTERNS: tuple[Pattern, ...] = ((0, 0xFF, b"\x99\x04"), (0, 0x16, b"\xd2\xfc"))


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateBus]:
    if shutil.which("dbus-daemon") is None:
        pytest.skip("dbus-daemon is missing: apt-get install dbus")
    pytest.importorskip("bleak", reason="the extra ble is not installed")
    with PrivateBus(tmp_path) as bus:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
        yield bus


@pytest.fixture
def bluez(bus: PrivateBus) -> Iterator[SimulatedBluez]:
    with SimulatedBluez(bus.address) as bluez:
        yield bluez


def quick_radio(**settings: Any) -> BleRadio:
    return BleRadio(SystemClock(), silence_s=0.2, retry_s=0.05, **settings)


def hear(listener: Listener) -> None:
    def heard() -> bool:
        try:
            return listener.read(0.1) is not None
        except LinkGone:
            return False

    wait_until(heard)


def test_a_beacon_travels_through_bluez_and_bleak(bluez: SimulatedBluez) -> None:
    radio = quick_radio()
    listener = radio.listen(TAG)
    wait_until(lambda: bluez.modes)
    service = "0000fcd2-0000-1000-8000-00805f9b34fb"
    bluez.advertise(Beacon(TAG, {COMPANY: b"\x05\x01"}, {service: b"\x40"}, rssi_dbm=-77))
    advert = listener.read(DEADLINE_S)
    radio.close()
    assert advert is not None
    assert (advert.address, advert.rssi_dbm, advert.address_type) == (TAG, -77, "random")
    assert advert.manufacturer_data == {COMPANY: b"\x05\x01"}
    assert advert.service_data == {service: b"\x40"}


FAILURES: dict[str, tuple[Callable[[SimulatedBluez], None], Callable[[SimulatedBluez], None]]] = {
    "bluetoothd restarts": (SimulatedBluez.crash, SimulatedBluez.restart),
    "the adapter is unplugged": (SimulatedBluez.unplug, SimulatedBluez.plug),
    "the adapter is switched off": (
        lambda bluez: bluez.power(on=False),
        lambda bluez: bluez.power(on=True),
    ),
}


@pytest.mark.parametrize("adapter", [None, "hci0"])
@pytest.mark.parametrize("failure", FAILURES)
def test_it_comes_back_by_itself_when(
    bluez: SimulatedBluez, failure: str, adapter: str | None
) -> None:
    down, up = FAILURES[failure]
    radio = quick_radio(adapter=adapter)
    listener = radio.listen(TAG)
    with RuuviTwin(bluez, TAG, WeatherScene(1), interval_s=0.02):
        hear(listener)
        down(bluez)
        wait_until(lambda: radio.trouble)
        with pytest.raises(LinkGone, match="cannot scan"):
            listener.read(DEADLINE_S)
        up(bluez)
        hear(listener)
    radio.close()


def test_it_comes_back_when_bluetoothd_restarts_at_once(bluez: SimulatedBluez) -> None:
    radio = quick_radio()
    listener = radio.listen(TAG)
    with RuuviTwin(bluez, TAG, WeatherScene(1), interval_s=0.02):
        hear(listener)
        bluez.crash()
        bluez.restart()
        while listener.read(0.0) is not None:
            pass  # what came before the crash
        hear(listener)
    radio.close()


def test_it_comes_back_when_the_message_bus_restarts(bus: PrivateBus) -> None:
    radio = quick_radio()
    with SimulatedBluez(bus.address) as bluez:
        listener = radio.listen(TAG)
        with RuuviTwin(bluez, TAG, WeatherScene(1), interval_s=0.02):
            hear(listener)
    bus.stop()
    wait_until(lambda: radio.trouble)
    bus.start()
    with SimulatedBluez(bus.address) as bluez:
        with RuuviTwin(bluez, TAG, WeatherScene(1), interval_s=0.02):
            hear(listener)
        radio.close()


def test_a_bus_without_bluetoothd_is_gone(bus: PrivateBus) -> None:
    assert bus.address
    radio = quick_radio()
    with pytest.raises(LinkGone, match=r"systemctl status bluetooth"):
        radio.listen(TAG).read(DEADLINE_S)
    radio.close()


def test_an_adapter_that_is_not_there_is_gone(bluez: SimulatedBluez) -> None:
    assert not bluez.modes
    radio = quick_radio(adapter="hci7")
    with pytest.raises(LinkGone, match="hci7 cannot scan"):
        radio.listen(TAG).read(DEADLINE_S)
    radio.close()


def test_passive_scanning_hears_its_patterns_alone(bluez: SimulatedBluez) -> None:
    radio = quick_radio(patterns=PATTERNS)
    tag, other = radio.listen(TAG), radio.listen(PASSER_BY)
    wait_until(lambda: bluez.modes == ("passive",))
    bluez.advertise(Beacon(PASSER_BY, {0x004C: b"\x10\x05"}))
    bluez.advertise(Beacon(TAG, {COMPANY: b"\x05"}))
    assert tag.read(DEADLINE_S)
    assert other.read(0.0) is None
    radio.close()


def test_where_bluez_cannot_scan_passively_it_scans_actively_and_says_so_once(
    bus: PrivateBus, caplog: pytest.LogCaptureFixture
) -> None:
    with SimulatedBluez(bus.address, with_monitors=False) as bluez:
        radio = quick_radio(patterns=PATTERNS)
        listener = radio.listen(TAG)
        for _ in range(2):
            wait_until(lambda: bluez.modes == ("active",))
            bluez.advertise(Beacon(TAG, {COMPANY: b"\x05"}))
            hear(listener)
            bluez.unplug()
            wait_until(lambda: radio.trouble)
            bluez.plug()
        wait_until(lambda: not radio.trouble)
        radio.close()
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
        "BlueZ does not scan passively here: scanning is active"
    ]


def test_of_a_passer_by_not_even_a_debug_log_knows(
    bluez: SimulatedBluez, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    radio = quick_radio()
    listener = radio.listen(TAG)
    wait_until(lambda: bluez.modes)
    bluez.advertise(Beacon(PASSER_BY, {0x004C: b"\x10\x05"}))
    bluez.advertise(Beacon(TAG, {COMPANY: b"\x05"}))
    assert listener.read(DEADLINE_S)
    radio.close()
    assert PASSER_BY.replace(":", "_") not in caplog.text
    assert PASSER_BY not in caplog.text


def test_closing_ends_the_scan_at_bluetoothd(bluez: SimulatedBluez) -> None:
    radio = quick_radio()
    radio.listen(TAG)
    wait_until(lambda: bluez.modes)
    radio.close()
    assert not bluez.modes
