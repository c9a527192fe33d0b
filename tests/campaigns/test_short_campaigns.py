"""A few seconds of each campaign: nothing acknowledged is lost, doubled or out of order."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge_gateway.twins.broker import available

ROOT = Path(__file__).parents[2]


def ran(name: str, *options: str) -> list[dict[str, Any]]:
    """The rows of a campaign, when it found nothing wrong."""
    command = [sys.executable, "-m", f"campaigns.{name}", "--json", *options]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=100, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if not done.stdout.startswith("{"):
        pytest.skip(done.stdout.strip())
    rows: list[dict[str, Any]] = json.loads(done.stdout)["rows"]
    return rows


needs_compiler = pytest.mark.skipif(
    shutil.which("cc") is None, reason="needs a C compiler: apt-get install gcc libc6-dev"
)
needs_mosquitto = pytest.mark.skipif(
    "mosquitto" not in available(), reason="needs mosquitto: apt-get install mosquitto"
)


@needs_compiler
def test_some_of_the_crash_points_of_each_scene() -> None:
    rows = ran("crash_points", "--count", "88")
    assert len(rows) == 11
    assert all(row["faults"] == 8 for row in rows)


@needs_compiler
def test_a_power_cut_loses_nothing_and_the_controls_lose() -> None:
    rows = ran("power_cut", "--count", "22")
    assert sum(row["cuts"] for row in rows[:-2]) == 11 * 2 * 5
    assert [row["scene"].split(":")[0] for row in rows[-2:]] == ["control", "control"]


@needs_mosquitto
def test_a_pulled_plug_loses_nothing_and_the_controls_lose() -> None:
    rows = ran("pulled_plug", "--cuts", "1")
    safe, controls = rows[:-2], rows[-2:]
    assert safe[-1]["journals replayed"] == 1
    assert [row["file system"].split(":")[0] for row in controls] == ["control", "control"]


@needs_mosquitto
def test_a_few_kills_of_the_daemon() -> None:
    *gateways, _ = ran("kills", "--count", "6", "--jobs", "1")
    assert gateways[0]["acknowledged"] > 0


@needs_mosquitto
def test_lost_acknowledgements_are_made_good() -> None:
    (row,) = ran("broker_trouble", "--seconds", "4", "--only", "lost")
    assert row["acknowledged"] > 0


@needs_mosquitto
def test_a_full_disk_is_drained() -> None:
    (row,) = ran("full_disk", "--only", "disk", "--seconds", "2")
    assert "skipped" in row["what"] or row["acknowledged"] == row["delivered"] > 0


@needs_mosquitto
@needs_compiler
def test_the_clock_jumps() -> None:
    up, down = ran("clock_jumps", "--seconds", "1")
    assert up["acknowledged"] > 0
    assert down["acknowledged"] > 0


@needs_mosquitto
def test_half_an_hour_without_uplink() -> None:
    (row,) = ran("long_outage", "--hours", "0.5")
    assert row["readings"] == 360 * 49


@needs_mosquitto
def test_some_changed_settings() -> None:
    rows = ran("changed_settings", "--count", "3")
    assert len(rows) == 3
