"""Scanning for Modbus slaves: who answers is asked what it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from edge_gateway.clock import Clock
from edge_gateway.drivers.formats.register_map import shipped, shipped_map
from edge_gateway.drivers.modbus_profile import ModbusProfile
from edge_gateway.links.frames import with_modbus_crc
from edge_gateway.twins.hukseflux import HuksefluxTwin
from edge_gateway.twins.kipp_smp import KippSmpTwin
from edge_gateway.twins.modbus_slave import ModbusTwin, SharedLine
from edge_gateway.twins.pty_line import PtyLine
from tests.cli.scan_wire import (
    LINE,
    SCENE,
    Setting,
    SimulatedWire,
    checked,
    hukseflux,
    machine,
    profile,
    pty_machine,
    remarks,
    scanned,
)

SLAVES: Mapping[str, tuple[tuple[ModbusTwin, Setting], Mapping[str, object]]] = {
    "hukseflux": (hukseflux(), {"driver": "hukseflux", "baud": 19200, "parity": "E", "unit": 1}),
    "hukseflux pv": (hukseflux(3, pv_variant=True), {"unit": 3, "pv_variant": True}),
    "kipp_smp": (
        (KippSmpTwin(LINE, SCENE, unit=2), (19200, "E")),
        {"driver": "kipp_smp", "unit": 2},
    ),
    "xy_md02": (profile("xy_md02"), {"profile": "xy_md02", "baud": 9600, "parity": "N"}),
    "xy_md02 look-alike": (
        (profile("xy_md02")[0], (9600, "E")),
        {"profile": "xy_md02", "baud": 9600, "parity": "E"},
    ),
    "rs_fsjt_n01": (profile("rs_fsjt_n01"), {"profile": "rs_fsjt_n01", "baud": 4800}),
    "rs_fxjt_n01": (profile("rs_fxjt_n01", unit=2), {"profile": "rs_fxjt_n01", "unit": 2}),
}


@pytest.mark.parametrize("name", SLAVES)
def test_every_slave_with_a_twin_is_found(name: str, tmp_path: Path, frozen: Clock) -> None:
    slave, expected = SLAVES[name]
    report = scanned(machine(tmp_path, {"ttyUSB0": SimulatedWire(frozen, [slave]).open}, frozen))
    (entry,) = report.entries
    assert entry.config.model_dump() == entry.config.model_dump() | dict(expected)
    assert checked(report, tmp_path) == (entry.config,)


def test_a_slave_with_an_identity_is_sure_and_one_without_may_be(
    tmp_path: Path, frozen: Clock
) -> None:
    wires = {
        "ttyUSB0": SimulatedWire(frozen, [hukseflux()]).open,
        "ttyUSB1": SimulatedWire(frozen, [profile("xy_md02")]).open,
    }
    report = scanned(machine(tmp_path, wires, frozen))
    assert ["identity" in entry.found.doubt for entry in report.entries] == [False, True]


def test_every_shipped_map_is_asked_for_at_its_own_setting() -> None:
    factory = {(held.baud, held.parity) for held in map(shipped_map, shipped())}
    assert factory <= set(ModbusProfile.modbus_lines)


def test_two_slaves_on_one_line_are_both_found(tmp_path: Path, frozen: Clock) -> None:
    wire = SimulatedWire(
        frozen, [hukseflux(1), (KippSmpTwin(LINE, SCENE, unit=2), (19200, "E"))], echo=True
    )
    report = scanned(machine(tmp_path, {"ttyUSB0": wire.open}, frozen))
    assert [entry.id for entry in report.entries] == ["hukseflux-1", "kipp-smp-1"]
    assert not report.remarks
    assert len(checked(report, tmp_path)) == 2


def test_two_slaves_that_cannot_share_their_line_are_told(tmp_path: Path, frozen: Clock) -> None:
    wire = SimulatedWire(frozen, [hukseflux(1), profile("xy_md02", unit=2)])
    report = scanned(machine(tmp_path, {"ttyUSB0": wire.open}, frozen))
    assert len(report.entries) == 2
    assert "same baud and parity" in remarks(report)


def test_a_slave_no_driver_knows_is_told_with_its_address(tmp_path: Path, frozen: Clock) -> None:
    class Stranger(HuksefluxTwin):
        def registers(self, function: int) -> Mapping[int, int]:
            return dict.fromkeys(range(20), 0xABCD) if function == 3 else {}

    wire = SimulatedWire(frozen, [(Stranger(LINE, SCENE, unit=7), (9600, "N"))])
    report = scanned(machine(tmp_path, {"ttyUSB0": wire.open}, frozen))
    assert not report.entries
    assert "9600 baud 8N1, slave 7: a slave answers that no driver knows" in remarks(report)


def test_a_spoilt_answer_is_told_as_such(tmp_path: Path, frozen: Clock) -> None:
    twin, setting = hukseflux()
    twin.fail("crc", 100)
    wire = SimulatedWire(frozen, [(twin, setting)])
    report = scanned(machine(tmp_path, {"ttyUSB0": wire.open}, frozen))
    assert "two slaves of one address" in remarks(report)


def test_only_the_wanted_slaves_are_asked(tmp_path: Path, frozen: Clock) -> None:
    wire = SimulatedWire(frozen)
    scanned(machine(tmp_path, {"ttyUSB0": wire.open}, frozen), units=range(200, 202))
    assert {wire.sent[at] for at in range(0, len(wire.sent), 8)} == {200, 201}


def test_two_slaves_share_a_real_line(tmp_path: Path) -> None:
    here = pty_machine(tmp_path)
    line = PtyLine(by_id=tmp_path / "dev/serial/by-id/usb-adapter-port0")
    slaves = [HuksefluxTwin(line, SCENE, unit=1), KippSmpTwin(line, SCENE, unit=2)]
    with SharedLine(line, slaves):
        report = scanned(here, listen_s=0.02, answer_s=0.15, units=(1, 2, 3))
    line.close()
    assert [entry.found.driver for entry in report.entries] == ["hukseflux", "kipp_smp"]


def test_a_question_of_another_master_is_no_device(tmp_path: Path, frozen: Clock) -> None:
    question = with_modbus_crc(bytes.fromhex("010300000001"))
    wire = SimulatedWire(frozen, talk=(9600, 1.0, lambda: question))
    report = scanned(machine(tmp_path, {"ttyUSB0": wire.open}, frozen))
    assert not report.entries
    assert wire.sent == b""
