"""Which link a device hangs on: opened for it, or shared with those that name the same bus.

**A stuck I2C bus.** `I2cBus` opens the bus anew after each loss and tries it once per back-off,
for all its devices together. That is all software can do on a Raspberry Pi: the nine clock pulses
that would free a chip which holds SDA (UM10204, section 3.1.16) need SCL as a plain pin, and the
kernel's controller owns it. Of the kernel's drivers neither i2c-bcm2835 (Pi 1 to 4) nor i2c-gpio
has such a recovery, and i2c-designware (Pi 5) has it only where the device tree gives it SCL as
`scl-gpios`, and then does it by itself. No opener here hands a `recover` to `I2cBus`, therefore: a
board that can switch the supply of its sensors passes `Openers(i2c=...)` with one that does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_gateway.clock import Clock
from edge_gateway.config import DeviceConfig, PrivacyConfig
from edge_gateway.drivers.contract import (
    W1,
    AdvertPattern,
    BleConfig,
    ByteStream,
    Driver,
    I2c,
    I2cConfig,
    ModbusConfig,
    SerialConfig,
    W1Config,
)
from edge_gateway.drivers.local import LocalConfig
from edge_gateway.drivers.registry import load
from edge_gateway.links.ble import BleRadio
from edge_gateway.links.errors import Misconfigured
from edge_gateway.links.i2c import I2cBus
from edge_gateway.links.local import LocalSocket
from edge_gateway.links.modbus import ModbusLine
from edge_gateway.links.recorded import Radio
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


def open_socket(config: LocalConfig, clock: Clock) -> LocalSocket:
    """The socket a device's table names."""
    mode = int(config.mode, 8)
    return LocalSocket(config.path, mode=mode, group=config.group, clock=clock)


@dataclass(frozen=True, slots=True)
class Openers:
    """What opens the wires: the machine's own, or simulated, recorded, replayed ones.

    `radio` takes the clock, the adapter (None is the first that is on), and what a passive scan
    listens for; nothing to listen for is an active scan.
    """

    i2c: Callable[[int], I2c] = I2cBus
    stream: Callable[[SerialConfig | ModbusConfig], ByteStream] = open_stream
    w1: Callable[[Path], W1] = W1Folder
    radio: Callable[[Clock, str | None, Sequence[AdvertPattern]], Radio] = BleRadio


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
        self._radios: dict[str | None, Radio] = {}
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
            case _:
                return self._own(driver, config, self._opener(config))

    def _opener(self, config: DeviceConfig) -> Callable[[], Any]:
        """What opens the link of a device that has one to itself."""
        match config:
            case SerialConfig():
                return lambda: self._openers.stream(config)
            case W1Config():
                return lambda: self._openers.w1(config.folder)
            case BleConfig():
                return lambda: self._radio(config).listen(config.address)
            case LocalConfig():
                return lambda: open_socket(config, self._clock)
            case CameraConfig():
                return lambda: open_counter(config, self._allowed())
            case _:
                raise Misconfigured(
                    f"device {config.id!r}: the configuration of driver {config.driver!r} must be "
                    "an I2cConfig, SerialConfig, ModbusConfig, W1Config, BleConfig or LocalConfig"
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
            line = self._lines[config.port] = ModbusLine(
                port, self._clock, baud=config.baud, timeout_s=self._patience_s(config)
            )
            self._shared.callback(line.close)
        return self._lines[config.port]

    def _patience_s(self, config: ModbusConfig) -> float:
        line = [other for other in self._devices if isinstance(other, ModbusConfig)]
        slaves = [other for other in line if other.port == config.port]
        return max(slave.answer_timeout_s for slave in (config, *slaves))

    def _radio(self, config: BleConfig) -> Radio:
        if config.adapter not in self._radios:
            heard = [
                device
                for device in self._devices
                if isinstance(device, BleConfig) and device.adapter == config.adapter
            ]
            passive = all(device.scanning == "passive" for device in heard)
            patterns = {pattern for device in heard for pattern in device.advert_patterns}
            radio = self._openers.radio(
                self._clock, config.adapter, sorted(patterns) if passive else ()
            )
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
    shared: dict[tuple[str, str | None], DeviceConfig] = {}
    for index, device in enumerate(devices):
        place = _place(device)
        if place and place in places:
            where = " ".join(str(part) for part in place)
            yield index, f"device {device.id!r} is at {where}, where {places[place]!r} already is"
        elif place:
            places[place] = device.id
        match device:
            case ModbusConfig() | SerialConfig():
                wire = ("port", device.port)
            case BleConfig():
                wire = ("adapter", device.adapter)
            case _:
                continue
        first = shared.setdefault(wire, device)
        disagree = "" if first is device else _disagreement(first, device)
        if disagree:
            yield index, f"device {device.id!r} shares {_named(wire)} with {first.id!r}: {disagree}"


def _disagreement(first: DeviceConfig, second: DeviceConfig) -> str:
    """Why two devices cannot share the port or the adapter that both name; empty if they can."""
    match first, second:
        case BleConfig(), BleConfig():
            same = first.scanning == second.scanning
            what = f"it cannot scan both {first.scanning}ly and {second.scanning}ly"
            return "" if same else f"{what}, write one `scanning` for both"
        case ModbusConfig(), ModbusConfig():
            same = (first.baud, first.parity) == (second.baud, second.parity)
        case _:
            same = False
    return "" if same else "only Modbus slaves with the same baud and parity can share a port"


def _named(wire: tuple[str, str | None]) -> str:
    kind, name = wire
    if kind == "port":
        return str(name)
    return f"the Bluetooth adapter {name}" if name else "the Bluetooth adapter"


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
        case LocalConfig():
            return ("socket", str(device.path))
        case _:
            return None


def _made(driver: type[Driver[Any, Any]], config: DeviceConfig, link: object, clock: Clock) -> Any:
    return driver(config, link, clock)
