"""BLE: listen for a while, and keep what a driver recognises as a sensor.

Everything else is dropped inside the callback, neither counted nor kept. So is a sensor's format
under an address that changes: that is somebody's own device, and could not be configured anyway.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import Any

from edge_gateway.cli.scan.findings import (
    Drivers,
    Finding,
    Found,
    Remark,
    Tell,
    found,
    looked,
    surest,
)
from edge_gateway.cli.scan.machine import Machine
from edge_gateway.links.bluez import Bluetooth
from edge_gateway.links.contract import Advert
from edge_gateway.links.errors import Misconfigured

START_TIMEOUT_S = 5.0
STOP_TIMEOUT_S = 2.0
# Bluetooth Core 5.4, volume 6 part B, section 1.3.2: the two highest bits of a random address.
STATIC = 0b11


def scan_ble(machine: Machine, seconds: float, drivers: Drivers, tell: Tell) -> list[Finding]:
    """Listen so long; each sensor once, the nearest first."""
    tell(f"Bluetooth, {seconds:g} s")
    ears = _Ears(machine, drivers)
    try:
        bluetooth = machine.bluetooth()
    except Misconfigured as error:
        return [Remark("Bluetooth", str(error))]
    try:
        asyncio.run(_listen(bluetooth, ears, seconds))
    except bluetooth.faults as error:
        what = str(error) or type(error).__name__
        return [
            Remark(
                "Bluetooth",
                f"cannot scan ({what}): is an adapter there and on (`rfkill list`), and is"
                " `systemctl status bluetooth` active?",
            )
        ]
    return [*ears.nearest_first()] or [Remark("Bluetooth", f"no sensor heard in {seconds:g} s")]


class _Ears:
    """Remembers sensors by address, and how loud they were."""

    def __init__(self, machine: Machine, drivers: Drivers) -> None:
        self._clock = machine.clock
        self._drivers = drivers
        self._heard: dict[str, tuple[int, list[Found]]] = {}

    def take(self, device: Any, heard: Any) -> None:
        """Look at an advertisement; bleak's callback."""
        # bleak's BlueZ backend gives (object path, properties of Device1).
        kind = str(heard.platform_data[1].get("AddressType", ""))
        if not _is_lasting(device.address, kind):
            return
        advert = Advert(
            address=device.address,
            rssi_dbm=heard.rssi,
            manufacturer_data=heard.manufacturer_data,
            service_data=heard.service_data,
            heard_s=self._clock.now().monotonic_ns / 1e9,
            address_type=kind,
        )
        sightings = self._recognised(advert)
        if sightings:
            self._heard[advert.address] = (advert.rssi_dbm, sightings)

    def nearest_first(self) -> list[Found]:
        """All sensors, the loudest first."""
        loudest = sorted(self._heard.values(), key=lambda one: one[0], reverse=True)
        return [one for _, sightings in loudest for one in sightings]

    def _recognised(self, advert: Advert) -> list[Found]:
        sightings: list[Found] = []
        for name, driver in self._drivers.items():
            sighting = looked(partial(driver.recognise_advert, advert))
            if sighting is not None:
                place = {"address": advert.address}
                loud = f"heard at {advert.rssi_dbm} dBm"
                where = f"Bluetooth, {advert.address}"
                sightings.append(found(name, where, place, sighting, loud))
        return surest(sightings)


async def _listen(bluetooth: Bluetooth, ears: _Ears, seconds: float) -> None:
    scan = bluetooth.scan(ears.take, None, ())
    await asyncio.wait_for(scan.start(), START_TIMEOUT_S)
    try:
        await asyncio.sleep(seconds)
    finally:
        with contextlib.suppress(*bluetooth.faults):
            await asyncio.wait_for(scan.stop(), STOP_TIMEOUT_S)


def _is_lasting(address: str, kind: str) -> bool:
    return kind != "random" or int(address[:2], 16) >> 6 == STATIC
