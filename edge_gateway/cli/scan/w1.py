"""1-Wire: the kernel has searched the bus already; its slaves are read from their names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from edge_gateway.cli.scan.findings import Drivers, Finding, Remark, Tell, found, looked
from edge_gateway.cli.scan.machine import Machine
from edge_gateway.links.w1 import SLAVES

_SLAVE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{12}")
_NOISE = "00-"  # no family of Maxim's: what a search reads from a line without a pull-up
PULL_UP = "check the wires and the pull-up resistor (4.7 kOhm)"


def scan_w1(machine: Machine, drivers: Drivers, tell: Tell) -> list[Finding]:
    """Name every slave that the kernel shows."""
    tell("1-Wire")
    folder = machine.sys / "bus" / "w1" / "devices"
    if not folder.is_dir():
        what = "none here: switch it on (dtoverlay=w1-gpio in config.txt)"
        return [Remark("1-Wire", what)]
    slaves = sorted(path.name for path in folder.iterdir() if _SLAVE.fullmatch(path.name))
    place = {} if folder == SLAVES else {"folder": str(folder)}
    findings = [finding for slave in slaves for finding in _at(slave, place, drivers)]
    return findings or [Remark("1-Wire", f"no slave on the bus: {PULL_UP}")]


def _at(slave: str, place: dict[str, str], drivers: Drivers) -> Iterator[Finding]:
    known = False
    for name, driver in drivers.items():
        sighting = looked(partial(driver.recognise_w1, slave))
        if sighting is not None:
            known = True
            yield found(name, f"1-Wire, {slave}", {"slave": slave, **place}, sighting)
    if slave.startswith(_NOISE):
        yield Remark(f"1-Wire, {slave}", f"is no device but noise: {PULL_UP}")
    elif not known:
        yield Remark(f"1-Wire, {slave}", "no driver knows its family")
