"""How BlueZ is asked to scan: the library bleak, loaded only where a device needs it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from edge_gateway.links.errors import Misconfigured

# Start in the field, type of the field, bytes: what a passive scan listens for.
Pattern = tuple[int, int, bytes]
OnAdvert = Callable[[Any, Any], None]


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
    """A Bluetooth library: how a scan is made, and what it raises when it cannot go on.

    A scan is made of a callback (device, what was heard), the adapter, None for the first that is
    on, and patterns, none for an active scan.
    """

    scan: Callable[[OnAdvert, str | None, Sequence[Pattern]], Scan]
    faults: tuple[type[Exception], ...]


def load_bleak() -> Bluetooth:
    """The library bleak on BlueZ; Misconfigured says how to get it."""
    try:
        bluetooth = Bluetooth(_bleak_scanner(), _bleak_faults())
    except ImportError as error:
        raise Misconfigured(
            "BLE devices need the package bleak: pip install 'edge-gateway[ble]'"
        ) from error
    # The debug lines of both hold the address of every passer-by's device.
    for name in ("bleak", "dbus_fast"):
        logging.getLogger(name).setLevel(logging.INFO)
    return bluetooth


def _bleak_scanner() -> Callable[[OnAdvert, str | None, Sequence[Pattern]], Scan]:
    from bleak import BleakScanner  # noqa: PLC0415 - an extra: only poles with BLE have it
    from bleak.backends.bluezdbus.scanner import BleakScannerBlueZDBus  # noqa: PLC0415
    from bleak.backends.device import BLEDevice  # noqa: PLC0415

    class Forgetful(BleakScannerBlueZDBus):
        """bleak's scanner without its list of all devices ever seen.

        Its mirror of bluetoothd's own table stays, in memory and for as long as that has a device.
        """

        def create_or_update_device(
            self, key: str, address: str, name: str | None, details: Any, adv: Any
        ) -> BLEDevice:
            del key, adv
            return BLEDevice(address, name, details)

    def scan(on_advert: OnAdvert, adapter: str | None, patterns: Sequence[Pattern]) -> Scan:
        bluez: dict[str, Any] = {"or_patterns": list(patterns)} if patterns else {}
        if adapter is not None:
            bluez["adapter"] = adapter
        # bleak types its pattern by an enumeration of its own; plain numbers are as good.
        arguments = cast("Any", bluez)
        mode = "passive" if patterns else "active"
        return BleakScanner(on_advert, scanning_mode=mode, bluez=arguments, backend=Forgetful)

    return scan


def _bleak_faults() -> tuple[type[Exception], ...]:
    from bleak.exc import BleakError  # noqa: PLC0415 - the same
    from dbus_fast.errors import DBusFastError  # noqa: PLC0415

    # KeyError and AssertionError come out of bleak where bluetoothd goes away in the middle.
    return (BleakError, DBusFastError, OSError, EOFError, TimeoutError, KeyError, AssertionError)
