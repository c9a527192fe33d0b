"""I2C: ask the drivers at the addresses they know, and look gently for anything else.

Nothing is written to an address that no driver names. There one byte is read: unlike the "quick
write" of i2cdetect, no chip takes that for a command.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

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
from edge_gateway.drivers.contract import Chip
from edge_gateway.links.contract import I2c
from edge_gateway.links.errors import DeviceError, DeviceSilent, LinkGone, Misconfigured

FIRST, LAST = 0x08, 0x77  # the rest is reserved, I2C specification UM10204 section 3.1.12
# Reading these means something: the alert response address of SMBus (2.0, section 5.2) makes a
# device take its alert back, and clock generators at 0x69 hold the bus (man 8 i2cdetect, -r).
NEVER_READ = frozenset({0x0C, 0x69})
NO_PULL_UPS = "where nothing is connected, the bus has no pull-up resistors"
IN_THE_WAY = "left alone, since two masters disturb each other; stop it to scan here"


def scan_i2c(
    machine: Machine, wanted: Sequence[int], drivers: Drivers, tell: Tell
) -> list[Finding]:
    """Scan the wanted buses, or all that may have sensors where none is named."""
    findings: list[Finding] = []
    for number in wanted or machine.i2c_buses():
        if wanted or machine.is_for_sensors(number):
            tell(f"I2C bus {number}")
            findings += _Bus(machine, number, drivers).findings()
        else:
            what = f"left alone: it belongs to a screen or the mainboard; --bus {number} scans it"
            findings.append(Remark(f"I2C bus {number}", what))
    if not findings:
        what = "none here: switch it on (dtparam=i2c_arm=on in config.txt, modprobe i2c-dev)"
        findings.append(Remark("I2C", what))
    return findings


class _Bus:
    """One bus while it is scanned."""

    def __init__(self, machine: Machine, number: int, drivers: Drivers) -> None:
        self._machine = machine
        self._number = number
        self._drivers = drivers
        self._where = f"I2C bus {number}"
        self._unknown: list[str] = []

    def findings(self) -> list[Finding]:
        """All that is on it."""
        holder = self._machine.holder(self._machine.dev / f"i2c-{self._number}")
        holder = holder or self._machine.hidden_gateway()
        if holder:
            return [Remark(self._where, f"in use by {holder}: {IN_THE_WAY}")]
        bus = self._machine.open_bus(self._number)
        try:
            seen = list(self._walk(bus))
        except Misconfigured as error:
            return [Remark(self._where, str(error))]
        finally:
            bus.close()
        if self._unknown:
            who = ", ".join(self._unknown)
            seen.append(Remark(self._where, f"something answers that no driver knows: {who}"))
        return seen or [Remark(self._where, "nothing answers")]

    def _walk(self, bus: I2c) -> Iterator[Finding]:
        for address in range(FIRST, LAST + 1):
            owner = self._machine.kernel_driver(self._number, address)
            if owner:
                yield Remark(f"{self._where}, 0x{address:02x}", f"belongs to the kernel ({owner})")
                continue
            try:
                yield from self._at(bus, address)
            except LinkGone as error:
                if _is_stuck(bus, address):
                    hint = f"; {NO_PULL_UPS}" if "stuck" in str(error) else ""
                    yield Remark(self._where, f"{error}{hint}")
                    return
                what = "holds the bus too long when it is asked: no driver can read it"
                yield Remark(f"{self._where}, 0x{address:02x}", what)

    def _at(self, bus: I2c, address: int) -> list[Found]:
        sightings = list(self._recognised(bus, address))
        if not sightings and _acknowledges(bus, address):
            self._unknown.append(f"0x{address:02x}")
        return surest(sightings)

    def _recognised(self, bus: I2c, address: int) -> Iterator[Found]:
        chip = Chip(bus, address, self._machine.clock.sleep)
        for name, driver in self._drivers.items():
            if address not in driver.i2c_addresses:
                continue
            sighting = looked(partial(driver.recognise_i2c, chip))
            if sighting is not None:
                where = f"{self._where}, 0x{address:02x}"
                place = {"bus": self._number, "address": address}
                yield found(name, where, place, sighting)


def _acknowledges(bus: I2c, address: int) -> bool:
    if address in NEVER_READ:
        return False
    try:
        bus.read(address, 1)
    except DeviceSilent:
        return False
    return True


def _is_stuck(bus: I2c, not_at: int) -> bool:
    """Whether the bus fails at another address too: then it is not one chip's fault."""
    try:
        bus.read(LAST if not_at != LAST else FIRST, 1)
    except DeviceSilent:
        return False
    except DeviceError:
        return True
    return False
