"""Bosch's own example as numbers; what is written to the chip, and what a wrong chip says."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.drivers.bme280 import SKIPPED, Bme280, Bme280Config, Model, decode
from edge_gateway.drivers.formats.bosch_bme280 import Calibration, decode_calibration
from edge_gateway.links.errors import BadFrame, DeviceError, DeviceReset, Misconfigured
from edge_gateway.reading import Flag, Flagged, Measured, Quantity

TEMPERATURE, PRESSURE = Quantity.AIR_TEMPERATURE, Quantity.AIR_PRESSURE
HUMIDITY = Quantity.RELATIVE_HUMIDITY

# One chip's registers 0x88, 0xE1 and 0xF7.
LOW = bytes.fromhex("706b436718fc7d8e43d6d00b270b8c00f9ff8c3cf8c67017004b")
HIGH = bytes.fromhex("6a01001328031e")
DATA = bytes.fromhex("655ac07eed007530")


class Chip:
    """Registers with that chip's values, and a list of what was written to them.

    `stuck` bits of the status register never clear; `forgets` loses the settings once, behind
    the next command to measure.
    """

    def __init__(self, chip_id: int = 0x60, data: bytes = DATA) -> None:
        self.chip_id, self.data = chip_id, data
        self.stuck = 0
        self.forgets = False
        self.written: list[tuple[int, int]] = []
        self.slept_s = 0.0
        self.calibrations_read = 0
        self.power_up()

    def power_up(self) -> None:
        self.held = bytearray(256)
        self.held[0x88 : 0x88 + len(LOW)] = LOW
        self.held[0xD0] = self.chip_id
        if self.chip_id == 0x60:
            self.held[0xE1 : 0xE1 + len(HIGH)] = HIGH
        self.held[0xF3] = self.stuck

    def write(self, address: int, data: bytes) -> None:
        assert address == 0x76
        register, value = data
        self.written.append((register, value))
        if register == 0xE0:
            self.power_up()
        elif register == 0xF4 and value & 1:
            if self.forgets:
                self.power_up()
                self.forgets = False
            self.held[0xF4] = value & ~1
            self.held[0xF7 : 0xF7 + len(self.data)] = self.data
        else:
            self.held[register] = value

    def write_read(self, address: int, data: bytes, count: int) -> bytes:
        assert address == 0x76
        self.calibrations_read += data == b"\x88"
        return bytes(self.held[data[0] : data[0] + count])

    def read(self, address: int, count: int) -> bytes:
        raise AssertionError(f"a read without register: {address} {count}")

    def sleep(self, seconds: float) -> None:
        self.slept_s += seconds

    def close(self) -> None: ...


def driver(chip: Chip, model: Model = "bme280") -> Bme280:
    return Bme280(Bme280Config(id="air", driver="bme280", model=model), chip, chip)


def reason(measured: Measured, quantity: Quantity) -> str:
    found = measured[quantity]
    assert isinstance(found, Flagged)
    assert found.flag is Flag.MISSING
    assert math.isnan(found.value)
    return found.reason


@pytest.fixture
def calibration() -> Calibration:
    return decode_calibration(LOW, HIGH)


def test_the_example_of_the_references_is_read(calibration: Calibration) -> None:
    assert decode(DATA, calibration) == {
        TEMPERATURE: pytest.approx(25.08247793, abs=1e-8),
        PRESSURE: pytest.approx(100653.258, abs=1e-3),
        HUMIDITY: pytest.approx(55.35663, abs=1e-5),
    }


def test_h4_and_h5_are_signed_and_share_a_byte() -> None:
    # -1 * 16 + 15 and -128 * 16 + 2
    h = decode_calibration(LOW, bytes.fromhex("6a0100 ff 2f 80 1e")).h
    assert (h[3], h[4]) == (-1, -2046)


def test_a_skipped_pressure_is_missing_alone(calibration: Calibration) -> None:
    measured = decode(b"\x80\x00\x00" + DATA[3:], calibration)
    assert reason(measured, PRESSURE) == SKIPPED
    assert measured[TEMPERATURE] == pytest.approx(25.08247793)
    assert measured[HUMIDITY] == pytest.approx(55.35663)


def test_a_skipped_humidity_is_missing_alone(calibration: Calibration) -> None:
    measured = decode(DATA[:6] + b"\x80\x00", calibration)
    assert reason(measured, HUMIDITY) == SKIPPED
    assert measured[PRESSURE] == pytest.approx(100653.258, abs=1e-3)


def test_without_a_temperature_nothing_can_be_compensated(calibration: Calibration) -> None:
    measured = decode(DATA[:3] + b"\x80\x00\x00" + DATA[6:], calibration)
    assert reason(measured, TEMPERATURE) == SKIPPED
    assert reason(measured, PRESSURE) == "no temperature to compensate it by"
    assert reason(measured, HUMIDITY) == "no temperature to compensate it by"


def test_a_value_beyond_the_chip_fails_and_is_no_limit_value(calibration: Calibration) -> None:
    measured = decode(DATA[:3] + b"\xff\xff\xf0" + DATA[6:], calibration)
    found = measured[TEMPERATURE]
    assert isinstance(found, Flagged)
    assert found.flag is Flag.FAIL
    assert found.value > 150.0


@pytest.mark.parametrize("data", [b"", DATA[:7], DATA + b"\x00", bytes(8), b"\xff" * 8])
def test_half_an_answer_or_a_blank_one_is_a_bad_frame(
    data: bytes, calibration: Calibration
) -> None:
    with pytest.raises(BadFrame, match="BME280 data of"):
        decode(data, calibration)


@pytest.mark.parametrize("low", [bytes(26), b"\xff" * 26])
def test_a_chip_without_calibration_is_a_bad_frame(low: bytes) -> None:
    with pytest.raises(BadFrame, match="holds no calibration"):
        decode_calibration(low, HIGH)


@given(
    st.binary(max_size=28) | st.binary(min_size=26, max_size=26),
    st.binary(max_size=8) | st.binary(min_size=7, max_size=7),
    st.binary(max_size=9) | st.binary(min_size=8, max_size=8),
)
def test_any_bytes_are_numbers_or_one_of_the_four(low: bytes, high: bytes, data: bytes) -> None:
    with contextlib.suppress(DeviceError):
        assert {TEMPERATURE, PRESSURE} <= set(decode(data, decode_calibration(low, high)))


def test_humidity_control_is_written_before_the_command_that_lets_it_act() -> None:
    chip = Chip()
    driver(chip).read()
    registers = [register for register, _ in chip.written]
    assert registers.index(0xF2) < registers.index(0xF4)
    # forced mode, each value once: 001 001 01
    assert dict(chip.written)[0xF4] == 0x25
    assert dict(chip.written)[0xF2] == 0x01


def test_the_longest_conversion_is_waited_for() -> None:
    chip = Chip()
    sensor = driver(chip)
    sensor.read()
    begun_s = chip.slept_s
    sensor.read()
    assert 0.0093 <= chip.slept_s - begun_s < 0.02


def test_calibration_is_read_once_and_twice_alike() -> None:
    chip = Chip()
    sensor = driver(chip)
    for _ in range(3):
        sensor.read()
    assert chip.calibrations_read == 2


def test_a_chip_that_lost_its_settings_is_set_up_again_and_its_sample_dropped() -> None:
    chip = Chip()
    sensor = driver(chip)
    sensor.read()
    chip.forgets = True
    with pytest.raises(DeviceReset, match="supply"):
        sensor.read()
    assert sensor.read()[HUMIDITY] == pytest.approx(55.35663)


@pytest.mark.parametrize("bit", [0x01, 0x08])
def test_a_chip_that_stays_busy_is_a_bad_frame(bit: int) -> None:
    chip = Chip()
    chip.stuck = bit
    with pytest.raises(BadFrame, match=f"stays busy .*0x0{bit}"):
        driver(chip).read()


def test_a_bmp280_says_what_to_write() -> None:
    with pytest.raises(Misconfigured, match=r'0x76 is a BMP280.*write model = "bmp280"'):
        driver(Chip(0x58)).read()


def test_a_bmp280_that_was_announced_gives_what_it_has() -> None:
    measured = driver(Chip(0x58), "bmp280").read()
    assert measured == {
        TEMPERATURE: pytest.approx(25.08247793),
        PRESSURE: pytest.approx(100653.258, abs=1e-3),
    }


def test_a_bme280_announced_as_a_bmp280_is_told_too() -> None:
    with pytest.raises(Misconfigured, match='is a BME280: write model = "bme280"'):
        driver(Chip(0x60), "bmp280").read()


def test_another_chip_at_the_address_is_a_wrong_setting() -> None:
    with pytest.raises(Misconfigured, match=r"no BME280 \(chip id 0x61\)"):
        driver(Chip(0x61)).read()


@pytest.mark.parametrize("chip_id", [0x00, 0xFF])
def test_a_blank_chip_id_is_no_reason_to_give_up(chip_id: int) -> None:
    with pytest.raises(BadFrame, match="gives no chip id"):
        driver(Chip(chip_id)).read()


def test_a_chip_id_that_was_read_wrong_once_is_no_reason_to_give_up() -> None:
    chip = Chip()
    readings = iter((b"\x61", b"\x60"))

    def flipped(address: int, data: bytes, count: int) -> bytes:
        if data == b"\xd0":
            return next(readings)
        return Chip.write_read(chip, address, data, count)

    chip.write_read = flipped
    with pytest.raises(BadFrame, match="readings in a row differ: 61, 60"):
        driver(chip).read()
