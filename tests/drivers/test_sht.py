"""Answers of the data sheets as numbers; the formulas against Sensirion's own library."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sensirion_i2c_driver import CrcCalculator
from sensirion_i2c_sht.sht3x.response_types import Sht3xHumidity, Sht3xTemperature
from sensirion_i2c_sht.sht4x.response_types import Sht4xHumidity, Sht4xTemperature

from edge_gateway.drivers.sht import Model, Sht, ShtConfig, decode
from edge_gateway.links.errors import BadFrame, DeviceError, DeviceReset
from edge_gateway.reading import Flag, Flagged, Quantity

TEMPERATURE, HUMIDITY = Quantity.AIR_TEMPERATURE, Quantity.RELATIVE_HUMIDITY
MODELS: tuple[Model, ...] = ("sht4x", "sht3x")

oracle_crc = CrcCalculator(8, 0x31, 0xFF)


def answer(raw_temperature: int, raw_humidity: int) -> bytes:
    words = (raw_temperature.to_bytes(2), raw_humidity.to_bytes(2))
    return b"".join(word + bytes((oracle_crc(word),)) for word in words)


def value(measured: float | Flagged) -> float:
    return measured.value if isinstance(measured, Flagged) else measured


@pytest.mark.parametrize(
    ("data", "model", "temperature", "humidity"),
    [
        ("66 66 93 7f ff 8f", "sht3x", 25.000, 49.999),
        ("66 66 93 7f ff 8f", "sht4x", 25.000, 56.499),
        ("5a 3c 30 a1 b2 57", "sht3x", 16.6846, 63.1632),
        ("5a 3c 30 a1 b2 57", "sht4x", 16.6846, 72.9540),
    ],
)
def test_answers_of_the_references_are_read(
    data: str, model: Model, temperature: float, humidity: float
) -> None:
    assert decode(bytes.fromhex(data), model) == {
        TEMPERATURE: pytest.approx(temperature, abs=1e-3),
        HUMIDITY: pytest.approx(humidity, abs=1e-3),
    }


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_sht4x_agrees_with_sensirions_library(ticks_t: int, ticks_rh: int) -> None:
    measured = decode(answer(ticks_t, ticks_rh), "sht4x")
    assert value(measured[TEMPERATURE]) == pytest.approx(Sht4xTemperature(ticks_t).degrees_celsius)
    cropped = min(100.0, max(0.0, Sht4xHumidity(ticks_rh).percent_rh))
    assert measured[HUMIDITY] == pytest.approx(cropped, abs=1e-9)


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_sht3x_agrees_with_sensirions_library(ticks_t: int, ticks_rh: int) -> None:
    measured = decode(answer(ticks_t, ticks_rh), "sht3x")
    assert value(measured[TEMPERATURE]) == pytest.approx(Sht3xTemperature(ticks_t).degrees_celsius)
    assert measured[HUMIDITY] == pytest.approx(Sht3xHumidity(ticks_rh).percent_rh)


@pytest.mark.parametrize(("raw", "cropped"), [(0x0000, 0.0), (0xFFFF, 100.0)])
def test_sht4x_humidity_beyond_its_ends_is_cropped_by_the_data_sheet(
    raw: int, cropped: float
) -> None:
    assert decode(answer(0x6666, raw), "sht4x")[HUMIDITY] == cropped


@pytest.mark.parametrize(("raw", "degrees"), [(0x0000, -45.0), (0xFFFF, 130.0)])
def test_a_temperature_beyond_the_device_fails_alone(raw: int, degrees: float) -> None:
    measured = decode(answer(raw, 0x7FFF), "sht3x")
    assert measured[TEMPERATURE] == Flagged(degrees, Flag.FAIL, "outside the device's range")
    assert measured[HUMIDITY] == pytest.approx(49.999, abs=1e-3)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("66 66 92 7f ff 8f", "word 66 66 92 fails"),
        ("66 66 93 7f fe 8f", "word 7f fe 8f fails"),
        ("66 66 93", "of 3 bytes"),
        ("", "of 0 bytes"),
        ("ff ff ff ff ff ff", "all ff"),
        ("66 66 93 a3 ff ff", "breaks off"),
        ("00 00 00 00 00 00", "all 00"),
    ],
)
def test_a_spoilt_answer_is_a_bad_frame(data: str, says: str) -> None:
    with pytest.raises(BadFrame, match=says):
        decode(bytes.fromhex(data), "sht4x")


@given(st.binary(max_size=12) | st.binary(min_size=6, max_size=6), st.sampled_from(MODELS))
def test_any_bytes_are_numbers_or_one_of_the_four(data: bytes, model: Model) -> None:
    with contextlib.suppress(DeviceError):
        assert set(decode(data, model)) == {TEMPERATURE, HUMIDITY}


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.integers(0, 47))
def test_any_flipped_bit_is_a_bad_frame(ticks_t: int, ticks_rh: int, bit: int) -> None:
    data = bytearray(answer(ticks_t, ticks_rh))
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadFrame):
        decode(bytes(data))


class Talk:
    """A bus and a waiter that note what happens, in order; every measurement gives 25 degC."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self.asked: list[bytes | int] = []
        self.status = 0x0000

    def write(self, address: int, data: bytes) -> None:
        self.events.append((address, data))
        self.asked.append(data)

    def sleep(self, seconds: float) -> None:
        self.events.append(seconds)

    def read(self, address: int, count: int) -> bytes:
        self.events.append((address, count))
        self.asked.append(count)
        if count == 3:
            word = self.status.to_bytes(2)
            return word + bytes((oracle_crc(word),))
        return bytes.fromhex("66 66 93 7f ff 8f")

    def write_read(self, address: int, data: bytes, count: int) -> bytes:
        self.write(address, data)
        return self.read(address, count)

    def close(self) -> None: ...


# Data sheets: 8.3 ms (SHT4x) and 15.5 ms (SHT3x) are the longest conversions.
@pytest.mark.parametrize(
    ("model", "command", "longest_s"), [("sht4x", b"\xfd", 0.0083), ("sht3x", b"\x24\x00", 0.0155)]
)
def test_the_talk_is_command_wait_fetch(model: Model, command: bytes, longest_s: float) -> None:
    talk = Talk()
    config = ShtConfig(id="air", driver="sht", address=0x45, model=model)
    Sht(config, talk, talk).read()
    wrote, waited_s, fetched = talk.events[-3:]
    assert (wrote, fetched) == ((0x45, command), (0x45, 6))
    assert isinstance(waited_s, float)
    assert longest_s < waited_s < 0.05


def sht3x(talk: Talk) -> Sht:
    return Sht(ShtConfig(id="air", driver="sht", model="sht3x"), talk, talk)


def test_an_sht4x_is_only_asked_for_a_measurement() -> None:
    talk = Talk()
    Sht(ShtConfig(id="air", driver="sht"), talk, talk).read()
    assert len(talk.events) == 3


def test_an_sht3x_begins_with_a_clear_status_and_its_heater_off() -> None:
    talk = Talk()
    talk.status = 0x8010  # as after power-up
    sht3x(talk).read()
    assert talk.asked[:4] == [b"\xf3\x2d", 3, b"\x30\x41", b"\x30\x66"]


def test_an_sht3x_that_is_well_is_measured_at_once() -> None:
    talk = Talk()
    sensor = sht3x(talk)
    sensor.read()
    talk.asked.clear()
    sensor.read()
    assert talk.asked == [b"\xf3\x2d", 3, b"\x24\x00", 6]


@pytest.mark.parametrize(
    ("status", "says"), [(0x0010, "has restarted"), (0x2000, "was left heating")]
)
def test_an_sht3x_that_restarted_or_heats_is_set_up_again(status: int, says: str) -> None:
    talk = Talk()
    sensor = sht3x(talk)
    sensor.read()
    talk.asked.clear()
    talk.status = status
    with pytest.raises(DeviceReset, match=says):
        sensor.read()
    assert talk.asked == [b"\xf3\x2d", 3, b"\x30\x41", b"\x30\x66"]
    talk.status = 0x0000
    assert sensor.read()
