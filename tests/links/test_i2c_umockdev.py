"""Unmodified smbus2 on a /dev/i2c-1 that umockdev provides: ioctls as the kernel takes them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
DEBIAN_PYTHON = "/usr/bin/python3"
GI = "import gi; gi.require_version('UMockdev', '1.0'); from gi.repository import UMockdev"


@pytest.fixture(scope="module")
def talk() -> dict[str, Any]:
    wrapper = shutil.which("umockdev-wrapper")
    if wrapper is None:
        pytest.skip("umockdev-wrapper is missing: apt-get install umockdev")
    if subprocess.run([DEBIAN_PYTHON, "-c", GI], capture_output=True, check=False).returncode:
        pytest.skip("PyGObject is missing: apt-get install python3-gi gir1.2-umockdev-1.0")
    bed, talk = HERE / "umockdev_bed.py", HERE / "umockdev_talk.py"
    run = subprocess.run(
        [wrapper, DEBIAN_PYTHON, bed, sys.executable, talk],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=HERE.parents[1],
        env={"PYTHONPATH": str(HERE.parents[1]), "PATH": "/usr/bin:/bin"},
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_the_driver_reads_through_the_kernels_interface(talk: dict[str, Any]) -> None:
    # 66 66 93 7f ff 8f: 25 degC, -6 + 125 * 0x7fff / 65535 %RH
    assert talk["good"]["air_temperature"] == pytest.approx(25.0)
    assert talk["good"]["relative_humidity"] == pytest.approx(56.499, abs=1e-3)


def test_registers_are_read_behind_a_repeated_start(talk: dict[str, Any]) -> None:
    # the example of Bosch's data; 26 and 8 bytes in one transaction each
    assert talk["registers"]["air_temperature"] == pytest.approx(25.08247793, abs=1e-8)
    assert talk["registers"]["air_pressure"] == pytest.approx(100653.258, abs=1e-3)
    assert talk["registers"]["relative_humidity"] == pytest.approx(55.35663, abs=1e-5)


def test_registers_at_their_reset_values_are_a_restart(talk: dict[str, Any]) -> None:
    assert talk["forgetful"][0] == "DeviceReset"


def test_half_an_answer_is_a_bad_frame(talk: dict[str, Any]) -> None:
    assert talk["half"][0] == "BadFrame"


@pytest.mark.parametrize("name", ["unasked", "absent"])
def test_no_acknowledge_is_a_silent_device(talk: dict[str, Any], name: str) -> None:
    assert talk[name][0] == "DeviceSilent"


def test_a_held_line_is_a_stuck_bus(talk: dict[str, Any]) -> None:
    error, text = talk["stuck"]
    assert error == "LinkGone"
    assert text.startswith("bus stuck at /dev/i2c-1 (ETIMEDOUT")


def test_the_bus_comes_back_once_it_is_free(talk: dict[str, Any]) -> None:
    assert talk["after"] == talk["good"]


def test_a_bus_that_is_not_there_says_what_to_do(talk: dict[str, Any]) -> None:
    error, text = talk["no_bus"]
    assert error == "LinkGone"
    assert "/dev/i2c-7 does not exist" in text
