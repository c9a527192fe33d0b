"""Which link a device hangs on: opened for it, or shared with those that name the same bus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from edge_gateway.clock import Clock
from edge_gateway.config import DeviceConfig, PrivacyConfig
from edge_gateway.drivers.contract import (
    BleConfig,
    ByteStream,
    Driver,
    I2c,
    I2cConfig,
    ModbusConfig,
    SerialConfig,
    W1Config,
)
from edge_gateway.drivers.registry import load
from edge_gateway.links.ble import BleRadio
from edge_gateway.links.errors import Misconfigured
from edge_gateway.links.i2c import I2cBus
from edge_gateway.links.modbus import ModbusLine
from edge_gateway.links.serial import SerialPort
from edge_gateway.links.w1 import W1Folder
from edge_gateway.people.camera import CameraConfig, open_counter
from edge_gateway.supervise import AnyDriver


@dataclass(frozen=True, slots=True)
class Wire:
    """How one device is opened, and how its own link is closed; a shared link stays."""

    open_driver: Callable[[], AnyDriver]
    close_link: Callable[[], None] | None


def open_stream(config: SerialConfig | ModbusConfig) -> ByteStream:
    """The serial port a device's table names."""
    parity = config.parity if isinstance(config, ModbusConfig) else "N"
    return SerialPort(config.port, config.baud, parity)


@dataclass(frozen=True, slots=True)
class Openers:
    """What opens the wires: the machine's own, or simulated, recorded, replayed ones."""

    i2c: Callable[[int], I2c] = I2cBus
    stream: Callable[[SerialConfig | ModbusConfig], ByteStream] = open_stream


class Wiring:
    """Opens drivers with their links. Shared buses are opened once and closed with it."""

    def __init__(
        self,
        clock: Clock,
        permission: PrivacyConfig | None,
        openers: Openers,
        devices: Sequence[DeviceConfig],
    ) -> None:
        self._clock = clock
        self._devices = tuple(devices)
        self._permission = permission
        self._openers = openers
        self._buses: dict[int, I2c] = {}
        self._lines: dict[str, ModbusLine] = {}
        self._radios: dict[str | None, BleRadio] = {}
        self._shared = ExitStack()

    def wire(self, config: DeviceConfig) -> Wire:
        """How to open this device; nothing is touched before `open_driver` is called."""
        driver = load(config.driver)
        match config:
            case I2cConfig():
                bus = self._bus(config.bus)
                return Wire(lambda: _made(driver, config, bus, self._clock), None)
            case ModbusConfig():
                line = self._line(config)
                return Wire(lambda: _made(driver, config, line, self._clock), None)
            case SerialConfig():
                return self._own(driver, config, lambda: self._openers.stream(config))
            case W1Config():
                return self._own(driver, config, lambda: W1Folder(config.folder))
            case BleConfig():
                return self._own(driver, config, lambda: self._radio(config).listen(config.address))
            case CameraConfig():
                return self._own(driver, config, lambda: open_counter(config, self._allowed()))
            case _:
                raise Misconfigured(
                    f"device {config.id!r}: the configuration of driver {config.driver!r} must "
                    "be an I2cConfig, SerialConfig, ModbusConfig, W1Config or BleConfig"
                )

    def close(self) -> None:
        """Close the shared links."""
        self._shared.close()

    def _bus(self, number: int) -> I2c:
        if number not in self._buses:
            bus = self._buses[number] = self._openers.i2c(number)
            self._shared.callback(bus.close)
        return self._buses[number]

    def _line(self, config: ModbusConfig) -> ModbusLine:
        if config.port not in self._lines:
            port = self._openers.stream(config)
            line = self._lines[config.port] = ModbusLine(port, self._clock, baud=config.baud)
            self._shared.callback(line.close)
        return self._lines[config.port]

    def _radio(self, config: BleConfig) -> BleRadio:
        """The radio of an adapter; it scans passively when all who share it want that."""
        if config.adapter not in self._radios:
            heard = [
                device
                for device in self._devices
                if isinstance(device, BleConfig) and device.adapter == config.adapter
            ]
            passive = all(device.scanning == "passive" for device in heard)
            patterns = {pattern for device in heard for pattern in device.advert_patterns}
            radio = BleRadio(self._clock, config.adapter, sorted(patterns) if passive else ())
            self._radios[config.adapter] = radio
            self._shared.callback(radio.close)
        return self._radios[config.adapter]

    def _own(
        self, driver: type[Driver[Any, Any]], config: DeviceConfig, open_link: Callable[[], Any]
    ) -> Wire:
        opened: list[Any] = []

        def open_driver() -> AnyDriver:
            opened.append(open_link())
            return _made(driver, config, opened[-1], self._clock)

        def close_link() -> None:
            while opened:
                opened.pop().close()

        return Wire(open_driver, close_link)

    def _allowed(self) -> PrivacyConfig:
        if self._permission is None:
            raise Misconfigured("counting people needs a [privacy] table; see `config sample`")
        return self._permission


def conflicts(devices: Sequence[DeviceConfig]) -> Iterator[tuple[int, str]]:
    """Find devices that cannot share a wire: the index of the later one, and why not."""
    places: dict[tuple[object, ...], str] = {}
    lines: dict[str, tuple[str, tuple[object, ...] | None]] = {}
    for index, device in enumerate(devices):
        place = _place(device)
        if place and place in places:
            where = " ".join(str(part) for part in place)
            yield index, f"device {device.id!r} is at {where}, where {places[place]!r} already is"
        elif place:
            places[place] = device.id
        if not isinstance(device, (ModbusConfig, SerialConfig)):
            continue
        is_bus = isinstance(device, ModbusConfig)
        settings = (device.baud, device.parity) if is_bus else None
        other, others = lines.setdefault(device.port, (device.id, settings))
        if other != device.id and (settings is None or settings != others):
            what = "only Modbus slaves with the same baud and parity can share a port"
            yield index, f"device {device.id!r} shares {device.port} with {other!r}: {what}"


def _place(device: DeviceConfig) -> tuple[object, ...] | None:
    match device:
        case I2cConfig():
            return ("I2C bus", device.bus, "address", f"0x{device.address:02x}")
        case ModbusConfig():
            return (device.port, "unit", device.unit)
        case W1Config():
            return ("1-Wire slave", device.slave)
        case BleConfig():
            return ("Bluetooth address", device.address)
        case _:
            return None


def _made(driver: type[Driver[Any, Any]], config: DeviceConfig, link: object, clock: Clock) -> Any:
    return driver(config, link, clock)
