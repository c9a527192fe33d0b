"""`check` refuses a quota that cannot hold the outage that the configuration promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_gateway.cli.main import main

DEVICES = """
[[device]]
id = "wind"
driver = "windsonic"
port = "/dev/serial/by-id/wind"

[[device]]
id = "any"
driver = "local"
socket = "/run/edge-gateway/any.sock"
"""


def written(folder: Path, outbox: str) -> Path:
    path = folder / "gateway.toml"
    uplink = '[uplink]\nhost = "broker.example.org"\n'
    path.write_text(f'[gateway]\nid = "pole"\n\n[outbox]\n{outbox}\n{uplink}{DEVICES}')
    return path


def test_the_default_quota_holds_three_days_of_a_4_hz_anemometer(tmp_path: Path) -> None:
    assert main(["check", str(written(tmp_path, ""))]) == 0


def test_a_quota_that_cannot_hold_the_promise_is_refused_with_one_that_can(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, "quota_mb = 4")
    assert main(["check", str(path)]) == 3
    told = " ".join(capsys.readouterr().err.split())
    assert f"{path}:5: outbox.quota_mb: 4 MB do not hold an outage of 72 h" in told
    advised = int(told.partition("quota_mb = ")[2].partition(",")[0])
    assert main(["check", str(written(tmp_path, f"quota_mb = {advised}"))]) == 0


def test_a_smaller_promise_is_kept_by_a_smaller_quota(tmp_path: Path) -> None:
    assert main(["check", str(written(tmp_path, "quota_mb = 12\noutage_hours = 1"))]) == 0
