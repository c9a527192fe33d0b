"""A simulated bluetoothd: as much of org.bluez on a message bus as a scanning client asks for.

Sources: BlueZ doc/org.bluez.{Adapter,Device,AdvertisementMonitorManager,AdvertisementMonitor}.rst.
Advertisements reach a client only while it scans, and a restart or a switched-off adapter ends its
scan without a word, as the real one does.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from threading import Thread
from typing import Any, Self, TypeVar

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio.message_bus import MessageBus

from edge_gateway.twins.ble_sensors import Beacon

BUS = "org.freedesktop.DBus"
OBJECTS = "org.freedesktop.DBus.ObjectManager"
PROPERTIES = "org.freedesktop.DBus.Properties"
ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
MONITORS = "org.bluez.AdvertisementMonitorManager1"
MONITOR = "org.bluez.AdvertisementMonitor1"
MANUFACTURER_FIELD, SERVICE_FIELD = 0xFF, 0x16
_BASE_UUID = "-0000-1000-8000-00805f9b34fb"
_ANSWER_S = 5.0
_MONITOR_TRIES = 20
Interfaces = dict[str, dict[str, Variant]]
Result = TypeVar("Result")


class SimulatedBluez:
    """bluetoothd with one adapter, in a thread of its own; `start` and `stop`, or a `with` block.

    `with_monitors` is a BlueZ with its experimental interfaces, which can scan passively. All
    methods may be called from any thread but its own.
    """

    def __init__(
        self, bus_address: str, *, adapter: str = "hci0", with_monitors: bool = True
    ) -> None:
        self._bus_address = bus_address
        self._adapter = f"/org/bluez/{adapter}"
        self._with_monitors = with_monitors
        self._loop = asyncio.new_event_loop()
        self._thread: Thread | None = None
        self._bus: MessageBus | None = None
        self._objects: dict[str, Interfaces] = {}
        self._scanning: set[str] = set()
        self._monitors: dict[tuple[str, str], list[tuple[int, int, bytes]]] = {}

    @property
    def modes(self) -> tuple[str, ...]:
        """How its clients scan at present: active, passive, both or not at all."""
        active, passive = bool(self._scanning), bool(self._monitors)
        return ("active",) * active + ("passive",) * passive

    def start(self) -> Self:
        """Start bluetoothd, with its adapter on."""
        if self._thread is None:
            self._thread = Thread(target=self._loop.run_forever, name="bluetoothd", daemon=True)
            self._thread.start()
            self._do(self._connect())
        return self

    def stop(self) -> None:
        """Power off, for good; safe to call twice."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._loop.call_soon_threadsafe(self._disconnect)
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def crash(self) -> None:
        """End bluetoothd: its name leaves the bus, and all it knew is gone."""
        self._do(self._call(self._disconnect))

    def restart(self) -> None:
        """Start it again after `crash`."""
        self._do(self._connect())

    def unplug(self) -> None:
        """Pull the adapter out."""
        self._do(self._call(self._remove_adapter))

    def plug(self) -> None:
        """Put the adapter back in."""
        self._do(self._call(self._add_adapter))

    def power(self, *, on: bool) -> None:
        """Switch the adapter's radio as `rfkill` does."""
        self._do(self._call(lambda: self._set_power(on=on)))

    def advertise(self, beacon: Beacon) -> None:
        """Let the adapter receive one advertisement; lost where nobody scans."""
        self._do(self._receive(beacon))

    def _do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_ANSWER_S)

    async def _call(self, step: Callable[[], None]) -> None:
        step()

    async def _connect(self) -> None:
        bus = self._bus = await MessageBus(bus_address=self._bus_address).connect()
        bus.add_message_handler(self._handle)
        self._objects = {"/org/bluez": {"org.bluez.AgentManager1": {}}}
        await bus.call(_to_bus("AddMatch", "s", "type='signal',member='NameOwnerChanged'"))
        self._add_adapter()
        await bus.call(_to_bus("RequestName", "su", "org.bluez", 0))

    def _disconnect(self) -> None:
        if self._bus is not None:
            self._bus.disconnect()
        self._bus = None
        self._objects.clear()
        self._end_scans()

    def _add_adapter(self) -> None:
        properties = {
            "Address": Variant("s", "00:00:5E:00:53:01"),
            "AddressType": Variant("s", "public"),
            "Powered": Variant("b", True),  # noqa: FBT003 - D-Bus values have no names
            "Discovering": Variant("b", False),  # noqa: FBT003 - the same
            "Roles": Variant("as", ["central", "peripheral"]),
            "UUIDs": Variant("as", []),
        }
        interfaces: Interfaces = {ADAPTER: properties}
        if self._with_monitors:
            interfaces[MONITORS] = {"SupportedMonitorTypes": Variant("as", ["or_patterns"])}
        self._add(self._adapter, interfaces)

    def _remove_adapter(self) -> None:
        for path in [path for path in self._objects if path.startswith(f"{self._adapter}/")]:
            self._remove(path)
        if self._adapter in self._objects:
            self._remove(self._adapter)
        self._end_scans()

    def _set_power(self, *, on: bool) -> None:
        self._change(self._adapter, ADAPTER, {"Powered": Variant("b", on)})
        if not on:
            self._change(self._adapter, ADAPTER, {"Discovering": Variant("b", on)})
            self._end_scans()

    def _end_scans(self) -> None:
        self._scanning.clear()
        self._monitors.clear()

    async def _receive(self, beacon: Beacon) -> None:
        wanted = [pattern for patterns in self._monitors.values() for pattern in patterns]
        if self._bus is None or not (self._scanning or _matches(beacon, wanted)):
            return
        path = f"{self._adapter}/dev_{beacon.address.replace(':', '_')}"
        heard = _heard(beacon)
        if path in self._objects:
            self._change(path, DEVICE, heard)
        else:
            self._add(path, {DEVICE: _about(beacon, self._adapter) | heard})
        # One round trip a signal: the sender of dbus-fast breaks where the socket is full.
        with contextlib.suppress(EOFError, OSError):  # bluetoothd or its bus ended in between
            await self._bus.call(_to_bus("GetId"))

    def _add(self, path: str, interfaces: Interfaces) -> None:
        self._objects[path] = interfaces
        self._signal("/", OBJECTS, "InterfacesAdded", "oa{sa{sv}}", path, interfaces)

    def _remove(self, path: str) -> None:
        names = list(self._objects.pop(path))
        self._signal("/", OBJECTS, "InterfacesRemoved", "oas", path, names)

    def _change(self, path: str, interface: str, properties: dict[str, Variant]) -> None:
        self._objects[path][interface].update(properties)
        gone: list[str] = []
        body = (interface, properties, gone)
        self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", *body)

    def _signal(
        self, path: str, interface: str, member: str, signature: str, *body: object
    ) -> None:
        if self._bus is not None:
            # dbus-fast leaves the type of what it sends open.
            message = Message.new_signal(path, interface, member, signature, list(body))
            self._bus.send(message)  # pyright: ignore[reportUnknownMemberType]

    def _handle(self, message: Message) -> Message | None:
        if message.member == "NameOwnerChanged" and not message.body[2]:
            self._forget(message.body[0])
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        if (message.interface, message.member) == (OBJECTS, "GetManagedObjects"):
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [self._objects])
        if message.path not in self._objects:
            return _refused(message, f"{BUS}.Error.UnknownObject")
        refusal = self._carried_out(message)
        return _refused(message, refusal) if refusal else Message.new_method_return(message)

    def _carried_out(self, message: Message) -> str:
        """Do what a client asks of the adapter; the name of an error, or nothing."""
        sender = message.sender or ""
        match message.interface, message.member:
            case "org.bluez.Adapter1", "SetDiscoveryFilter":
                return ""
            case "org.bluez.Adapter1", "StartDiscovery":
                if not self._objects[self._adapter][ADAPTER]["Powered"].value:
                    return "org.bluez.Error.NotReady"
                self._scanning.add(sender)
            case "org.bluez.Adapter1", "StopDiscovery":
                if sender not in self._scanning:
                    return "org.bluez.Error.Failed"
                self._scanning.discard(sender)
            case "org.bluez.AdvertisementMonitorManager1", "RegisterMonitor" if self._with_monitors:
                self._loop.create_task(self._activate(sender, message.body[0]))
            case "org.bluez.AdvertisementMonitorManager1", "UnregisterMonitor":
                self._monitors.pop((sender, message.body[0]), None)
            case _:
                return f"{BUS}.Error.UnknownMethod"
        return ""

    async def _activate(self, client: str, path: str) -> None:
        # A client exports its monitor only once RegisterMonitor has returned.
        for _ in range(_MONITOR_TRIES):
            if self._bus is None:
                return
            reply = await self._bus.call(
                Message(client, path, PROPERTIES, "GetAll", signature="s", body=[MONITOR])
            )
            if reply.message_type is MessageType.METHOD_RETURN:
                patterns = [
                    (start, kind, bytes(content))
                    for start, kind, content in reply.body[0]["Patterns"].value
                ]
                self._monitors[client, path] = patterns
                await self._bus.call(Message(client, path, MONITOR, "Activate"))
                return
            await asyncio.sleep(0.02)

    def _forget(self, client: str) -> None:
        self._scanning.discard(client)
        for key in [key for key in self._monitors if key[0] == client]:
            del self._monitors[key]


def _matches(beacon: Beacon, patterns: list[tuple[int, int, bytes]]) -> bool:
    return any(
        kind == field and data[start : start + len(content)] == content
        for field, data in _fields(beacon)
        for start, kind, content in patterns
    )


def _fields(beacon: Beacon) -> Iterator[tuple[int, bytes]]:
    """The advertising fields as they are on the air: type and bytes."""
    for company, data in beacon.manufacturer_data.items():
        yield MANUFACTURER_FIELD, company.to_bytes(2, "little") + data
    for uuid, data in beacon.service_data.items():
        if uuid.endswith(_BASE_UUID):
            yield SERVICE_FIELD, int(uuid[4:8], 16).to_bytes(2, "little") + data


def _heard(beacon: Beacon) -> dict[str, Variant]:
    heard = {"RSSI": Variant("n", beacon.rssi_dbm)}
    if beacon.manufacturer_data:
        by_company = {key: Variant("ay", data) for key, data in beacon.manufacturer_data.items()}
        heard["ManufacturerData"] = Variant("a{qv}", by_company)
    if beacon.service_data:
        by_uuid = {key: Variant("ay", data) for key, data in beacon.service_data.items()}
        heard["ServiceData"] = Variant("a{sv}", by_uuid)
    return heard


def _about(beacon: Beacon, adapter: str) -> dict[str, Variant]:
    return {
        "Address": Variant("s", beacon.address),
        "AddressType": Variant("s", beacon.address_type),
        "Alias": Variant("s", beacon.address.replace(":", "-")),
        "Adapter": Variant("o", adapter),
        "Connected": Variant("b", False),  # noqa: FBT003 - D-Bus values have no names
        "UUIDs": Variant("as", list(beacon.service_data)),
    }


def _to_bus(member: str, signature: str = "", *body: object) -> Message:
    path = "/org/freedesktop/DBus"
    return Message(BUS, path, BUS, member, signature=signature, body=list(body))


def _refused(message: Message, name: str) -> Message:
    return Message.new_error(message, name, f"{message.interface}.{message.member}")
