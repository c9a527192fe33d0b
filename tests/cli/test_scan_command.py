"""The command `devices scan`: its words, what it prints where, and its exit codes."""

from __future__ import annotations

import json
import tomllib
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from edge_gateway.cli import scan
from edge_gateway.cli.main import main
from edge_gateway.cli.scan.findings import Found, Remark
from edge_gateway.cli.scan.machine import Machine
from edge_gateway.cli.scan.report import report
from edge_gateway.cli.terminal import CommandError, Exit
from edge_gateway.clock import SystemClock
from edge_gateway.drivers.contract import Chip, Sighting
from edge_gateway.drivers.registry import load, names
from edge_gateway.drivers.sht import Sht
from edge_gateway.links.bluez import Bluetooth
from edge_gateway.links.errors import Misconfigured
from edge_gateway.links.i2c import I2cBus
from edge_gateway.twins.bh1750 import Bh1750Twin
from edge_gateway.twins.bme280 import Bme280Twin
from edge_gateway.twins.i2c_bus import I2cChip, SimulatedI2cBus
from edge_gateway.twins.weather import WeatherScene

SCENE = WeatherScene(seed=7)
Captured = pytest.CaptureFixture[str]


def parsed(*words: str) -> Namespace:
    parser = ArgumentParser()
    scan.add_arguments(parser)
    arguments = parser.parse_args(words)
    arguments.json = "--json" in words
    return arguments


def no_bluetooth() -> Bluetooth:
    raise Misconfigured("no Bluetooth here")


def machine(folder: Path, chips: Mapping[int, I2cChip] | None = None) -> Machine:
    for name in ("dev", "sys", "proc"):
        (folder / name).mkdir()
    bus = SimulatedI2cBus(chips or {})
    if chips is not None:
        (folder / "dev" / "i2c-1").touch()
    return Machine(
        dev=folder / "dev",
        sys=folder / "sys",
        proc=folder / "proc",
        open_bus=lambda number: I2cBus(number, open_bus=bus.open),
        bluetooth=no_bluetooth,
        clock=SystemClock(),
    )


def test_an_empty_machine_gets_a_clear_answer(tmp_path: Path, capsys: Captured) -> None:
    assert scan.run(parsed(), machine(tmp_path)) == Exit.FAILED
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "no device was found" in shown.err
    for kind in ("I2C", "serial ports", "1-Wire"):
        assert f"{kind}: none here: " in shown.err
    assert "no Bluetooth here" in shown.err


def test_configuration_goes_to_stdout_and_the_rest_to_stderr(
    tmp_path: Path, capsys: Captured
) -> None:
    chips = {0x76: Bme280Twin(SCENE), 0x23: Bh1750Twin(SCENE)}
    assert scan.run(parsed("--only", "i2c"), machine(tmp_path, chips)) == Exit.DONE
    shown = capsys.readouterr()
    tables = tomllib.loads(shown.out)["device"]
    assert [table["id"] for table in tables] == ["bh1750-1", "bme280-1"]
    assert "I2C bus 1, 0x76" in shown.err
    assert "may be: a BH1750 cannot identify itself" in shown.err
    assert "# May be: a BH1750 cannot identify itself." in shown.out
    assert "address = 0x76" in shown.out


def test_json_holds_devices_and_remarks(tmp_path: Path, capsys: Captured) -> None:
    chips = {0x76: Bme280Twin(SCENE)}
    words = parsed("--only", "i2c,w1", "--json")
    assert scan.run(words, machine(tmp_path, chips)) == Exit.DONE
    document = json.loads(capsys.readouterr().out)
    (device,) = document["devices"]
    assert (device["id"], device["driver"], device["sure"]) == ("bme280-1", "bme280", True)
    assert device["settings"] == {"bus": 1, "address": 0x76, "model": "bme280"}
    assert [remark["where"] for remark in document["remarks"]] == ["1-Wire"]


def test_an_empty_machine_is_json_too(tmp_path: Path, capsys: Captured) -> None:
    assert scan.run(parsed("--json"), machine(tmp_path)) == Exit.FAILED
    assert json.loads(capsys.readouterr().out)["devices"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--only", "i2c,bel"), "did you mean 'ble'?"),
        (("--units", "0-10"), "from 1 to 247"),
        (("--units", "5-3"), "from 1 to 247"),
        (("--units", "all"), "from 1 to 247"),
        (("--seconds", "0"), "--seconds"),
    ],
)
def test_a_wrong_word_is_answered_with_a_sentence(
    words: tuple[str, ...], said: str, capsys: Captured
) -> None:
    assert main(["devices", "scan", *words]) == Exit.USAGE
    assert said in capsys.readouterr().err


def test_the_wrong_word_is_seen_before_anything_is_touched(tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        scan.run(parsed("--only", "usb"), machine(tmp_path))


def test_a_named_port_or_bus_is_all_that_is_looked_at() -> None:
    assert scan.plan(parsed("--port", "/dev/ttyUSB0")).kinds == ["serial"]
    assert scan.plan(parsed("--bus", "1", "--bus", "3")).buses == [1, 3]
    assert scan.plan(parsed("--bus", "1", "--only", "i2c,ble")).kinds == ["i2c", "ble"]


def test_json_may_stand_before_or_behind_scan(capsys: Captured) -> None:
    for words in (["--json", "scan"], ["scan", "--json"]):
        assert main(["devices", *words, "--only", "i2c", "--bus", "63"]) == Exit.FAILED
        assert json.loads(capsys.readouterr().out)["devices"] == []


def test_devices_alone_still_lists_what_is_supported(capsys: Captured) -> None:
    assert main(["devices"]) == Exit.DONE
    assert "| `windsonic` |" in capsys.readouterr().out


def test_every_driver_of_a_bus_can_be_scanned_for() -> None:
    hooks = (
        *("recognise_i2c", "recognise_line", "recognise_slave"),
        *("recognise_w1", "recognise_advert"),
    )
    blind = [name for name in names() if not any(hook in vars(load(name)) for hook in hooks)]
    assert set(blind) <= {"camera", "local"}


def test_a_driver_of_a_third_party_is_scanned_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Acme(Sht):
        title: ClassVar[str] = "Acme T1"
        i2c_addresses: ClassVar[tuple[int, ...]] = (0x23,)

        @classmethod
        def recognise_i2c(cls, chip: Chip) -> Sighting | None:
            return Sighting({"address": 0x45}) if chip.read(1) else None

    monkeypatch.setattr(scan, "names", lambda: ("acme",))
    monkeypatch.setattr(scan, "load", {"acme": Acme}.__getitem__)
    here = machine(tmp_path, {0x23: Bh1750Twin(SCENE)})
    (entry,) = scan.scan(scan.Plan(kinds=("i2c",)), here, lambda _: None).entries
    assert entry.id == "acme-1"


def test_a_sighting_its_own_model_refuses_becomes_a_remark() -> None:
    found = Found("sht", "I2C bus 1, 0x44", {"bus": 1, "address": 0x90})
    told = report([found], {"sht": load("sht")})
    assert not told.entries
    assert "driver sht recognises it, and refuses what it says" in told.remarks[0].what


def test_ids_are_unique_and_remarks_are_kept() -> None:
    found = [
        Found("sht", "I2C bus 1, 0x44", {"bus": 1, "address": 0x44}),
        Remark("I2C bus 1", "something"),
        Found("sht", "I2C bus 1, 0x45", {"bus": 1, "address": 0x45}),
    ]
    told = report(found, {"sht": load("sht")})
    assert [entry.id for entry in told.entries] == ["sht-1", "sht-2"]
    assert told.remarks == [Remark("I2C bus 1", "something")]
