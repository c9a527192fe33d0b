"""BLE advertisements: one radio, one thread, and a scan that cannot die silently.

bleak 3.1 gives no sign when bluetoothd restarts, the adapter is pulled or switched off, or the
message bus goes: its callbacks just end. A scan that has heard nothing from anybody for a while is
therefore thrown away and begun anew, which costs a few messages on the bus and mends all of these.

An address that nobody asked for is dropped inside the callback, neither kept nor logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition, Lock, Thread
from typing import Any

from edge_gateway.clock import Clock
from edge_gateway.links.bluez import Bluetooth, Pattern, Scan, load_bleak
from edge_gateway.links.contract import Advert
from edge_gateway.links.errors import LinkGone

SILENCE_S = 20.0  # a street is never silent for as long; a quiet one only pays the new beginning
RETRY_S = 2.0
START_TIMEOUT_S = 5.0
STOP_TIMEOUT_S = 2.0
LONGEST_QUEUE = 16

_LOG = logging.getLogger(__name__)


class BleRadio:
    """The adapter `adapter` (hciN; None is the first that is on), shared by all who listen.

    With `patterns` it scans passively where BlueZ can, actively where it cannot. Its thread begins
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
        load: Callable[[], Bluetooth] = load_bleak,
    ) -> None:
        self._clock = clock
        self._adapter = adapter
        self._patterns = tuple(patterns)
        self._silence_s = silence_s
        self._retry_s = retry_s
        self._load = load
        self._listeners: dict[str, tuple[Listener, ...]] = {}
        self._lock = Lock()
        self._thread: Thread | None = None
        self._end: Callable[[], object] | None = None
        self._closed = False
        self._heard_s = 0.0
        self._trouble = ""
        self._passive_is_refused = False

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
            if self._thread is None or not self._thread.is_alive():
                bluetooth = self._load()
                self._trouble = ""
                self._thread = Thread(
                    target=self._run, args=(bluetooth,), name="bluetooth", daemon=True
                )
                self._thread.start()
            listener = Listener(self, address.upper())
            there = self._listeners.get(listener.address, ())
            self._listeners[listener.address] = (*there, listener)
        return listener

    def forget(self, listener: Listener) -> None:
        """Keep no more for this listener."""
        with self._lock:
            there = self._listeners.get(listener.address, ())
            rest = tuple(other for other in there if other is not listener)
            if rest:
                self._listeners[listener.address] = rest
            else:
                self._listeners.pop(listener.address, None)

    def close(self) -> None:
        """Stop scanning for good; reads that wait end with LinkGone."""
        with self._lock:
            self._closed = True
            thread, end = self._thread, self._end
        for listener in self._everybody():
            listener.close()
        if end is not None:
            with contextlib.suppress(RuntimeError):  # its loop has ended in between
                end()
        if thread is not None:
            thread.join(START_TIMEOUT_S + STOP_TIMEOUT_S)

    def _run(self, bluetooth: Bluetooth) -> None:
        try:
            with contextlib.suppress(asyncio.CancelledError):
                asyncio.run(self._keep_scanning(bluetooth))
        finally:
            # Also when a bug ended it: the listeners are told, and the next one begins anew.
            self._end = None
            self._tell("scanning for BLE devices has ended")

    async def _keep_scanning(self, bluetooth: Bluetooth) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        loop.set_exception_handler(_note)
        if task is not None:
            self._end = lambda: loop.call_soon_threadsafe(task.cancel)
        while not self._closed:
            try:
                await self._scan_until_silent(bluetooth)
            except bluetooth.faults as error:
                self._tell(_explained(error, self._adapter))
                await asyncio.sleep(self._retry_s)

    async def _scan_until_silent(self, bluetooth: Bluetooth) -> None:
        scan = await self._begun(bluetooth)
        try:
            self._tell("")
            self._heard_s = self._seconds()
            while True:
                left_s = self._heard_s + self._silence_s - self._seconds()
                if left_s <= 0:
                    return
                await asyncio.sleep(left_s)
        finally:
            # It may have died long ago, and then it cannot be ended either.
            with contextlib.suppress(*bluetooth.faults):
                await asyncio.wait_for(scan.stop(), STOP_TIMEOUT_S)

    async def _begun(self, bluetooth: Bluetooth) -> Scan:
        if self._patterns:
            with contextlib.suppress(*bluetooth.faults):
                return await _started(bluetooth.scan(self._take, self._adapter, self._patterns))
        scan = await _started(bluetooth.scan(self._take, self._adapter, ()))
        if self._patterns and not self._passive_is_refused:
            self._passive_is_refused = True
            _LOG.warning("BlueZ does not scan passively here: scanning is active")
        return scan

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
    """What one address advertises from now on; of what is not read the newest sixteen are kept."""

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
        """Listen no more; a read that waits ends with LinkGone."""
        self._radio.forget(self)
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, advert: Advert) -> None:
        """Keep an advertisement."""
        with self._changed:
            self._queue.append(advert)
            self._changed.notify_all()

    def wake(self) -> None:
        """Have a waiting read look again."""
        with self._changed:
            self._changed.notify_all()


async def _started(scan: Scan) -> Scan:
    await asyncio.wait_for(scan.start(), START_TIMEOUT_S)
    return scan


def _note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # Not asyncio's own words, which may show a message of the bus with its addresses in it. A
    # connection that broke is no news: the scan is begun anew.
    del loop
    error = context.get("exception")
    level = logging.DEBUG if isinstance(error, OSError) else logging.WARNING
    _LOG.log(level, "Bluetooth: %s (%s)", context.get("message"), type(error).__name__)


def _address_type(platform_data: Any) -> str:
    # bleak's BlueZ backend gives (object path, properties of Device1).
    return str(platform_data[1].get("AddressType", ""))


def _explained(fault: Exception, adapter: str | None) -> str:
    first = fault.args[0] if fault.args else ""
    what = first if isinstance(first, str) and first else str(fault) or type(fault).__name__
    return (
        f"Bluetooth adapter {adapter or '(any)'} cannot scan ({what}): is it plugged in and on"
        " (`rfkill list`), and is `systemctl status bluetooth` active?"
    )
