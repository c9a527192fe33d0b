"""What `check` says of a configuration that is allowed and may not be what was meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_gateway.cli.main import main
from edge_gateway.cli.terminal import Exit

Captured = pytest.CaptureFixture[str]


def configured(folder: Path, *payloads: str) -> Path:
    uplinks = "".join(
        f'[[uplink]]\nid = "u{n}"\nhost = "broker{n}.example"\npayload = "{payload}"\n'
        for n, payload in enumerate(payloads)
    )
    path = folder / "gateway.toml"
    path.write_text(f'[gateway]\nid = "pole-0001"\n{uplinks}', encoding="utf-8")
    return path


def test_a_single_uplink_that_leaves_readings_out_is_named(
    tmp_path: Path, capsys: Captured
) -> None:
    assert main(["check", str(configured(tmp_path, "home_assistant"))]) == Exit.DONE
    said = capsys.readouterr().out
    assert "note: no uplink delivers every reading: home_assistant" in said
    assert "payload senml, senml_cbor, csv" in said


def test_beside_an_uplink_that_delivers_all_it_is_as_meant(
    tmp_path: Path, capsys: Captured
) -> None:
    path = configured(tmp_path, "home_assistant", "senml")
    assert main(["check", "--json", str(path)]) == Exit.DONE
    assert json.loads(capsys.readouterr().out)["notes"] == []


def test_lines_that_cross_in_a_cameras_picture_are_noted(tmp_path: Path, capsys: Captured) -> None:
    path = configured(tmp_path, "senml")
    camera = """
[privacy]
purpose = "Width of the footway"
operator = "City"
contact = "roads@city.example"
legal_basis = "ordinance 7"
retention = "counts: 5 years"
notice_posted = true
[[device]]
id = "camera-1"
driver = "camera"
source = "rtsp://192.0.2.10/stream1"
[[device.line]]
name = "gate"
start = [100, 400]
end = [600, 400]
[[device.line]]
name = "door"
start = [300, 300]
end = [300, 500]
"""
    path.write_text(path.read_text(encoding="utf-8") + camera, encoding="utf-8")
    assert main(["check", "--json", str(path)]) == Exit.DONE
    (note,) = json.loads(capsys.readouterr().out)["notes"]
    assert note.startswith("camera-1: lines 'gate' and 'door' cross")
