"""Which devices can share a wire, and what a shared radio listens for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge_gateway.clock import Clock
from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.ble_adv import BleAdvConfig
from edge_gateway.drivers.contract import (
    Advert,
    AdvertPattern,
    BleConfig,
    I2cConfig,
    ModbusConfig,
    SerialConfig,
)
from edge_gateway.wiring import Openers, Wiring, conflicts


def complaints(*devices: DeviceConfig) -> list[str]:
    return [what for _, what in conflicts(devices)]


def sht(name: str, address: int) -> I2cConfig:
    return I2cConfig(id=name, driver="sht", address=address)


def slave(name: str, unit: int, baud: int = 19200) -> ModbusConfig:
    return ModbusConfig(id=name, driver="hukseflux", port="/dev/ttyS1", unit=unit, baud=baud)


def talker(name: str, port: str) -> SerialConfig:
    return SerialConfig(id=name, driver="windsonic", port=port, baud=9600)


def test_two_chips_at_one_address_are_a_conflict() -> None:
    assert (
        "'b' is at I2C bus 1 address 0x44, where 'a'" in complaints(sht("a", 68), sht("b", 68))[0]
    )


def test_two_chips_at_two_addresses_share_a_bus() -> None:
    assert complaints(sht("a", 0x44), sht("b", 0x45)) == []


def test_modbus_slaves_share_a_line() -> None:
    assert complaints(slave("a", 1), slave("b", 2)) == []


def test_two_slaves_with_one_address_are_a_conflict() -> None:
    assert "unit 1, where 'a' already is" in complaints(slave("a", 1), slave("b", 1))[0]


def test_slaves_of_one_line_speak_at_one_speed() -> None:
    assert "same baud and parity" in complaints(slave("a", 1), slave("b", 2, baud=9600))[0]


def test_a_sensor_heard_by_radio_is_configured_once() -> None:
    heard = [
        BleConfig(id=name, driver="ble_adv", address="CB:B8:33:4C:88:4F") for name in ("a", "b")
    ]
    assert "Bluetooth address CB:B8:33:4C:88:4F" in complaints(*heard)[0]


def heard(name: str, last: int, scanning: str = "active", adapter: str | None = None) -> BleConfig:
    table = {"id": name, "driver": "ble_adv", "format": "ruuvi", "scanning": scanning}
    place = {"address": f"CB:B8:33:4C:88:{last:02X}", "adapter": adapter}
    return BleAdvConfig.model_validate({**table, **place})


def test_one_adapter_scans_in_one_way() -> None:
    (complaint,) = complaints(heard("a", 1, "passive"), heard("b", 2), heard("c", 3, "passive"))
    assert complaint == (
        "device 'b' shares the Bluetooth adapter with 'a': it cannot scan both passively and "
        "actively, write one `scanning` for both"
    )


def test_a_named_adapter_is_named_in_the_complaint() -> None:
    (complaint,) = complaints(heard("a", 1, adapter="hci1"), heard("b", 2, "passive", "hci1"))
    assert "shares the Bluetooth adapter hci1 with 'a'" in complaint


def test_two_adapters_may_scan_in_two_ways() -> None:
    assert complaints(heard("a", 1, "active", "hci0"), heard("b", 2, "passive", "hci1")) == []


@dataclass
class Ear:
    """A radio that notes what it was to listen for."""

    patterns: Sequence[AdvertPattern]
    addresses: list[str] = field(default_factory=list[str])
    closed: int = 0

    def listen(self, address: str) -> Ear:
        self.addresses.append(address)
        return self

    def read(self, timeout_s: float) -> Advert | None:
        del timeout_s

    def close(self) -> None:
        self.closed += 1


def opened(clock: Clock, *devices: BleConfig) -> list[Ear]:
    ears: list[Ear] = []

    def radio(_: Clock, adapter: str | None, patterns: Sequence[AdvertPattern]) -> Ear:
        assert adapter is None
        ears.append(Ear(patterns))
        return ears[-1]

    wiring = Wiring(clock, None, Openers(radio=radio), devices)
    for device in devices:
        wiring.wire(device).open_driver()
    wiring.close()
    return ears


def test_devices_of_one_adapter_share_one_radio(frozen: Clock) -> None:
    (ear,) = opened(frozen, heard("a", 1), heard("b", 2))
    assert ear.addresses == ["CB:B8:33:4C:88:01", "CB:B8:33:4C:88:02"]
    assert (list(ear.patterns), ear.closed) == ([], 1)


def test_a_passive_radio_is_told_what_to_listen_for(frozen: Clock) -> None:
    (ear,) = opened(frozen, heard("a", 1, "passive"))
    assert set(ear.patterns) == set(BleAdvConfig.advert_patterns)


def test_a_talking_device_shares_its_port_with_nobody() -> None:
    assert complaints(talker("a", "/dev/ttyS0"), talker("b", "/dev/ttyS0"))
    assert complaints(slave("a", 1), talker("b", "/dev/ttyS1"))
    assert complaints(talker("a", "/dev/ttyS1"), slave("b", 1))
