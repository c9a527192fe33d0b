"""Recordings from the field as twins of the rig."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge_gateway.cli.check import config_model
from edge_gateway.cli.rig.bench import Bench
from edge_gateway.cli.rig.talks import talks_of
from edge_gateway.cli.rig.twins import surroundings
from edge_gateway.cli.terminal import CommandError
from edge_gateway.clock import SystemClock
from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import PolledDriver
from edge_gateway.reading import Measured, Quantity
from edge_gateway.wiring import Wiring

# The data sheet's example of an SHT: 0x6666 is 25 degC.
AIR = """# edge-gateway talk 1
# device {"id": "air", "driver": "sht"}
0.000 > 44 fd
0.010 < 44 66 66 93 7f ff 8f
"""
# A pyranometer: 0x00013d52 is 812.34 W/m2, 0x09e6 25.34 degC.
SUN = """# edge-gateway talk 1
# device {"id": "sun", "driver": "hukseflux", "port": "/dev/field"}
0.000 > 01 03 00 02 00 05 24 09
0.030 < 01 03 0a 00 01 3d 52 00 00 00 00 09 e6 1f b4
"""


def device(name: str, driver: str, **more: Any) -> DeviceConfig:
    return config_model(driver).model_validate({"id": name, "driver": driver, **more})


def measured(folder: Path, one: DeviceConfig, word: str) -> Measured:
    """What the gateway makes of a device that plays a talk."""
    with Bench([one], folder, surroundings(1), talks_of([word], [one])) as bench:
        wiring = Wiring(SystemClock(), None, bench.openers, bench.devices)
        driver = wiring.wire(one).open_driver()
        assert isinstance(driver, PolledDriver)
        found = driver.read()
        wiring.close()
    return found


@pytest.fixture
def air(tmp_path: Path) -> Path:
    path = tmp_path / "air.talk"
    path.write_text(AIR, encoding="utf-8")
    return path


@pytest.fixture
def sun(tmp_path: Path) -> Path:
    path = tmp_path / "sun.talk"
    path.write_text(SUN, encoding="utf-8")
    return path


def test_a_chip_says_what_was_recorded(tmp_path: Path, air: Path) -> None:
    found = measured(tmp_path, device("indoors", "sht"), f"indoors={air}")
    assert found[Quantity.AIR_TEMPERATURE] == pytest.approx(25.0, abs=0.01)


def test_a_slave_says_what_was_recorded(tmp_path: Path, sun: Path) -> None:
    found = measured(tmp_path, device("roof", "hukseflux", port="/dev/x"), f"roof={sun}")
    assert found[Quantity.GLOBAL_IRRADIANCE] == pytest.approx(812.34)


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("air", "write DEVICE=FILE"),
        ("aim={air}", "did you mean 'air'?"),
        ("sun={air}", "talk of a sht, and device 'sun' is a hukseflux"),
        ("sun={sun}", "'sun' shares /dev/bus with sky: for a talk give it a port of its own"),
        ("air=nowhere.talk", "cannot be read"),
    ],
)
def test_a_talk_that_cannot_be_played_is_explained(
    word: str, why: str, air: Path, sun: Path
) -> None:
    devices = [
        device("air", "sht"),
        device("sun", "hukseflux", port="/dev/bus"),
        device("sky", "kipp_smp", port="/dev/bus", unit=2),
    ]
    with pytest.raises(CommandError) as refused:
        talks_of([word.format(air=air, sun=sun)], devices)
    assert why in str(refused.value)
