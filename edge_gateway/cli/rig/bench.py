"""The twins of a whole configuration on their wires, and the gateway's ends of those wires."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from edge_gateway.cli.rig.subject import Faulty, Subject, Switch
from edge_gateway.cli.rig.talks import Turns
from edge_gateway.cli.rig.twins import (
    I2C,
    MODBUS,
    SERIAL,
    SIMULATED,
    W1,
    FaultyChip,
    Surroundings,
)
from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import (
    BleConfig,
    I2cConfig,
    ModbusConfig,
    SerialConfig,
    W1Config,
)
from edge_gateway.links.i2c import I2cBus
from edge_gateway.links.serial import SerialPort
from edge_gateway.links.w1 import W1Folder
from edge_gateway.people.camera import CameraConfig
from edge_gateway.twins.i2c_bus import SimulatedI2cBus
from edge_gateway.twins.modbus_slave import ModbusTwin, SharedLine
from edge_gateway.twins.pty_line import LineTwin, PtyLine
from edge_gateway.twins.talk import TalkChip, TalkTwin
from edge_gateway.twins.w1_tree import SimulatedW1Tree
from edge_gateway.wiring import Openers

ConfigT = TypeVar("ConfigT", bound=DeviceConfig)
PlaceT = TypeVar("PlaceT")


class Bench:
    """A twin in place of every device that has one, powered while the `with` block runs.

    `devices` is what a gateway is then to read, through `openers`; `left_out` says of the others,
    by id, why. A device in `talks` says what was recorded instead. `folder` takes ports and
    sockets, and is the caller's to remove.
    """

    def __init__(
        self,
        devices: Sequence[DeviceConfig],
        folder: Path,
        around: Surroundings,
        talks: Mapping[str, Turns] | None = None,
    ) -> None:
        self._configured = tuple(devices)
        self._folder, self._around = folder, around
        self._talks = talks or {}
        self._power = ExitStack()
        self._ports: dict[str, PtyLine] = {}
        self._buses: dict[int, SimulatedI2cBus] = {}
        self._slaves: dict[Path, tuple[Path, SimulatedW1Tree]] = {}
        self.devices: tuple[DeviceConfig, ...] = ()
        self.subjects: dict[str, Subject] = {}
        self.left_out: dict[str, str] = {}
        self.openers = Openers(i2c=self._i2c_bus, stream=self._port, w1=self._w1_folder)

    def __enter__(self) -> Self:
        """Wire all of it and switch it on."""
        with ExitStack() as stack:
            self._power = stack
            kept = [device for device in self._configured if self._can_stand_in(device)]
            self._add_lines([one for one in kept if isinstance(one, SerialConfig | ModbusConfig)])
            self._add_chips([one for one in kept if isinstance(one, I2cConfig)])
            self._add_slaves([one for one in kept if isinstance(one, W1Config)])
            self._add_air([one for one in kept if isinstance(one, BleConfig)])
            self.devices = tuple(device for device in kept if device.id not in self.left_out)
            self._power = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Switch it off."""
        self._power.close()

    def _can_stand_in(self, device: DeviceConfig) -> bool:
        why = ""
        if isinstance(device, CameraConfig):
            if not is_recording(device.source):
                why = "a camera has no twin; name a video file as its source"
        elif device.driver not in SIMULATED and device.id not in self._talks:
            why = f"driver {device.driver!r} has no twin"
        if why:
            self.left_out[device.id] = why
        return not why

    def _port(self, config: SerialConfig | ModbusConfig) -> SerialPort:
        return SerialPort(self._ports[config.port].path, config.baud)

    def _i2c_bus(self, number: int) -> I2cBus:
        return I2cBus(number, open_bus=self._buses[number].open)

    def _w1_folder(self, place: Path) -> W1Folder:
        folder, tree = self._slaves[place]
        return W1Folder(folder, read_file=tree.read_file)

    def _add_lines(self, devices: Sequence[SerialConfig | ModbusConfig]) -> None:
        (self._folder / "ports").mkdir()
        for port, users in _by(devices, lambda device: device.port).items():
            line = PtyLine(by_id=self._folder / "ports" / users[0].id)
            self._ports[port] = line
            self._power.callback(line.close)
            twins = {user.id: self._line_twin(user, line) for user in users}
            slaves = [twin for twin in twins.values() if isinstance(twin, ModbusTwin)]
            # A port has either slaves or one that talks; `wiring.conflicts` has seen to it.
            powered = SharedLine(line, slaves) if len(users) > 1 else twins[users[0].id]
            self._power.enter_context(powered)
            self._add(users, twins, port, _plug(line.unplug, line.plug, port))

    def _line_twin(self, device: SerialConfig | ModbusConfig, line: PtyLine) -> LineTwin:
        if device.id in self._talks:
            chance = self._around.of(device)["chance"]
            return TalkTwin(line, self._talks[device.id], chance=chance)
        factories = MODBUS if isinstance(device, ModbusConfig) else SERIAL
        return factories[device.driver](device, line, self._around)

    def _chip(self, device: I2cConfig) -> FaultyChip:
        if device.id in self._talks:
            return TalkChip(self._talks[device.id])
        return I2C[device.driver](device, self._around)

    def _add_chips(self, devices: Sequence[I2cConfig]) -> None:
        for number, users in _by(devices, lambda device: device.bus).items():
            chips = {user.id: self._chip(user) for user in users}
            bus = SimulatedI2cBus({user.address: chips[user.id] for user in users})
            self._buses[number] = bus
            place = f"I2C bus {number}"
            switches = {
                **_plug(bus.unplug, bus.plug, place),
                "hold": Switch(bus.hold, f"a line of {place} is held low until power_cycle"),
                "power_cycle": Switch(bus.power_cycle, f"the chips of {place} have restarted"),
            }
            self._add(users, chips, place, switches, bus)

    def _add_slaves(self, devices: Sequence[W1Config]) -> None:
        for number, (place, users) in enumerate(_by(devices, lambda one: one.folder).items()):
            slaves = {user.id: W1[user.driver](user, self._around) for user in users}
            folder = self._folder / f"w1-{number}"
            tree = SimulatedW1Tree(folder, {user.slave: slaves[user.id] for user in users})
            self._slaves[place] = folder, tree
            where = f"1-Wire bus in {place}"
            self._add(users, slaves, where, _plug(tree.unplug, tree.plug, f"the {where}"))

    def _add_air(self, devices: Sequence[BleConfig]) -> None:
        if not devices:
            return
        try:
            from edge_gateway.cli.rig.air import LivelyAir  # noqa: PLC0415 - bleak is an extra

            air = self._power.enter_context(LivelyAir(self._folder, devices, self._around))
        except (ImportError, FileNotFoundError) as error:
            why = (
                "dbus-daemon is not installed: install Debian's dbus"
                if isinstance(error, FileNotFoundError)
                else "Bluetooth needs more packages: pip install 'edge-gateway[ble]'"
            )
            self.left_out |= dict.fromkeys((device.id for device in devices), why)
            return
        self._add(devices, air.sensors, "the air", air.switches)

    def _add(
        self,
        users: Sequence[DeviceConfig],
        twins: Mapping[str, Faulty],
        place: str,
        switches: Mapping[str, Switch],
        wire: Faulty | None = None,
    ) -> None:
        for user in users:
            others = tuple(other.id for other in users if other is not user)
            self.subjects[user.id] = Subject(
                user.id, user.driver, place, twins[user.id], switches, wire, others
            )


def is_recording(source: str) -> bool:
    """Whether a camera's source is a file, which stands in for itself."""
    return "://" not in source and not source.startswith("/dev/")


def _by(
    devices: Sequence[ConfigT], place: Callable[[ConfigT], PlaceT]
) -> Mapping[PlaceT, list[ConfigT]]:
    places: defaultdict[PlaceT, list[ConfigT]] = defaultdict(list)
    for device in devices:
        places[place(device)].append(device)
    return places


def _plug(unplug: Callable[[], None], plug: Callable[[], None], place: str) -> dict[str, Switch]:
    return {
        "unplug": Switch(unplug, f"{place} is unplugged"),
        "plug": Switch(plug, f"{place} is plugged in"),
    }
