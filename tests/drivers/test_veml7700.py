"""Counts of the references as lux; settings written, and seen to be still there."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.drivers.formats.veml_light import (
    GAIN,
    INTEGRATION,
    Gain,
    IntegrationTime,
    corrected,
)
from edge_gateway.drivers.veml7700 import Veml7700, Veml7700Config, decode
from edge_gateway.links.errors import BadFrame, DeviceError, DeviceReset
from edge_gateway.reading import Flag, Flagged, Quantity

LIGHT = Quantity.ILLUMINANCE


def counts(raw: int) -> bytes:
    return raw.to_bytes(2, "little")


def test_the_example_of_the_references_is_read() -> None:
    # 20000 * 0.0042 * 800/100 * 2/0.125 = 10752 lx, bent back to 16559
    assert decode(counts(20000), "1/8", 100) == {LIGHT: pytest.approx(16559, abs=0.5)}


@pytest.mark.parametrize(
    ("gain", "integration_ms", "lux"),
    [("2", 800, 4.2), ("1", 800, 8.4), ("2", 100, 33.6), ("1", 100, 67.2)],
)
def test_high_gains_are_straight(gain: Gain, integration_ms: IntegrationTime, lux: float) -> None:
    assert decode(counts(1000), gain, integration_ms) == {LIGHT: pytest.approx(lux)}


@given(st.floats(0, 30_000), st.floats(0, 30_000))
def test_the_correction_never_turns_more_light_into_less(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert low <= corrected(low) <= corrected(high)


def test_full_scale_is_over_range() -> None:
    found = decode(b"\xff\xff", "2", 800)[LIGHT]
    assert isinstance(found, Flagged)
    assert found.flag is Flag.FAIL
    assert found.reason.startswith("over_range")


def test_light_no_daylight_reaches_fails_and_is_kept() -> None:
    # at 25 ms and 1/8 a count is 2.1504 lx: 26880 lx on the straight line; bent back
    # 2.63517e-4 * 26880^2 + 1.0023 * 26880
    found = decode(counts(12500))[LIGHT]
    assert isinstance(found, Flagged)
    assert found.flag is Flag.FAIL
    assert found.value == pytest.approx(217_342, rel=1e-4)


def test_darkness_is_zero() -> None:
    assert decode(b"\x00\x00") == {LIGHT: 0.0}


@given(
    st.binary(max_size=4) | st.binary(min_size=2, max_size=2),
    st.sampled_from(list(GAIN)),
    st.sampled_from(list(INTEGRATION)),
)
def test_any_bytes_are_a_number_or_one_of_the_four(
    data: bytes, gain: Gain, integration_ms: IntegrationTime
) -> None:
    with contextlib.suppress(DeviceError):
        assert set(decode(data, gain, integration_ms)) == {LIGHT}


class Sensor:
    """Words at registers; each look at the light takes the next of `light`, the last one stays."""

    def __init__(self, *light: int) -> None:
        self.words = {0: 1}
        self.light = list(light)
        self.written: list[tuple[int, int]] = []
        self.slept_s = 0.0

    def write(self, address: int, data: bytes) -> None:
        assert address == 0x10
        self.words[data[0]] = int.from_bytes(data[1:], "little")
        self.written.append((data[0], self.words[data[0]]))

    def write_read(self, address: int, data: bytes, count: int) -> bytes:
        assert (address, count) == (0x10, 2)
        if data[0] != 4:
            return counts(self.words[data[0]])
        return counts(self.light.pop(0) if len(self.light) > 1 else self.light[0])

    def read(self, address: int, count: int) -> bytes:
        raise AssertionError(f"a read behind a stop: {address} {count}")

    def sleep(self, seconds: float) -> None:
        self.slept_s += seconds

    def close(self) -> None: ...


def driver(sensor: Sensor) -> Veml7700:
    return Veml7700(Veml7700Config(id="light", driver="veml7700"), sensor, sensor)


def test_the_default_is_the_setting_for_full_sun() -> None:
    sensor = Sensor(0)
    driver(sensor).read()
    # gain 1/8: 10 at bits 12-11; 25 ms: 1100 at bits 9-6; on
    assert sensor.written[-1] == (0, 0b10 << 11 | 0b1100 << 6)
    assert sensor.slept_s > 0.05


def test_it_is_set_up_once() -> None:
    sensor = Sensor(100)
    light = driver(sensor)
    light.read()
    written = len(sensor.written)
    light.read()
    assert len(sensor.written) == written


def test_a_sensor_that_is_shut_down_has_restarted() -> None:
    sensor = Sensor(100)
    light = driver(sensor)
    light.read()
    sensor.words[0] = 0x0001
    with pytest.raises(DeviceReset, match="lost its settings"):
        light.read()
    assert light.read()


def test_a_new_value_between_two_looks_is_taken() -> None:
    assert driver(Sensor(100, 101)).read() == {LIGHT: pytest.approx(corrected(101 * 2.1504))}


def test_a_value_that_never_holds_still_is_a_bad_frame() -> None:
    with pytest.raises(BadFrame, match="differ: 64 00, 65 00, 66 00"):
        driver(Sensor(100, 101, 102)).read()
