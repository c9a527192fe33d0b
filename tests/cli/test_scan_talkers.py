"""Scanning serial lines: who talks is heard and not answered, and no `*` ever goes out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from edge_gateway.clock import Clock
from edge_gateway.twins.nmea_mwv import mwv, sentence
from edge_gateway.twins.pty_line import PtyLine
from edge_gateway.twins.windsonic import WindSonicTwin, frame
from tests.cli.scan_wire import (
    SCENE,
    SimulatedWire,
    checked,
    hukseflux,
    machine,
    pty_machine,
    remarks,
    scanned,
    wxt,
)

TALKERS: Mapping[str, tuple[int, float, bytes, Mapping[str, object]]] = {
    "windsonic at 4 Hz": (9600, 0.25, frame(2.74, 229), {"driver": "windsonic", "rate_hz": 4.0}),
    "windsonic at 1 Hz": (9600, 1.0, frame(2.74, 229), {"driver": "windsonic", "rate_hz": 1.0}),
    "windsonic at 38400": (38400, 0.5, frame(0.0, None), {"driver": "windsonic", "baud": 38400}),
    "mwv at 4800": (4800, 1.0, mwv(5.1, 350.0), {"driver": "nmea_mwv", "baud": 4800}),
    "mwv true": (9600, 0.1, mwv(5.1, 350.0, reference="T"), {"reference": "T", "rate_hz": 10.0}),
    "mwv of both": (
        4800,
        1.0,
        mwv(5.1, 350.0, reference="T") + mwv(5.1, 10.0) + sentence("HCHDG,101.1,,,7.1,W"),
        {"driver": "nmea_mwv", "reference": "R", "rate_hz": 1.0},
    ),
    "wxt every 5 s": (19200, 5.0, wxt(), {"driver": "wxt530", "crc": False, "mode": "automatic"}),
    "wxt with crc": (19200, 1.0, wxt("1", crc=True, address="B"), {"crc": True, "address": "B"}),
}


@pytest.mark.parametrize("name", TALKERS)
def test_who_talks_is_heard_with_its_settings(name: str, tmp_path: Path, frozen: Clock) -> None:
    baud, interval_s, said, expected = TALKERS[name]
    wire = SimulatedWire(frozen, talk=(baud, interval_s, lambda: said))
    report = scanned(machine(tmp_path, {"ttyUSB0": wire.open}, frozen))
    (entry,) = report.entries
    assert entry.config.model_dump() == entry.config.model_dump() | dict(expected)
    assert checked(report, tmp_path) == (entry.config,)


@pytest.mark.parametrize("name", TALKERS)
def test_nothing_at_all_is_sent_to_a_line_that_talks(
    name: str, tmp_path: Path, frozen: Clock
) -> None:
    baud, interval_s, said, _ = TALKERS[name]
    wire = SimulatedWire(frozen, talk=(baud, interval_s, lambda: said))
    scanned(machine(tmp_path, {"ttyUSB0": wire.open}, frozen), ask=True)
    assert wire.sent == b""


def test_a_talk_nobody_knows_is_shown_and_not_answered(tmp_path: Path, frozen: Clock) -> None:
    wire = SimulatedWire(frozen, talk=(9600, 1.0, lambda: b"24.6C,55.1%\r\n"))
    report = scanned(machine(tmp_path, {"ttyUSB0": wire.open}, frozen))
    assert "something talks that no driver knows" in remarks(report)
    assert "24.6C,55.1%" in remarks(report)
    assert wire.sent == b""


def test_a_line_is_listened_to_before_anything_is_sent(tmp_path: Path, frozen: Clock) -> None:
    wire = SimulatedWire(frozen, [hukseflux()])
    scanned(machine(tmp_path, {"ttyUSB0": wire.open}, frozen))
    listened = [baud for baud, parity in wire.settings if parity == "N"][:4]
    assert set(listened) == {4800, 9600, 19200, 38400}
    assert wire.sent


def test_no_star_goes_out_whatever_slaves_are_asked(tmp_path: Path, frozen: Clock) -> None:
    slaves = [hukseflux(unit) for unit in (22, 41, 86, 150)]
    wire = SimulatedWire(frozen, slaves)
    here = machine(tmp_path, {"ttyUSB0": wire.open}, frozen)
    report = scanned(here, units=range(1, 248), ask=True)
    assert wire.sent
    assert b"*" not in wire.sent
    assert "slave 42 cannot be asked" in remarks(report)


@pytest.mark.parametrize("ask", [False, True])
def test_no_star_reaches_a_polled_windsonic(ask: bool, tmp_path: Path) -> None:  # noqa: FBT001  a case of the test
    here = pty_machine(tmp_path)
    line = PtyLine(by_id=tmp_path / "dev/serial/by-id/usb-wind-port0")
    received: list[bytes] = []
    hear = line.read

    def tapped(timeout_s: float) -> bytes:
        received.append(hear(timeout_s))
        return received[-1]

    line.read = tapped
    with WindSonicTwin(line, SCENE, polled_node="Q"):
        report = scanned(here, listen_s=0.02, answer_s=0.1, units=(1, 2), ask=ask)
    line.close()
    assert b"".join(received)
    assert b"*" not in b"".join(received)
    modes = [entry.config.model_dump()["mode"] for entry in report.entries]
    assert modes == ["polled"] * ask


def test_a_polled_wxt_answers_when_asking_is_permitted(tmp_path: Path, frozen: Clock) -> None:
    class Polled(SimulatedWire):
        def write(self, data: bytes) -> None:
            super().write(data)
            self._heard += wxt() if data == b"0R0\r\n" and self._setting[0] == 19200 else b""

    wire = Polled(frozen)
    (entry,) = scanned(machine(tmp_path, {"ttyUSB0": wire.open}, frozen), ask=True).entries
    assert entry.config.model_dump()["mode"] == "polled"
    assert entry.found.driver == "wxt530"


def test_noise_of_an_open_line_is_no_talk(tmp_path: Path, frozen: Clock) -> None:
    class Open(SimulatedWire):
        def open(self, path: str, baud: int, parity: str) -> SimulatedWire:
            super().open(path, baud, parity)
            self._talk = (baud, 1.0, lambda: b"\x00\xff\x00")
            return self

    wire = Open(frozen)
    report = scanned(machine(tmp_path, {"ttyUSB0": wire.open}, frozen))
    assert "nothing talks or answers" in remarks(report)
