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
