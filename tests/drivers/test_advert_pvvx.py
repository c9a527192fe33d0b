"""The formats of pvvx and atc1441, from their layouts; they have no published vectors."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.drivers.formats.pvvx import decode
from edge_gateway.links.errors import BadFrame, DeviceError
from edge_gateway.reading import Flag, Flagged, Quantity

TEMPERATURE, HUMIDITY = Quantity.AIR_TEMPERATURE, Quantity.RELATIVE_HUMIDITY
BATTERY = Quantity.BATTERY_VOLTAGE
# 21.5 degC is 0x0866 in hundredths and 0x00d7 in tenths; 45.12 % is 0x11a0; 2911 mV is 0x0b5f.
PVVX = "563412ccbbaa" + "6608" + "a011" + "5f0b" + "58" + "2a" + "04"
ATC = "aabbcc123456" + "00d7" + "2d" + "58" + "0b5f" + "2a"


def value(measured: float | Flagged) -> float:
    return measured.value if isinstance(measured, Flagged) else measured


def test_the_custom_format_is_read() -> None:
    sample = decode(bytes.fromhex(PVVX))
    assert sample.mark == 0x2A
    assert sample.measured == {
        TEMPERATURE: pytest.approx(21.5),
        HUMIDITY: pytest.approx(45.12),
        BATTERY: pytest.approx(2.911),
    }


def test_the_format_of_atc1441_is_read() -> None:
    sample = decode(bytes.fromhex(ATC))
    assert sample.mark == 0x2A
    assert sample.measured == {
        TEMPERATURE: pytest.approx(21.5),
        HUMIDITY: 45.0,
        BATTERY: pytest.approx(2.911),
    }


@pytest.mark.parametrize(
    ("text", "degrees"),
    # -12.34 degC is 0xfb2e in hundredths, -12.3 is 0xff85 in tenths.
    [(PVVX[:12] + "2efb" + PVVX[16:], -12.34), (ATC[:12] + "ff85" + ATC[16:], -12.3)],
)
def test_frost_is_read(text: str, degrees: float) -> None:
    assert decode(bytes.fromhex(text)).measured[TEMPERATURE] == pytest.approx(degrees)


def test_humidity_above_100_is_flagged_and_not_clamped() -> None:
    measured = decode(bytes.fromhex(ATC[:16] + "65" + ATC[18:])).measured
    assert measured[HUMIDITY] == Flagged(101.0, Flag.FAIL, "outside the device's range")
    assert measured[TEMPERATURE] == pytest.approx(21.5)


@pytest.mark.parametrize("length", [0, 12, 14, 16])
def test_another_length_is_a_bad_frame(length: int) -> None:
    with pytest.raises(BadFrame, match="neither pvvx"):
        decode(bytes(length))


@given(st.integers(-0x8000, 0x7FFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_the_custom_format_holds_its_whole_range(cel: int, rh: int, millivolts: int) -> None:
    data = bytes(6) + cel.to_bytes(2, "little", signed=True) + rh.to_bytes(2, "little")
    measured = decode(data + millivolts.to_bytes(2, "little") + bytes(3)).measured
    assert value(measured[TEMPERATURE]) == pytest.approx(cel / 100)
    assert value(measured[HUMIDITY]) == pytest.approx(rh / 100)
    assert measured[BATTERY] == pytest.approx(millivolts / 1000)


@given(st.integers(-0x8000, 0x7FFF), st.integers(0, 255), st.integers(0, 0xFFFF))
def test_the_format_of_atc1441_holds_its_whole_range(cel: int, rh: int, millivolts: int) -> None:
    data = bytes(6) + cel.to_bytes(2, "big", signed=True) + bytes((rh, 88))
    measured = decode(data + millivolts.to_bytes(2, "big") + b"\x01").measured
    assert value(measured[TEMPERATURE]) == pytest.approx(cel / 10)
    assert value(measured[HUMIDITY]) == rh
    assert measured[BATTERY] == pytest.approx(millivolts / 1000)


@given(st.binary(max_size=31))
def test_any_bytes_are_numbers_or_one_of_the_four(data: bytes) -> None:
    with contextlib.suppress(DeviceError):
        assert set(decode(data).measured) == {TEMPERATURE, HUMIDITY, BATTERY}
