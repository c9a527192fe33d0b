"""The air around the rig: Bluetooth sensors, a simulated bluetoothd, and a message bus of its own.

Only for configurations with Bluetooth devices: it needs the extra `ble`, and Debian's dbus-daemon.
"""

from __future__ import annotations

import signal
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self
from unittest.mock import patch

from edge_gateway.cli.rig.subject import BadOrder, Faulty, Switch
from edge_gateway.cli.rig.twins import BLE, Surroundings
from edge_gateway.cli.terminal import CommandError, Exit
from edge_gateway.drivers.contract import BleConfig
from edge_gateway.twins.bluez import SimulatedBluez
from edge_gateway.twins.private_bus import PrivateBus

# bleak and dbus-fast find their message bus by this alone.
BUS_ADDRESS = "DBUS_SYSTEM_BUS_ADDRESS"


class LivelyAir:
    """One adapter, its bluetoothd, and a sensor for each device, while the `with` block runs.

    Meanwhile every Bluetooth client of this process is on the message bus of the rig.
    Raises FileNotFoundError where dbus-daemon is missing, CommandError for two adapters.
    """

    def __init__(self, folder: Path, devices: Sequence[BleConfig], around: Surroundings) -> None:
        adapters = sorted({device.adapter for device in devices if device.adapter})
        if len(adapters) > 1:
            raise CommandError(
                f"the rig has one Bluetooth adapter, and the devices name {', '.join(adapters)}: "
                "give them the same one",
                Exit.CONFIG,
            )
        self._adapter = adapters[0] if adapters else "hci0"
        self._folder, self._devices, self._around = folder, devices, around
        self._power = ExitStack()
        self.sensors: Mapping[str, Faulty] = {}
        self.switches: Mapping[str, Switch] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            with _deaf_to_ctrl_c():
                bus = stack.enter_context(PrivateBus(self._folder))
            stack.enter_context(patch.dict("os.environ", {BUS_ADDRESS: bus.address}))
            bluez = stack.enter_context(SimulatedBluez(bus.address, adapter=self._adapter))
            self.switches = Bluetoothd(bluez, self._adapter).switches
            self.sensors = {
                device.id: stack.enter_context(BLE[device.driver](device, bluez, self._around))
                for device in self._devices
            }
            self._power = stack.pop_all()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._power.close()


@contextmanager
def _deaf_to_ctrl_c() -> Generator[None]:
    """What is started meanwhile hears no Ctrl-C: in a terminal that goes to all processes."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Bluetoothd:
    """The simulated one, with what can be done to it in the state it is in.

    What cannot be done now raises BadOrder.
    """

    def __init__(self, bluez: SimulatedBluez, adapter: str) -> None:
        self._bluez, self._adapter = bluez, f"Bluetooth adapter {adapter}"
        self._runs = self._is_plugged = True
        self._moving = Lock()

    @property
    def switches(self) -> Mapping[str, Switch]:
        """What `rig faults` may do to it."""
        return {
            "unplug": Switch(self._unplug, f"{self._adapter} is unplugged"),
            "plug": Switch(self._plug, f"{self._adapter} is plugged in"),
            "radio_off": Switch(lambda: self._power(on=False), f"{self._adapter} is off"),
            "radio_on": Switch(lambda: self._power(on=True), f"{self._adapter} is on"),
            "crash": Switch(self._crash, "bluetoothd has ended; restart starts it again"),
            "restart": Switch(self._restart, "bluetoothd runs again"),
        }

    def _unplug(self) -> None:
        with self._moving:
            self._bluez.unplug()
            self._is_plugged = False

    def _plug(self) -> None:
        with self._moving:
            self._need(self._runs, "bluetoothd does not run: restart it first")
            if not self._is_plugged:
                self._bluez.plug()
                self._is_plugged = True

    def _power(self, *, on: bool) -> None:
        with self._moving:
            self._need(self._runs, "bluetoothd does not run: restart it first")
            self._need(self._is_plugged, f"{self._adapter} is not there: plug it in first")
            self._bluez.power(on=on)

    def _crash(self) -> None:
        with self._moving:
            self._bluez.crash()
            self._runs = False

    def _restart(self) -> None:
        with self._moving:
            if self._runs:
                self._bluez.crash()
            self._bluez.restart()
            self._runs = self._is_plugged = True

    @staticmethod
    def _need(condition: bool, otherwise: str) -> None:  # noqa: FBT001 - a condition has no name
        if not condition:
            raise BadOrder(otherwise)
