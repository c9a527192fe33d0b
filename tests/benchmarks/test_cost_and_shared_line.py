"""Short runs of two benchmarks: they measure what they say, and their verdict is good."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edge_gateway.twins.broker import available

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def ran(script: str, *options: str) -> str:
    command = [sys.executable, str(BENCHMARKS / script), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_all_devices_of_a_full_pole_are_read_for_little_of_one_core() -> None:
    if not available():
        pytest.skip("no MQTT broker is installed: apt-get install mosquitto")
    # So short a run on a busy machine is no figure; sixty seconds take less than 3 %.
    said = ran("polling_cost.py", "--seconds", "6", "--warm-up", "2", "--most", "10")
    assert "devices that fell short: []" in said
    assert "device-wind" in said


def test_a_healthy_slave_beside_one_with_ten_faults_loses_no_slot() -> None:
    said = ran("shared_line.py", "--seconds", "5", "--seeds", "1", "--baud", "19200")
    assert "20 slots" in said  # two healthy slaves on each of two lines
    assert said.rstrip().endswith("0 slots lost")
