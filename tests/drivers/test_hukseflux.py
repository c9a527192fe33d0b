"""Registers of the manual as numbers, and what is asked for over the line."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.clock import Clock
from edge_gateway.drivers.hukseflux import Hukseflux, HuksefluxConfig, decode
from edge_gateway.links.errors import BadFrame, DeviceError
from edge_gateway.reading import Flag, Flagged, Quantity

IRRADIANCE, BODY = Quantity.GLOBAL_IRRADIANCE, Quantity.BODY_TEMPERATURE


class Slave:
    """Notes what was asked and answers as by day: 812.34 W/m2, 25.34 degC."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, int]] = []

    def read_holding(self, unit: int, first: int, count: int) -> tuple[int, ...]:
        self.asked.append((unit, first, count))
        return (0x0001, 0x3D52, 0, 0, 0x09E6)

    def read_input(self, unit: int, first: int, count: int) -> tuple[int, ...]:
        raise AssertionError(f"function 04: {unit} {first} {count}")

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("registers", "irradiance", "body"),
    [
        ((0x0001, 0x3D52, 0, 0, 0x09E6), 812.34, 25.34),
        ((0xFFFF, 0xFEBF, 0, 0, 0xFE00), -3.21, -5.12),
        ((0x0001, 0x7C4F, 0, 0, 0), 973.59, 0.0),
    ],
)
def test_registers_of_the_manual_are_read(
    registers: tuple[int, ...], irradiance: float, body: float
) -> None:
    assert decode(registers) == {
        IRRADIANCE: pytest.approx(irradiance),
        BODY: pytest.approx(body),
    }


@given(st.integers(-2000, 200_000), st.integers(-4000, 8000))
def test_signed_numbers_are_read_most_significant_first(hundredths: int, body: int) -> None:
    high, low = struct.unpack(">HH", struct.pack(">i", hundredths))
    measured = decode((high, low, 7, 7, struct.unpack(">H", struct.pack(">h", body))[0]))
    assert measured == {
        IRRADIANCE: pytest.approx(hundredths / 100),
        BODY: pytest.approx(body / 100),
    }


def test_a_value_the_device_cannot_measure_fails_alone() -> None:
    measured = decode((0x7FFF, 0xFFFF, 0, 0, 0x09E6))
    assert measured[BODY] == pytest.approx(25.34)
    irradiance = measured[IRRADIANCE]
    assert isinstance(irradiance, Flagged)
    assert (irradiance.flag, irradiance.value) == (Flag.FAIL, pytest.approx(21474836.47))


@given(st.lists(st.integers(0, 0xFFFF), max_size=8))
def test_any_registers_are_numbers_or_one_of_the_four(registers: list[int]) -> None:
    try:
        assert set(decode(registers)) == {IRRADIANCE, BODY}
    except DeviceError:
        assert len(registers) != 5


def test_missing_registers_are_a_bad_frame() -> None:
    with pytest.raises(BadFrame, match="4 registers came where 5"):
        decode((1, 2, 3, 4))


@pytest.mark.parametrize(("pv_variant", "first"), [(False, 0x0002), (True, 0x1002)])
def test_all_is_read_in_one_request(frozen: Clock, first: int, *, pv_variant: bool) -> None:
    slave = Slave()
    config = HuksefluxConfig(
        id="sun", driver="hukseflux", port="/dev/null", unit=7, pv_variant=pv_variant
    )
    Hukseflux(config, slave, frozen).read()
    assert slave.asked == [(7, first, 5)]


def test_the_factory_setting_is_the_default() -> None:
    config = HuksefluxConfig(id="sun", driver="hukseflux", port="/dev/null")
    assert (config.baud, config.parity, config.unit) == (19200, "E", 1)
