"""Registers of the manual as numbers: scale factor, mode and status decide what they are worth."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.clock import Clock
from edge_gateway.drivers.kipp_smp import KippSmp, KippSmpConfig, decode
from edge_gateway.links.errors import BadFrame, DeviceError
from edge_gateway.links.modbus_answer import Request, registers
from edge_gateway.reading import Flag, Flagged, Quantity

SUN, BODY, SUPPLY = (
    Quantity.GLOBAL_IRRADIANCE,
    Quantity.BODY_TEMPERATURE,
    Quantity.SUPPLY_VOLTAGE,
)
# SMP series manual, appendix A.4: the answer to 01 04 00 02 00 08 50 0c.
EXAMPLE = bytes.fromhex("01 04 10 00 01 00 00 00 00 03 e5 03 e5 00 00 00 f8 00 ea 66 12")


def smp(irradiance: int = 997, *, mode: int = 1, status: int = 0, scale: int = 0) -> list[int]:
    signed = [struct.unpack(">H", struct.pack(">h", value))[0] for value in (scale, irradiance)]
    return [mode, status, *signed, signed[1], 0, 248, 234]


class Slave:
    """Notes what was asked and gives the manual's example."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, int]] = []

    def read_holding(self, unit: int, first: int, count: int) -> tuple[int, ...]:
        raise AssertionError(f"function 03: {unit} {first} {count}")

    def read_input(self, unit: int, first: int, count: int) -> tuple[int, ...]:
        self.asked.append((unit, first, count))
        return registers(EXAMPLE, Request(1, 4, first, count))

    def close(self) -> None: ...


def test_the_example_of_the_manual_is_read_in_one_request(frozen: Clock) -> None:
    slave = Slave()
    config = KippSmpConfig(id="sun", driver="kipp_smp", port="/dev/null", unit=7)
    assert KippSmp(config, slave, frozen).read() == {
        SUN: 997.0,
        BODY: pytest.approx(24.8),
        SUPPLY: pytest.approx(23.4),
    }
    assert slave.asked == [(7, 2, 8)]


@pytest.mark.parametrize(("scale", "w_m2"), [(2, 1.23), (1, 12.3), (0, 123.0), (-1, 1230.0)])
def test_the_scale_factor_is_applied(scale: int, w_m2: float) -> None:
    assert decode(smp(123, scale=scale))[SUN] == pytest.approx(w_m2)


@pytest.mark.parametrize("scale", [3, -2, 0x7FFF])
def test_a_scale_factor_that_is_not_in_the_manual_is_a_bad_frame(scale: int) -> None:
    with pytest.raises(BadFrame, match=rf"scale factor {scale} "):
        decode(smp(scale=scale))


def test_the_small_negative_values_of_the_night_are_values() -> None:
    assert decode(smp(-32, scale=1))[SUN] == pytest.approx(-3.2)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (0x01, "void signal"),
        (0x02, "overflow"),
        (0x04, "underflow"),
        (0x08, "hardware error"),
        (0x03, "void signal, overflow"),
        (0x18, "hardware error"),
    ],
)
def test_a_voiding_status_makes_the_irradiance_missing_and_keeps_the_rest(
    status: int, reason: str
) -> None:
    measured = decode(smp(status=status))
    sun = measured[SUN]
    assert isinstance(sun, Flagged)
    assert (sun.flag, sun.reason) == (Flag.MISSING, f"status: {reason}")
    assert math.isnan(sun.value)
    assert measured[BODY] == pytest.approx(24.8)


@pytest.mark.parametrize("status", [0x10, 0x20, 0x40, 0x80])
def test_another_status_bit_keeps_the_irradiance_in_doubt(status: int) -> None:
    sun = decode(smp(status=status))[SUN]
    assert isinstance(sun, Flagged)
    assert (sun.flag, sun.value) == (Flag.SUSPECT, 997.0)


@pytest.mark.parametrize("mode", [0, 2, 3, 4, 0xFFFF])
def test_in_another_mode_than_the_normal_one_nothing_is_measured(mode: int) -> None:
    sun = decode(smp(mode=mode))[SUN]
    assert isinstance(sun, Flagged)
    assert (sun.flag, sun.reason) == (Flag.MISSING, f"mode {mode}: not measuring normally")


def test_a_value_the_device_cannot_measure_fails_alone() -> None:
    measured = decode(smp(401, scale=-1))
    assert measured[SUN] == Flagged(4010.0, Flag.FAIL, "outside the device's range")
    assert measured[SUPPLY] == pytest.approx(23.4)


def test_missing_registers_are_a_bad_frame() -> None:
    with pytest.raises(BadFrame, match="7 registers came where 8"):
        decode(smp()[:7])


@given(st.integers(-500, 30_000), st.sampled_from([2, 1, 0, -1]), st.integers(-400, 800))
def test_any_sunshine_is_read_as_it_was_sent(counts: int, scale: int, body: int) -> None:
    sent = smp(counts, scale=scale)
    sent[6] = body & 0xFFFF
    measured = decode(sent)
    sun = measured[SUN]
    value = sun.value if isinstance(sun, Flagged) else sun
    assert value == pytest.approx(counts / 10**scale)
    assert isinstance(sun, Flagged) == (not -50 <= counts / 10**scale <= 4000)
    assert measured[BODY] == pytest.approx(body / 10)


@given(st.lists(st.integers(0, 0xFFFF), max_size=10))
def test_any_registers_are_numbers_or_one_of_the_four(words: list[int]) -> None:
    try:
        assert set(decode(words)) == {SUN, BODY, SUPPLY}
    except DeviceError:
        assert len(words) != 8 or words[2] not in {0, 1, 2, 0xFFFF}


def test_the_factory_setting_is_the_default() -> None:
    config = KippSmpConfig(id="sun", driver="kipp_smp", port="/dev/null")
    assert (config.baud, config.parity, config.unit) == (19200, "E", 1)
