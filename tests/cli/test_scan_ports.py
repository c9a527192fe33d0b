"""Scanning serial ports: each once and by its lasting name, and none that somebody holds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from edge_gateway.clock import Clock
from edge_gateway.drivers.formats.register_map import shipped_map
from edge_gateway.twins.hukseflux import HuksefluxTwin
from edge_gateway.twins.modbus_profile import ModbusProfileTwin
from edge_gateway.twins.nmea_mwv import NmeaMwvTwin
from edge_gateway.twins.pty_line import LineTwin, PtyLine
from edge_gateway.twins.windsonic import WindSonicTwin
from edge_gateway.twins.wxt530 import Wxt530Twin
from tests.cli.scan_wire import (
    SCENE,
    SimulatedWire,
    machine,
    pty_machine,
    remarks,
    scanned,
)

TWINS: Mapping[str, Callable[[PtyLine], LineTwin]] = {
    "windsonic": lambda line: WindSonicTwin(line, SCENE, rate_hz=50),
    "nmea_mwv": lambda line: NmeaMwvTwin(line, SCENE, rate_hz=50),
    "wxt530": lambda line: Wxt530Twin(line, SCENE, rate_hz=50),
    "hukseflux": lambda line: HuksefluxTwin(line, SCENE),
    "modbus_profile": lambda line: ModbusProfileTwin(line, SCENE, shipped_map("xy_md02")),
}


@pytest.mark.parametrize("driver", TWINS)
def test_a_twin_on_a_real_port_is_found_by_its_lasting_name(driver: str, tmp_path: Path) -> None:
    here = pty_machine(tmp_path)
    line = PtyLine(by_id=tmp_path / "dev/serial/by-id/usb-adapter-port0")
    with TWINS[driver](line):
        report = scanned(here, listen_s=0.3, answer_s=0.1, units=(1,))
    line.close()
    assert [(entry.found.driver, entry.found.settings["port"]) for entry in report.entries] == [
        (driver, line.path)
    ]


@pytest.mark.parametrize("proc", ["/proc", "/nowhere"], ids=["its files are seen", "hidden"])
def test_a_port_another_process_holds_is_a_finding_and_the_scan_goes_on(
    proc: str, tmp_path: Path
) -> None:
    here = pty_machine(tmp_path, Path(proc))
    held = PtyLine(by_id=tmp_path / "dev/serial/by-id/usb-a")
    free = PtyLine(by_id=tmp_path / "dev/serial/by-id/usb-b")
    program = (
        "import serial, sys; port = serial.Serial(sys.argv[1], exclusive=True);"
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, held.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with WindSonicTwin(free, SCENE, rate_hz=50):
            report = scanned(here, listen_s=0.3)
        other.communicate()
    assert [entry.found.settings["port"] for entry in report.entries] == [free.path]
    assert f"{held.path}: " in remarks(report)
    assert "in use by" in remarks(report)
    held.close()
    free.close()


def test_the_console_of_the_machine_is_never_opened(tmp_path: Path, frozen: Clock) -> None:
    wire = SimulatedWire(frozen)
    here = machine(tmp_path, {"ttyS0": wire.open}, frozen)
    active = tmp_path / "sys/class/tty/console/active"
    active.parent.mkdir(parents=True)
    active.write_text("tty0 ttyS0\n")
    assert "console" in remarks(scanned(here))
    assert "console" in remarks(scanned(here, ports=[tmp_path / "dev" / "ttyS0"]))
    assert not wire.settings


def test_a_port_without_hardware_behind_it_is_left_out(tmp_path: Path, frozen: Clock) -> None:
    here = machine(tmp_path, {"ttyS3": SimulatedWire(frozen).open}, frozen)
    kind = tmp_path / "sys/class/tty/ttyS3/type"
    kind.parent.mkdir(parents=True)
    kind.write_text("0\n")
    assert here.serial_ports() == []


def test_a_port_with_two_names_is_scanned_once_by_the_lasting_one(tmp_path: Path) -> None:
    here = pty_machine(tmp_path)
    (tmp_path / "dev/ttyUSB0").touch()
    lasting = tmp_path / "dev/serial/by-id/usb-adapter"
    lasting.symlink_to(tmp_path / "dev/ttyUSB0")
    assert here.serial_ports() == [lasting]


def test_a_silent_line_says_who_was_asked(tmp_path: Path, frozen: Clock) -> None:
    report = scanned(machine(tmp_path, {"ttyUSB0": SimulatedWire(frozen).open}, frozen))
    assert "nothing talks or answers; Modbus slaves 1 to 10 were asked; --ask" in remarks(report)


def test_a_named_port_that_is_not_there_is_told(tmp_path: Path) -> None:
    report = scanned(pty_machine(tmp_path), ports=[tmp_path / "dev" / "ttyUSB9"])
    assert "ttyUSB9 does not exist" in remarks(report)
