"""BLE advertisements through bleak: one radio, one thread, and a scan that cannot die silently.

bleak 3.1 gives no sign when bluetoothd restarts, the adapter is pulled or switched off, or the
message bus goes: its callbacks just end. A scan that has heard nothing from anybody for a while is
therefore thrown away and begun anew, which costs a few messages on the bus and mends all of these.

Addresses: one that nobody asked for is dropped inside the callback, neither kept nor logged. bleak
mirrors the table of bluetoothd in memory for as long as bluetoothd keeps it; its own list of the
devices it has seen is switched off here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Condition, Lock, Thread
from typing import Any, Protocol, cast

from edge_gateway.clock import Clock
from edge_gateway.links.contract import Advert
from edge_gateway.links.errors import LinkGone, Misconfigured

SILENCE_S = 20.0  # a street is never silent for as long; a quiet one only pays the new beginning
RETRY_S = 2.0
START_TIMEOUT_S = 5.0
STOP_TIMEOUT_S = 2.0
LONGEST_QUEUE = 16

# Start in the field, type of the field, bytes: what a passive scan listens for.
Pattern = tuple[int, int, bytes]
OnAdvert = Callable[[Any, Any], None]

_LOG = logging.getLogger(__name__)
_LOOKS_A_SILENCE = 10


class Scan(Protocol):
    """What is used of bleak's `BleakScanner`; tests bring their own."""

    async def start(self) -> None:
        """Begin."""
        ...

    async def stop(self) -> None:
        """End."""
        ...


@dataclass(frozen=True, slots=True)
class Bluetooth:
    """A Bluetooth library: how a scan is made, and what it raises when it cannot go on."""

    scan: Callable[[OnAdvert, str | None, Sequence[Pattern]], Scan]
    faults: tuple[type[Exception], ...]


class BleRadio:
    """The adapter `adapter` (hciN; None is the first that is on), shared by all who listen.

    With `patterns` it scans passively where BlueZ can, actively where it cannot. The thread begins
    with the first listener. After `close` every call raises LinkGone.
    """

    def __init__(
        self,
        clock: Clock,
        adapter: str | None = None,
        patterns: Sequence[Pattern] = (),
        *,
        silence_s: float = SILENCE_S,
        retry_s: float = RETRY_S,
        load: Callable[[], Bluetooth] | None = None,
    ) -> None:
        self._clock = clock
        self._adapter = adapter
        self._patterns = tuple(patterns)
        self._silence_s = silence_s
        self._retry_s = retry_s
        self._load = load or load_bleak
        self._listeners: dict[str, tuple[Listener, ...]] = {}
        self._lock = Lock()
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._heard_s = 0.0
        self._trouble = ""

    @property
    def trouble(self) -> str:
        """Why it cannot scan at present; empty while it can."""
        return self._trouble

    def listen(self, address: str) -> Listener:
        """Begin to keep what the device with this address advertises.

        Raises Misconfigured where bleak is not installed, LinkGone after `close`.
        """
        with self._lock:
            if self._closed:
                raise LinkGone("the Bluetooth radio was closed")
            listener = Listener(self, address.upper())
            there = self._listeners.get(listener.address, ())
            self._listeners[listener.address] = (*there, listener)
            if self._thread is None or not self._thread.is_alive():
                bluetooth = self._load()
                self._tell("")
                self._thread = Thread(
                    target=self._run, args=(bluetooth,), name="bluetooth", daemon=True
                )
                self._thread.start()
        return listener

    def forget(self, listener: Listener) -> None:
        """Keep no more for this listener."""
        with self._lock:
            rest = tuple(
                other for other in self._listeners.get(listener.address, ()) if other != listener
            )
            if rest:
                self._listeners[listener.address] = rest
            else:
                self._listeners.pop(listener.address, None)

    def close(self) -> None:
        """Stop scanning for good; reads that wait end with LinkGone."""
        with self._lock:
            self._closed = True
            thread, loop, listeners = self._thread, self._loop, self._everybody()
        for listener in listeners:
            listener.close()
        if thread is not None:
            if loop is not None:
                with contextlib.suppress(RuntimeError):  # it has ended in between
                    loop.call_soon_threadsafe(_cancel_all, loop)
            thread.join(START_TIMEOUT_S + STOP_TIMEOUT_S)

    def _run(self, bluetooth: Bluetooth) -> None:
        try:
            with contextlib.suppress(asyncio.CancelledError):
                asyncio.run(self._keep_scanning(bluetooth))
        finally:
            # Also when a bug ended it: then listeners are told, and the next one begins anew.
            self._loop = None
            self._tell("the Bluetooth radio was closed" if self._closed else "scanning has ended")

    async def _keep_scanning(self, bluetooth: Bluetooth) -> None:
        self._loop = asyncio.get_running_loop()
        patterns = self._patterns
        while not self._closed:
            fault = await self._scan(bluetooth, patterns)
            if fault is not None and patterns:
                fault = await self._scan(bluetooth, ())
                if fault is None:
                    patterns = ()
                    _LOG.warning("BlueZ cannot scan passively here: scanning is active")
            if fault is not None:
                self._tell(_explained(fault, self._adapter))
                await asyncio.sleep(self._retry_s)

    async def _scan(self, bluetooth: Bluetooth, patterns: Sequence[Pattern]) -> Exception | None:
        """Scan until nobody was heard for a while; what kept it from beginning, if anything."""
        scan = bluetooth.scan(self._take, self._adapter, patterns)
        try:
            await asyncio.wait_for(scan.start(), START_TIMEOUT_S)
            self._tell("")
            self._heard_s = self._seconds()
            while self._seconds() - self._heard_s < self._silence_s:
                await asyncio.sleep(self._silence_s / _LOOKS_A_SILENCE)
        except bluetooth.faults as error:
            return error
        finally:
            with contextlib.suppress(*bluetooth.faults):
                await asyncio.wait_for(scan.stop(), STOP_TIMEOUT_S)
        return None

    def _take(self, device: Any, heard: Any) -> None:
        self._heard_s = self._seconds()
        listeners = self._listeners.get(device.address)
        if not listeners:
            return
        advert = Advert(
            address=device.address,
            rssi_dbm=heard.rssi,
            manufacturer_data=heard.manufacturer_data,
            service_data=heard.service_data,
            heard_s=self._heard_s,
            address_type=_address_type(heard.platform_data),
        )
        for listener in listeners:
            listener.take(advert)

    def _tell(self, trouble: str) -> None:
        self._trouble = trouble
        for listener in self._everybody():
            listener.wake()

    def _everybody(self) -> list[Listener]:
        return [one for some in list(self._listeners.values()) for one in some]

    def _seconds(self) -> float:
        return self._clock.now().monotonic_ns / 1e9


class Listener:
    """The advertisements of one address since it began to listen, the newest sixteen."""

    def __init__(self, radio: BleRadio, address: str) -> None:
        self.address = address
        self._radio = radio
        self._queue: deque[Advert] = deque(maxlen=LONGEST_QUEUE)
        self._changed = Condition()
        self._closed = False

    def read(self, timeout_s: float) -> Advert | None:
        """Return the next one; None when nothing came in `timeout_s`."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._queue or self._closed or self._radio.trouble, timeout_s
            )
            if self._closed:
                raise LinkGone(f"listening to {self.address} was closed")
            if self._radio.trouble:
                # What was heard before is old once the trouble is over.
                self._queue.clear()
                raise LinkGone(self._radio.trouble)
            return self._queue.popleft() if self._queue else None

    def close(self) -> None:
        """Listen no more."""
        self._radio.forget(self)
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, advert: Advert) -> None:
        """Keep an advertisement; the oldest goes where there is no room."""
        with self._changed:
            self._queue.append(advert)
            self._changed.notify_all()

    def wake(self) -> None:
        """Have a waiting read look again."""
        with self._changed:
            self._changed.notify_all()


def load_bleak() -> Bluetooth:
    """The library bleak, loaded now; Misconfigured says how to get it."""
    # An extra, and a heavy one: only a pole with BLE devices has it.
    try:
        from bleak import BleakScanner  # noqa: PLC0415
        from bleak.backends.bluezdbus.scanner import BleakScannerBlueZDBus  # noqa: PLC0415
        from bleak.backends.device import BLEDevice  # noqa: PLC0415
        from bleak.exc import BleakError  # noqa: PLC0415
        from dbus_fast.errors import DBusFastError  # noqa: PLC0415
    except ImportError as error:
        raise Misconfigured(
            "BLE devices need the package bleak: pip install 'edge-gateway[ble]'"
        ) from error
    # Their debug lines hold the address of every passer-by's device.
    for name in ("bleak", "dbus_fast"):
        logging.getLogger(name).setLevel(logging.INFO)

    class Forgetful(BleakScannerBlueZDBus):
        """bleak's own scanner without its list of seen devices."""

        def create_or_update_device(
            self, key: str, address: str, name: str | None, details: Any, adv: Any
        ) -> BLEDevice:
            del key, adv
            return BLEDevice(address, name, details)

    def scan(on_advert: OnAdvert, adapter: str | None, patterns: Sequence[Pattern]) -> Scan:
        bluez: dict[str, Any] = {"or_patterns": list(patterns)} if patterns else {}
        if adapter is not None:
            bluez["adapter"] = adapter
        mode = "passive" if patterns else "active"
        return BleakScanner(
            on_advert, scanning_mode=mode, bluez=cast("Any", bluez), backend=Forgetful
        )

    # KeyError and AssertionError come out of bleak where bluetoothd goes away in the middle.
    faults = (BleakError, DBusFastError, OSError, EOFError, TimeoutError, KeyError, AssertionError)
    return Bluetooth(scan, faults)


def _address_type(platform_data: Any) -> str:
    # bleak's BlueZ backend gives (object path, properties of Device1).
    return str(platform_data[1].get("AddressType", ""))


def _explained(fault: Exception, adapter: str | None) -> str:
    what = str(fault) or type(fault).__name__
    return (
        f"Bluetooth adapter {adapter or '(any)'} cannot scan ({what}): is it plugged in and on"
        " (`rfkill list`), and does `systemctl status bluetooth` say running?"
    )


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()
