"""Voltages as sensors mean them, by hand; what is asked of the converter, and how long."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_gateway.drivers.ads1115 import Ads1115, Ads1115Config, ChannelConfig, decode
from edge_gateway.drivers.formats.ads1115_config import configuration
from edge_gateway.links.errors import BadFrame, DeviceError, DeviceReset
from edge_gateway.reading import Flag, Flagged, Measurand, Quantity

PYRANOMETER = {
    "kind": "pyranometer",
    "input": "AIN0-AIN1",
    "full_scale_mv": 256,
    "sensitivity_uv_per_w_m2": 10.0,
}
LOOP = {
    "kind": "current_loop",
    "input": "AIN2",
    "full_scale_mv": 4096,
    "quantity": "air_temperature",
    "shunt_ohm": 100.0,
    "value_low": -40.0,
    "value_high": 60.0,
}
VOLTAGE = {
    "kind": "voltage",
    "input": "AIN2",
    "quantity": "relative_humidity",
    "low_v": 0.0,
    "high_v": 1.0,
    "value_low": 0.0,
    "value_high": 100.0,
}
VANE = {"kind": "vane", "input": "AIN3", "full_scale_mv": 4096, "reference_v": 2.048}


def channel(table: dict[str, Any], **changes: object) -> ChannelConfig:
    return ChannelConfig.model_validate(table | changes)


def counts(volts: float, full_scale_mv: int = 4096) -> bytes:
    return round(volts * 1000 / full_scale_mv * 32768).to_bytes(2, signed=True)


def flagged(found: float | Flagged) -> tuple[Flag, str]:
    assert isinstance(found, Flagged)
    return found.flag, found.reason


def value(found: float | Flagged) -> float:
    return found.value if isinstance(found, Flagged) else found


# At +-256 mV a count is 7.8125 uV, with 10 uV per W/m2 0.78125 W/m2.
@pytest.mark.parametrize(("raw", "irradiance"), [(1280, 1000.0), (0, 0.0), (-2, -1.5625)])
def test_a_pyranometer_is_divided_by_its_sensitivity(raw: int, irradiance: float) -> None:
    data = raw.to_bytes(2, signed=True)
    assert decode(data, channel(PYRANOMETER)) == pytest.approx(irradiance)


# 100 ohm: 0.4 V is 4 mA, 1.2 V 12 mA, 2.0 V 20 mA.
@pytest.mark.parametrize(("volts", "degrees"), [(0.4, -40.0), (1.2, 10.0), (2.0, 60.0)])
def test_a_current_loop_is_mapped_from_4_to_20_ma(volts: float, degrees: float) -> None:
    assert decode(counts(volts), channel(LOOP)) == pytest.approx(degrees, abs=0.01)


@pytest.mark.parametrize(
    ("current_ma", "flag", "says"),
    [
        (0.0, Flag.FAIL, "below 3.6 mA: wire broken"),
        (3.55, Flag.FAIL, "below 3.6 mA: wire broken"),
        (3.7, Flag.SUSPECT, "end of its range"),
        (20.8, Flag.SUSPECT, "end of its range"),
        (21.1, Flag.FAIL, "above 21 mA: short circuit"),
    ],
)
def test_a_transmitter_that_cannot_measure_says_so(
    current_ma: float, flag: Flag, says: str
) -> None:
    found, reason = flagged(decode(counts(current_ma / 10), channel(LOOP)))
    assert found is flag
    assert says in reason


@pytest.mark.parametrize("current_ma", [3.85, 20.45])
def test_a_little_beyond_4_and_20_ma_is_measured(current_ma: float) -> None:
    assert isinstance(decode(counts(current_ma / 10), channel(LOOP)), float)


def test_a_voltage_is_mapped_over_its_span() -> None:
    table = VOLTAGE | {"low_v": 0.5, "high_v": 2.5, "value_low": 10.0, "value_high": 20.0}
    assert decode(counts(1.0), channel(table)) == pytest.approx(12.5, abs=1e-3)


@pytest.mark.parametrize("volts", [-0.03, 1.03])
def test_a_voltage_outside_its_span_fails_and_is_kept(volts: float) -> None:
    found = decode(counts(volts), channel(VOLTAGE))
    assert flagged(found) == (Flag.FAIL, "outside the device's range")
    assert value(found) == pytest.approx(100 * volts, abs=0.02)


# A quarter of the reference is a quarter of the circle.
@pytest.mark.parametrize(("volts", "degrees"), [(0.512, 90.0), (1.024, 180.0), (1.536, 270.0)])
def test_a_vane_is_its_share_of_the_reference(volts: float, degrees: float) -> None:
    assert decode(counts(volts), channel(VANE)) == pytest.approx(degrees)


def test_a_vane_s_north_mark_may_point_elsewhere() -> None:
    turned = channel(VANE, north_offset_deg=100.0)
    assert decode(counts(1.536), turned) == pytest.approx(10.0)


# 5 degrees of 360 over 2.048 V: the gap reaches 14.2 mV from each end.
@pytest.mark.parametrize("volts", [0.0, 0.013, 2.035, 2.048, -0.001])
def test_a_vane_in_its_gap_points_to_its_mark(volts: float) -> None:
    assert decode(counts(volts), channel(VANE)) == 0.0


def test_a_vane_beyond_its_reference_fails() -> None:
    flag, reason = flagged(decode(counts(2.2), channel(VANE)))
    assert flag is Flag.FAIL
    assert "is reference_v right?" in reason


@given(st.integers(-0x8000, 0x7FFF), st.floats(-360, 360))
def test_a_direction_stays_below_360(raw: int, offset: float) -> None:
    turned = channel(VANE, north_offset_deg=offset)
    assert 0.0 <= value(decode(raw.to_bytes(2, signed=True), turned)) < 360.0


def test_a_direction_over_a_current_loop_folds_360_to_0() -> None:
    table = LOOP | {"quantity": "wind_direction", "value_low": 0.0, "value_high": 360.0}
    # 2.0 V is 16000 counts exactly
    assert decode(b"\x3e\x80", channel(table)) == 0.0


@pytest.mark.parametrize("data", [b"\x7f\xff", b"\x80\x00"])
@pytest.mark.parametrize("table", [PYRANOMETER, LOOP, VOLTAGE, VANE])
def test_a_saturated_converter_is_over_range(data: bytes, table: dict[str, Any]) -> None:
    flag, reason = flagged(decode(data, channel(table)))
    assert flag is Flag.FAIL
    assert reason.startswith("over_range")


@given(
    st.binary(max_size=4) | st.binary(min_size=2, max_size=2),
    st.sampled_from([PYRANOMETER, LOOP, VOLTAGE, VANE]),
)
def test_any_bytes_are_a_number_or_one_of_the_four(data: bytes, table: dict[str, Any]) -> None:
    with contextlib.suppress(DeviceError):
        value(decode(data, channel(table)))


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"kind": "pyranometer", "input": "AIN0"}, "needs sensitivity_uv_per_w_m2"),
        (VANE | {"shunt_ohm": 100.0}, "a vane channel takes no shunt_ohm"),
        (VOLTAGE | {"high_v": 0.0}, "low_v and high_v are both 0"),
        (VOLTAGE | {"quantity": "people"}, "people comes from no transmitter"),
        (VANE | {"input": "AIN1-AIN2"}, "Input should be 'AIN0'"),
        (VANE | {"full_scale_mv": 5000}, "Input should be 6144"),
    ],
)
def test_a_channel_that_makes_no_sense_says_why(table: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        channel(table)


def config(*channels: dict[str, Any]) -> Ads1115Config:
    table = {"id": "adc", "driver": "ads1115", "rate_sps": 250, "channel": channels}
    return Ads1115Config.model_validate(table)


def test_two_channels_of_one_quantity_need_names() -> None:
    with pytest.raises(ValidationError, match="2 channels give wind_direction: give each a name"):
        config(VANE, VANE | {"input": "AIN2"})
    named = config(VANE | {"name": "north"}, VANE | {"input": "AIN2", "name": "south"})
    assert [one.measurand.channel for one in named.channel] == ["north", "south"]


def test_at_least_one_channel_is_needed() -> None:
    with pytest.raises(ValidationError, match="nothing is connected"):
        config()


# start, AIN0-AIN1, +-0.256 V, once, 250 a second, latch, no comparator: 1 000 101 1 101 00111
def test_the_configuration_register_is_the_data_sheet_s() -> None:
    assert configuration("AIN0-AIN1", 256, 250) == 0b1_000_101_1_101_00111


class Converter:
    """Two registers. Behind each command it is busy for `polls` looks."""

    def __init__(self, *, polls: int = 2) -> None:
        self.polls, self.left = polls, 0
        self.config, self.conversion = 0x8583, 0
        self.written: list[int] = []
        self.slept_s: list[float] = []

    def write(self, address: int, data: bytes) -> None:
        assert (address, data[0]) == (0x48, 1)
        self.config = int.from_bytes(data[1:])
        self.written.append(self.config)
        self.left = self.polls

    def write_read(self, address: int, data: bytes, count: int) -> bytes:
        assert (address, count) == (0x48, 2)
        if data == b"\x00":
            return self.conversion.to_bytes(2)
        busy, self.left = self.left > 0, max(0, self.left - 1)
        return (self.config & 0x7FFF if busy else self.config).to_bytes(2)

    def read(self, address: int, count: int) -> bytes:
        raise AssertionError(f"a read without register: {address} {count}")

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)

    def close(self) -> None: ...


def test_every_channel_is_converted_with_its_own_gain() -> None:
    converter = Converter()
    converter.conversion = 1280
    adc = Ads1115(config(PYRANOMETER, VANE), converter, converter)
    # 1280 counts of 125 uV are 0.16 V, 28.125 degrees of 2.048 V
    assert adc.read() == {
        Measurand(Quantity.GLOBAL_IRRADIANCE): pytest.approx(1000.0),
        Measurand(Quantity.WIND_DIRECTION): pytest.approx(28.125),
    }
    assert len(converter.written) == 2


def test_the_end_of_a_conversion_is_polled_for() -> None:
    converter = Converter(polls=3)
    Ads1115(config(VANE), converter, converter).read()
    # 1/250 s with 10 % either way
    assert 0.0036 <= sum(converter.slept_s) < 0.0052


def test_a_conversion_that_does_not_end_is_a_bad_frame() -> None:
    converter = Converter(polls=1000)
    with pytest.raises(BadFrame, match="0x48 stays busy"):
        Ads1115(config(VANE), converter, converter).read()
    assert sum(converter.slept_s) < 0.01


def test_a_converter_that_is_still_busy_is_not_asked_again() -> None:
    converter = Converter(polls=1000)
    adc = Ads1115(config(VANE), converter, converter)
    for _ in range(2):
        with pytest.raises(BadFrame, match="0x48 stays busy"):
            adc.read()
    assert len(converter.written) == 1


def test_a_converter_that_was_reset_between_two_polls_is_told() -> None:
    converter = Converter()
    adc = Ads1115(config(VANE), converter, converter)
    adc.read()
    converter.config = 0x8583
    with pytest.raises(DeviceReset, match="lost its configuration"):
        adc.read()
    assert adc.read()


def test_a_configuration_of_somebody_else_is_no_measurement() -> None:
    converter = Converter()
    adc = Ads1115(config(VANE), converter, converter)
    adc.read()
    converter.config = 0xC383
    with pytest.raises(BadFrame, match=r"0xc383 where 0xf3a7 was written: .*another program"):
        adc.read()


def test_no_configuration_of_ours_is_the_one_after_a_reset() -> None:
    assert configuration("AIN0-AIN1", 2048, 128) != 0x8583
