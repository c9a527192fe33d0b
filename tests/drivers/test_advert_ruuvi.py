"""RuuviTag data format 5: Ruuvi's own test vectors, and its ranges."""

from __future__ import annotations

import contextlib
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.drivers.formats.ruuvi import decode
from edge_gateway.links.errors import BadFrame, DeviceError
from edge_gateway.reading import Flag, Flagged, Quantity

TEMPERATURE, HUMIDITY = Quantity.AIR_TEMPERATURE, Quantity.RELATIVE_HUMIDITY
PRESSURE, BATTERY = Quantity.AIR_PRESSURE, Quantity.BATTERY_VOLTAGE
# ruuvi-sensor-protocols, dataformat_05: "valid data", "maximum", "minimum", "invalid values".
VALID = "0512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F"
MAXIMUM = "057FFFFFFEFFFE7FFF7FFF7FFFFFDEFEFFFECBB8334C884F"
MINIMUM = "058001000000008001800180010000000000CBB8334C884F"
INVALID = "058000FFFFFFFF800080008000FFFFFFFFFFFFFFFFFFFFFF"


def value(measured: float | Flagged) -> float:
    return measured.value if isinstance(measured, Flagged) else measured


def vector(text: str) -> bytes:
    return bytes.fromhex(text)


def test_the_valid_vector_is_read() -> None:
    sample = decode(vector(VALID))
    assert sample.mark == 205
    assert sample.measured == {
        TEMPERATURE: pytest.approx(24.3),
        HUMIDITY: pytest.approx(53.49),
        PRESSURE: 100_044.0,
        BATTERY: pytest.approx(2.977),
    }


@pytest.mark.parametrize(
    ("text", "numbers", "mark"),
    [
        (MAXIMUM, (163.835, 163.835, 115_534.0, 3.646), 65534),
        (MINIMUM, (-163.835, 0.0, 50_000.0, 1.6), 0),
    ],
)
def test_the_ends_of_the_format_are_read(text: str, numbers: tuple[float, ...], mark: int) -> None:
    sample = decode(vector(text))
    got = [value(sample.measured[key]) for key in (TEMPERATURE, HUMIDITY, PRESSURE, BATTERY)]
    assert got == pytest.approx(numbers)
    assert sample.mark == mark


def test_what_is_not_available_is_missing_field_by_field() -> None:
    for measured in decode(vector(INVALID)).measured.values():
        assert isinstance(measured, Flagged)
        assert (measured.flag, measured.reason) == (Flag.MISSING, "not available")
        assert math.isnan(measured.value)


def test_without_a_sequence_the_payload_is_the_mark() -> None:
    assert decode(vector(INVALID)).mark == vector(INVALID)


def test_humidity_above_100_is_flagged_and_not_clamped() -> None:
    data = VALID[:6] + "9C41" + VALID[10:]  # 40001 * 0.0025
    measured = decode(vector(data)).measured
    assert measured[HUMIDITY] == Flagged(100.0025, Flag.FAIL, "outside the device's range")
    assert measured[TEMPERATURE] == pytest.approx(24.3)


@pytest.mark.parametrize(
    ("temperature", "is_flagged"), [(-8001, True), (-8000, False), (17000, False), (17001, True)]
)
def test_the_specified_range_is_minus_40_to_85(temperature: int, *, is_flagged: bool) -> None:
    data = b"\x05" + struct.pack(">h", temperature) + vector(VALID)[3:]
    assert isinstance(decode(data).measured[TEMPERATURE], Flagged) is is_flagged


@pytest.mark.parametrize("text", ["", VALID[:-2], VALID + "00", "03" + VALID[2:], VALID[:24]])
def test_another_length_or_format_is_a_bad_frame(text: str) -> None:
    with pytest.raises(BadFrame, match="no RuuviTag data format 5"):
        decode(vector(text))


@given(st.binary(max_size=48) | st.binary(min_size=24, max_size=24))
def test_any_bytes_are_numbers_or_one_of_the_four(data: bytes) -> None:
    with contextlib.suppress(DeviceError):
        assert set(decode(data).measured) == {TEMPERATURE, HUMIDITY, PRESSURE, BATTERY}
