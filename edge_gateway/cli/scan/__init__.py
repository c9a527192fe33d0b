"""`edge-gateway devices scan`: what is connected to this machine, as configuration to paste.

How a device is recognised is its driver's own knowledge (`drivers.contract.Recognisable`); here is
only where to look, in which order, and what must not be touched.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge_gateway.cli.scan.ble import scan_ble
from edge_gateway.cli.scan.configured import HERE, configured
from edge_gateway.cli.scan.findings import AnyDriver, Finding, Remark, Tell
from edge_gateway.cli.scan.i2c import scan_i2c
from edge_gateway.cli.scan.machine import Machine
from edge_gateway.cli.scan.report import Report, report
from edge_gateway.cli.scan.serial_lines import LISTEN_S, Patience, scan_serial
from edge_gateway.cli.scan.w1 import scan_w1
from edge_gateway.cli.terminal import CommandError, Exit, err, print_json
from edge_gateway.config import DeviceConfig
from edge_gateway.config_file import nearest
from edge_gateway.drivers.registry import UnknownDriver, load, names

KINDS = ("i2c", "serial", "w1", "ble")
BLE_S = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is scanned: kinds of bus, ports and buses (none: all there are), and how long."""

    kinds: Sequence[str] = KINDS
    ports: Sequence[Path] = ()
    buses: Sequence[int] = ()
    patience: Patience = field(default_factory=Patience)
    ble_s: float = BLE_S


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("--only", metavar="KINDS", help=f"of {','.join(KINDS)}: those to look at")
    add("--port", action="append", type=Path, metavar="PORT", help="this serial port; repeatable")
    add("--bus", action="append", type=int, metavar="N", help="this I2C bus; repeatable")
    add("--units", default="1-10", metavar="A-B", help="Modbus slaves to ask; default 1-10")
    add(
        "--seconds",
        type=float,
        metavar="S",
        help=f"how long to listen: default {LISTEN_S} at each baud rate, {BLE_S:g} for Bluetooth",
    )
    add(
        "--ask",
        action="store_true",
        help="ask silent lines for a polled WindSonic (Q) or WXT (0R0); never sends a `*`",
    )
    add(
        "--config",
        type=Path,
        metavar="FILE",
        help=f"leave out what this configuration has; default ./{HERE} where there is one",
    )
    # `devices --json scan` is to mean the same: no default here that would undo it.
    add("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON, not TOML")


def plan(arguments: argparse.Namespace) -> Plan:
    """What the arguments ask for; CommandError names the word that is wrong."""
    ports: list[Path] = arguments.port or []
    buses: list[int] = arguments.bus or []
    named = [kind for kind, places in (("i2c", buses), ("serial", ports)) if places]
    kinds = _kinds(arguments.only) if arguments.only else named or KINDS
    seconds: float | None = arguments.seconds
    if seconds is not None and not 0 < seconds <= 3600:  # noqa: PLR2004 - an hour
        raise CommandError("--seconds must be more than 0 and at most 3600", Exit.USAGE)
    patience = Patience(seconds, units=_units(arguments.units), ask=arguments.ask)
    return Plan(kinds, ports, buses, patience, BLE_S if seconds is None else seconds)


def run(arguments: argparse.Namespace, machine: Machine | None = None) -> Exit:
    """Scan and print; exit code 1 when no new device was found."""
    console = err()
    wanted = plan(arguments)
    known, remarks = configured(arguments.config)
    status = console.status("scanning") if console.is_terminal else None

    def tell(what: str) -> None:
        if status is not None:
            status.update(f"scanning {what}")
        else:
            console.print(f"scanning {what}", markup=False)

    with status or nullcontext():
        found = scan(wanted, machine or Machine(), tell, known)
    found = replace(found, remarks=[*remarks, *found.remarks])
    found.show(console)
    if arguments.json:
        print_json(found.json())
    else:
        sys.stdout.write(found.toml())
    return Exit.DONE if found.entries else Exit.FAILED


def scan(wanted: Plan, machine: Machine, tell: Tell, known: Sequence[DeviceConfig] = ()) -> Report:
    """Look at every kind of bus that is wanted; devices that are `known` are left out."""
    drivers, findings = _drivers()
    scans: dict[str, Callable[[], list[Finding]]] = {
        "i2c": lambda: scan_i2c(machine, wanted.buses, drivers, tell),
        "serial": lambda: scan_serial(machine, wanted.ports, drivers, wanted.patience, tell),
        "w1": lambda: scan_w1(machine, drivers, tell),
        "ble": lambda: scan_ble(machine, wanted.ble_s, drivers, tell),
    }
    for kind in wanted.kinds:
        findings += scans[kind]()
    return report(findings, drivers, known)


def _drivers() -> tuple[dict[str, AnyDriver], list[Finding]]:
    drivers: dict[str, AnyDriver] = {}
    findings: list[Finding] = []
    for name in names():
        try:
            drivers[name] = load(name)
        except UnknownDriver as error:
            findings.append(Remark("drivers", str(error)))
    return drivers, findings


def _kinds(text: str) -> list[str]:
    kinds = [word.strip() for word in text.split(",")]
    for kind in kinds:
        if kind not in KINDS:
            raise CommandError(f"--only: no kind {kind!r}; {nearest(kind, KINDS)}", Exit.USAGE)
    return list(dict.fromkeys(kinds))


def _units(text: str) -> Sequence[int]:
    first, dash, last = text.partition("-")
    if first.isdecimal() and (last.isdecimal() if dash else True):
        units = range(int(first), int(last if dash else first) + 1)
        if units and units[0] >= 1 and units[-1] <= 247:  # noqa: PLR2004 - Modbus
            return units
    raise CommandError(f"--units {text}: write A-B, from 1 to 247", Exit.USAGE)
