"""Scanning beside a configuration: what it has is left out, and its ids are not given again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from rich.console import Console

from edge_gateway.cli.check import read
from edge_gateway.cli.main import main
from edge_gateway.cli.scan.configured import configured, namesake
from edge_gateway.cli.scan.findings import Finding, Found
from edge_gateway.cli.scan.report import Report, report
from edge_gateway.cli.terminal import Exit
from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.registry import load, names

GATEWAY = '[gateway]\nid = "pole"\n[uplink]\nhost = "broker"\n'
AIR = '[[device]]\nid = "sht-1"\ndriver = "sht"\naddress = 0x45\n'
DRIVERS = {name: load(name) for name in names()}


def device(driver: str, **settings: object) -> DeviceConfig:
    table = {"id": "mine", "driver": driver, **settings}
    return load(driver).config_model.model_validate(table)


def told(folder: Path, *findings: Finding, text: str = AIR) -> Report:
    path = folder / "gateway.toml"
    path.write_text(GATEWAY + text, encoding="utf-8")
    return report(findings, DRIVERS, read(path).device)


def sht(address: int) -> Found:
    where = f"I2C bus 1, 0x{address:02x}"
    return Found("sht", where, {"bus": 1, "address": address})


def test_a_configured_device_is_left_out_and_named(tmp_path: Path) -> None:
    found = told(tmp_path, sht(0x45))
    assert not found.entries
    assert [remark.what for remark in found.remarks] == ["already configured as sht-1"]
    assert found.known == ["sht-1"]


def test_a_new_device_gets_an_id_that_is_free(tmp_path: Path) -> None:
    found = told(tmp_path, sht(0x44), sht(0x46), sht(0x45))
    assert [entry.id for entry in found.entries] == ["sht-2", "sht-3"]


def test_the_tables_can_be_pasted_behind_the_configuration(tmp_path: Path) -> None:
    found = told(tmp_path, sht(0x44), sht(0x45))
    path = tmp_path / "both.toml"
    path.write_text(GATEWAY + AIR + found.toml(), encoding="utf-8")
    assert [device.id for device in read(path).device] == ["sht-1", "sht-2"]


def test_a_new_slave_that_cannot_share_the_line_of_a_configured_one_is_told(tmp_path: Path) -> None:
    port = {"port": "/dev/ttyUSB0"}
    old = '[[device]]\nid = "sun"\ndriver = "hukseflux"\nport = "/dev/ttyUSB0"\n'
    new = Found("modbus_profile", "here", {**port, "unit": 2, "profile": "xy_md02"})
    found = told(tmp_path, new, text=old)
    assert len(found.entries) == 1
    assert "shares /dev/ttyUSB0 with 'sun'" in found.remarks[0].what


SAME: Mapping[str, tuple[DeviceConfig, DeviceConfig, bool]] = {
    "another setting at its address": (
        device("bh1750", address=0x23),
        device("bh1750", address=0x23, measurement_time=69),
        True,
    ),
    "another bus": (device("sht"), device("sht", bus=3), False),
    "another slave of the line": (
        device("hukseflux", port="/dev/a", unit=1),
        device("kipp_smp", port="/dev/a", unit=2),
        False,
    ),
    "the same slave": (
        device("hukseflux", port="/dev/a", unit=1),
        device("kipp_smp", port="/dev/a", unit=1),
        True,
    ),
    "the same port": (
        device("windsonic", port="/dev/a"),
        device("nmea_mwv", port="/dev/a"),
        True,
    ),
    "the same thermometer": (
        device("ds18b20", slave="28-0316a2795bff"),
        device("ds18b20", slave="28-0316a2795bff", measures="air"),
        True,
    ),
    "an address in small letters": (
        device("ble_adv", address="CB:B8:33:4C:88:4F", format="ruuvi"),
        device("ble_adv", address="cb:b8:33:4c:88:4f", format="ruuvi"),
        True,
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_a_device_is_known_by_its_place(name: str) -> None:
    found, old, is_same = SAME[name]
    assert namesake(found, [old]) == ("mine" if is_same else "")


def test_a_port_is_known_by_either_of_its_names(tmp_path: Path) -> None:
    lasting = tmp_path / "usb-adapter-port0"
    lasting.symlink_to("ttyUSB0")
    by_number = device("windsonic", port=str(tmp_path / "ttyUSB0"))
    assert namesake(device("windsonic", port=str(lasting)), [by_number]) == "mine"


def test_the_configuration_of_this_folder_is_taken_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert configured(None) == ((), ())
    (tmp_path / "gateway.toml").write_text(GATEWAY + AIR, encoding="utf-8")
    devices, _ = configured(None)
    assert [device.id for device in devices] == ["sht-1"]


def test_a_spoilt_configuration_of_this_folder_does_not_end_the_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.toml").write_text("[gateway", encoding="utf-8")
    assert main(["devices", "scan", "--bus", "63", "--json"]) == Exit.FAILED
    remarks = json.loads(capsys.readouterr().out)["remarks"]
    assert "edge-gateway check gateway.toml says why" in remarks[0]["what"]


def test_a_named_configuration_that_cannot_be_used_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "no.toml"
    assert main(["devices", "scan", "--bus", "63", "--config", str(path)]) == Exit.CONFIG
    assert "no.toml" in capsys.readouterr().err


def test_a_scan_that_finds_nothing_new_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    found = report([sht(0x45)], DRIVERS, [device("sht", address=0x45)])
    found.show(Console())
    shown = capsys.readouterr().out
    assert "no new device was found" in shown
    assert "already configured as mine" in shown
