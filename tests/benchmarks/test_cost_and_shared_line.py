"""Short runs of two benchmarks: they measure what they say, and their verdict is good."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edge_gateway.twins.broker import available
from tests.beside import Done

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
# So short a run on a busy machine is no figure; sixty seconds take less than 3 %.
COST = ("--seconds", "6", "--warm-up", "2", "--most", "10")


# It counts processor time, to which it is all the same what else runs.
@pytest.mark.beside(sys.executable, str(BENCHMARKS / "polling_cost.py"), *COST)
@pytest.mark.skipif(not available(), reason="needs a broker: apt-get install mosquitto")
def test_all_devices_of_a_full_pole_are_read_for_little_of_one_core(beside: Done) -> None:
    assert beside.returncode == 0, beside.stdout + beside.stderr
    assert "devices that fell short: []" in beside.stdout
    assert "device-wind" in beside.stdout


def test_a_healthy_slave_beside_one_with_ten_faults_loses_no_slot() -> None:
    command = [sys.executable, str(BENCHMARKS / "shared_line.py")]
    command += ["--seconds", "5", "--seeds", "1", "--baud", "19200"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "20 slots" in done.stdout  # two healthy slaves on each of two lines
    assert done.stdout.rstrip().endswith("0 slots lost")
