"""Which devices can share a wire."""

from __future__ import annotations

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import BleConfig, I2cConfig, ModbusConfig, SerialConfig
from edge_gateway.wiring import conflicts


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


def test_a_talking_device_shares_its_port_with_nobody() -> None:
    assert complaints(talker("a", "/dev/ttyS0"), talker("b", "/dev/ttyS0"))
    assert complaints(slave("a", 1), talker("b", "/dev/ttyS1"))
    assert complaints(talker("a", "/dev/ttyS1"), slave("b", 1))
