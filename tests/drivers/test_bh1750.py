"""Counts of the references as lux; the commands of a measurement, in order."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_gateway.drivers.bh1750 import Bh1750, Bh1750Config, decode
from edge_gateway.links.errors import BadFrame, DeviceError
from edge_gateway.reading import Flag, Flagged, Quantity

LIGHT = Quantity.ILLUMINANCE


def test_the_example_of_the_references_is_read() -> None:
    assert decode((30000).to_bytes(2), 69) == {LIGHT: pytest.approx(25000.0)}


# 65534 counts: 54611 lx at a measurement time of 69, 121555 lx at 31
@pytest.mark.parametrize(("time", "lux"), [(69, 54611.7), (31, 121555.1)])
def test_a_short_measurement_reaches_full_sun(time: int, lux: float) -> None:
    assert decode(b"\xff\xfe", time) == {LIGHT: pytest.approx(lux, abs=0.1)}


def test_full_scale_is_over_range() -> None:
    found = decode(b"\xff\xff")[LIGHT]
    assert isinstance(found, Flagged)
    assert found.flag is Flag.FAIL
    assert found.reason.startswith("over_range")


@given(st.binary(max_size=4) | st.binary(min_size=2, max_size=2), st.integers(31, 254))
def test_any_bytes_are_a_number_or_one_of_the_four(data: bytes, time: int) -> None:
    with contextlib.suppress(DeviceError):
        assert set(decode(data, time)) == {LIGHT}


class Sensor:
    """Gives `answers` one after the other, and notes what it was told."""

    def __init__(self, *answers: str) -> None:
        self.answers = [bytes.fromhex(answer) for answer in answers]
        self.told = b""
        self.slept_s: list[float] = []

    def write(self, address: int, data: bytes) -> None:
        assert address == 0x23
        self.told += data

    def read(self, address: int, count: int) -> bytes:
        assert (address, count) == (0x23, 2)
        return self.answers.pop(0)

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)

    def write_read(self, address: int, data: bytes, count: int) -> bytes:
        self.write(address, data)
        return self.read(address, count)

    def close(self) -> None: ...


def driver(sensor: Sensor, **settings: int) -> Bh1750:
    table = {"id": "light", "driver": "bh1750", **settings}
    return Bh1750(Bh1750Config.model_validate(table), sensor, sensor)


def test_every_measurement_carries_all_settings() -> None:
    sensor = Sensor("7530", "7530")
    driver(sensor).read()
    # on, time 31 = 000 11111 in two parts, measure once
    assert sensor.told == bytes.fromhex("01 40 7f 20")
    # 180 ms at 69
    assert sensor.slept_s == [pytest.approx(0.180 * 31 / 69)]


def test_a_long_measurement_is_waited_for() -> None:
    sensor = Sensor("7530", "7530")
    driver(sensor, measurement_time=254).read()
    # 254 = 111 11110
    assert sensor.told == bytes.fromhex("01 47 7e 20")
    assert sensor.slept_s == [pytest.approx(0.6626, abs=1e-4)]


def test_two_looks_that_differ_are_a_bad_frame() -> None:
    with pytest.raises(BadFrame, match="differ: 75 30, 75 31"):
        driver(Sensor("7530", "7531")).read()


def test_darkness_that_a_second_measurement_denies_is_not_believed() -> None:
    sensor = Sensor("0000", "0000", "7530", "7530")
    assert driver(sensor, measurement_time=69).read() == {LIGHT: pytest.approx(25000.0)}


def test_darkness_that_stays_is_night() -> None:
    assert driver(Sensor(*["0000"] * 6)).read() == {LIGHT: 0.0}


def test_another_address_is_refused() -> None:
    with pytest.raises(ValidationError, match="answers at 0x23 or 0x5c, not at 0x24"):
        Bh1750Config(id="light", driver="bh1750", address=0x24)
