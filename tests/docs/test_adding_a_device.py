"""The page on adding a device is true: its driver is built from it, loaded and run."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from edge_gateway.cli.main import main
from edge_gateway.cli.scan import Plan, scan
from edge_gateway.cli.scan.machine import Machine
from edge_gateway.cli.terminal import Exit
from edge_gateway.clock import SystemClock
from edge_gateway.drivers.registry import load, names
from edge_gateway.links.i2c import I2cBus
from edge_gateway.twins.i2c_bus import I2cChip, SimulatedI2cBus, no_acknowledge

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-device.md"

GATEWAY = '[gateway]\nid = "p"\n[uplink]\nhost = "b"\n'


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """A package made of the page alone, installed as far as Python can tell."""
    folder, info = tmp_path / "acme_sensors", tmp_path / "acme_sensors-1.0.dist-info"
    folder.mkdir()
    info.mkdir()
    (folder / "__init__.py").touch()
    (folder / "t1.py").write_text(block("python"), encoding="utf-8")
    (info / "METADATA").write_text("Name: acme-sensors\nVersion: 1.0\n", encoding="utf-8")
    entry = block("toml").replace('[project.entry-points."edge_gateway.drivers"]', "").strip()
    (info / "entry_points.txt").write_text(
        f"[edge_gateway.drivers]\n{entry.replace(chr(34), '')}\n", encoding="utf-8"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    yield tmp_path
    for module in [name for name in sys.modules if name.startswith("acme_sensors")]:
        del sys.modules[module]


@pytest.mark.usefixtures("package")
def test_the_driver_of_the_page_is_found_by_its_name() -> None:
    assert "acme_t1" in names()
    assert load("acme_t1").title == "Acme T1 thermometer (data sheet AC-T1)"


def test_the_talk_of_the_page_gives_its_temperature(
    package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    talk = package / "air.talk"
    talk.write_text(block("text"), encoding="utf-8")
    assert main(["replay", str(talk)]) == Exit.DONE
    assert "25.000 Cel" in capsys.readouterr().out


def test_the_driver_makes_of_the_talk_what_the_page_says(package: Path) -> None:
    talk = package / "air.talk"
    talk.write_text(block("text"), encoding="utf-8")
    assert main(["replay", "--check", str(talk)]) == Exit.DONE


class AcmeChip(I2cChip):
    """Answers the question for its serial number, once each."""

    def __init__(self, serial_number: bytes) -> None:
        self._serial_number = serial_number
        self._answer = b""

    def write(self, data: bytes) -> None:
        if data != b"\x02":
            raise no_acknowledge()
        self._answer = self._serial_number

    def read(self, count: int) -> bytes:
        answer, self._answer = self._answer, b""
        if not answer:
            raise no_acknowledge()
        return answer[:count]

    def power_up(self) -> None:
        self._answer = b""


# 0a bc and its checksum, then the same with another.
@pytest.mark.parametrize(("number", "ids"), [("0abcad", ["acme-t1-1"]), ("0abcac", [])])
@pytest.mark.usefixtures("package")
def test_the_driver_of_the_page_is_found_by_a_scan(
    number: str, ids: list[str], tmp_path: Path
) -> None:
    bus = SimulatedI2cBus({0x49: AcmeChip(bytes.fromhex(number))})
    (tmp_path / "i2c-1").touch()
    machine = Machine(
        dev=tmp_path,
        sys=tmp_path,
        proc=tmp_path,
        open_bus=lambda number: I2cBus(number, open_bus=bus.open),
        clock=SystemClock(),
    )
    report = scan(Plan(kinds=("i2c",)), machine, lambda _: None)
    assert [entry.id for entry in report.entries] == ids
    path = tmp_path / "gateway.toml"
    path.write_text(GATEWAY + report.toml(), encoding="utf-8")
    assert main(["check", str(path)]) == Exit.DONE


@pytest.mark.usefixtures("package")
def test_a_configuration_may_name_it(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(GATEWAY + '[[device]]\nid = "air"\ndriver = "acme_t1"\n', encoding="utf-8")
    assert main(["check", str(path)]) == Exit.DONE
