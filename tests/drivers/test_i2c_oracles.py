"""Drivers and simulated chips against other people's libraries for the same chips."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge_gateway.drivers import ads1115, bh1750, bme280, veml7700
from edge_gateway.drivers.formats import ads1115_config, veml_light
from edge_gateway.drivers.formats.bosch_bme280 import decode_calibration
from edge_gateway.reading import Flagged, Quantity
from edge_gateway.twins.ads1115 import Ads1115Twin
from edge_gateway.twins.bme280 import HUMIDITY_TRIMMING, TRIMMING, Bme280Twin
from edge_gateway.twins.i2c_bus import I2cChip
from edge_gateway.twins.veml7700 import LUX_PER_W_M2, Veml7700Twin
from edge_gateway.twins.weather import WeatherScene

WHY = "needs Adafruit's and RPi.bme280's libraries: see requirements/test.lock"
for module in ("micropython", "circuitpython_typing", "pytz"):
    pytest.importorskip(module, reason=WHY)
for module in ("adafruit_bme280", "adafruit_ads1x15", "adafruit_veml7700", "adafruit_bh1750"):
    pytest.importorskip(module, reason=WHY)
pytest.importorskip("bme280", reason=WHY)

# Where they are missing the lines above skip this file.
import bme280 as rpi_bme280  # noqa: E402
from adafruit_ads1x15.ads1115 import ADS1115  # noqa: E402
from adafruit_ads1x15.analog_in import AnalogIn  # noqa: E402
from adafruit_bh1750 import BH1750, Resolution  # noqa: E402
from adafruit_bme280.basic import Adafruit_BME280_I2C  # noqa: E402
from adafruit_veml7700 import VEML7700  # noqa: E402

COUNTS = st.integers(0, 0xFFFF)


class Memory:
    """A chip that keeps what is written: registers of `width` bytes."""

    def __init__(self, width: int = 1) -> None:
        self.width, self.place, self.held = width, 0, bytearray(256 * width)

    def put(self, register: int, data: bytes) -> None:
        self.held[register * self.width : register * self.width + len(data)] = data

    def write(self, data: bytes) -> None:
        self.place = data[0]
        self.put(self.place, data[1:])

    def read(self, count: int) -> bytes:
        return bytes(self.held[self.place * self.width :][:count])

    def power_up(self) -> None: ...


class Busio:
    """CircuitPython's bus with one chip on it, whatever the address."""

    def __init__(self, chip: I2cChip) -> None:
        self.chip = chip

    def try_lock(self) -> bool:
        return True

    def unlock(self) -> None: ...

    def writeto(self, _: int, data: bytes, *, start: int = 0, end: int | None = None) -> None:
        if data[start:end]:  # the empty write that probes for a chip
            self.chip.write(bytes(data[start:end]))

    def readfrom_into(
        self, _: int, into: bytearray, *, start: int = 0, end: int | None = None
    ) -> None:
        end = len(into) if end is None else end
        into[start:end] = self.chip.read(end - start)

    def writeto_then_readfrom(
        self,
        address: int,
        out: bytes,
        into: bytearray,
        *,
        out_start: int = 0,
        out_end: int | None = None,
        in_start: int = 0,
        in_end: int | None = None,
    ) -> None:
        self.writeto(address, out, start=out_start, end=out_end)
        self.readfrom_into(address, into, start=in_start, end=in_end)


class Trimming:
    """What RPi.bme280 reads calibration through."""

    def __init__(self, low: bytes, high: bytes) -> None:
        self.held = dict(enumerate(low, 0x88)) | dict(enumerate(high, 0xE1))

    def read_byte_data(self, address: int, register: int) -> int:
        del address
        return self.held[register]

    def read_word_data(self, address: int, register: int) -> int:
        del address
        return self.held[register] | self.held[register + 1] << 8


def bme280_memory(low: bytes, high: bytes, data: bytes) -> Memory:
    memory = Memory()
    memory.put(0xD0, b"\x60")
    memory.put(0x88, low)
    memory.put(0xE1, high)
    memory.put(0xF7, data)
    return memory


def value(measured: float | Flagged) -> float:
    return measured.value if isinstance(measured, Flagged) else measured


@pytest.fixture
def advancing() -> itertools.count[float]:
    """A time that passes a tenth of a second with every look at it."""
    return itertools.count(100.0, 0.1)


def bme280_data(temperature: int, pressure: int, humidity: int) -> bytes:
    return (pressure << 4).to_bytes(3) + (temperature << 4).to_bytes(3) + humidity.to_bytes(2)


# Raw values some way inside the specified range of the chip these trimming values come from.
@given(st.integers(0x60000, 0x9FFFF), st.integers(0x40000, 0x8FFFF), st.integers(0x5000, 0x9FFF))
def test_bme280_agrees_with_rpi_bme280(temperature: int, pressure: int, humidity: int) -> None:
    assume(temperature != 0x80000 and pressure != 0x80000 and humidity != 0x8000)
    data = bme280_data(temperature, pressure, humidity)
    calibration = decode_calibration(TRIMMING, HUMIDITY_TRIMMING)
    measured = bme280.decode(data, calibration)
    oracle = rpi_bme280.compensated_readings(
        rpi_bme280.uncompensated_readings(data),
        rpi_bme280.load_calibration_params(Trimming(TRIMMING, HUMIDITY_TRIMMING), 0x76),
    )
    assert value(measured[Quantity.AIR_TEMPERATURE]) == pytest.approx(oracle.temperature)
    # It does not cut t_fine to a whole number as Bosch does: 0.001 hPa.
    assert value(measured[Quantity.AIR_PRESSURE]) == pytest.approx(oracle.pressure * 100, abs=0.1)
    assert measured[Quantity.RELATIVE_HUMIDITY] == pytest.approx(oracle.humidity, abs=1e-3)


@given(
    low=st.binary(min_size=26, max_size=26),
    high=st.binary(min_size=7, max_size=7),
    data=st.builds(bme280_data, st.integers(0, 0xFFFFF), st.integers(0, 0xFFFFF), COUNTS),
)
def test_bme280_agrees_with_adafruits_library_for_any_chip(
    low: bytes, high: bytes, data: bytes
) -> None:
    assume(not any(len(set(part)) == 1 for part in (low, data)))
    measured = bme280.decode(data, decode_calibration(low, high))
    known = {
        quantity: value(found)
        for quantity, found in measured.items()
        if not math.isnan(value(found))
    }
    oracle = Adafruit_BME280_I2C(Busio(bme280_memory(low, high, data)), 0x76)
    if Quantity.AIR_TEMPERATURE in known:
        # It gives t_fine, cut to a whole number, / 5120.
        assert known[Quantity.AIR_TEMPERATURE] == pytest.approx(oracle.temperature, abs=2e-4)
    if Quantity.AIR_PRESSURE in known:
        assert known[Quantity.AIR_PRESSURE] == pytest.approx(oracle.pressure * 100, rel=1e-9)
    if Quantity.RELATIVE_HUMIDITY in known:
        assert known[Quantity.RELATIVE_HUMIDITY] == pytest.approx(oracle.humidity, abs=1e-9)


def test_adafruits_library_reads_the_simulated_bme280(
    scene: WeatherScene, advancing: itertools.count[float]
) -> None:
    twin = Bme280Twin(scene, air_pressure_pa=99_500.0, seconds=lambda: next(advancing))
    sensor = Adafruit_BME280_I2C(Busio(twin), 0x76)
    weather = scene.at(next(advancing))
    # 16 of 20 bits: some 0.005 K and 0.2 Pa; the scene moves a little meanwhile
    assert sensor.temperature == pytest.approx(weather.air_temperature, abs=0.05)
    assert sensor.humidity == pytest.approx(weather.relative_humidity, abs=0.2)
    assert sensor.pressure == pytest.approx(995.0, abs=0.05)


@pytest.mark.parametrize(
    ("inputs", "pins"),
    [("AIN0", (0,)), ("AIN3", (3,)), ("AIN0-AIN1", (0, 1)), ("AIN2-AIN3", (2, 3))],
)
@pytest.mark.parametrize(
    ("full_scale_mv", "gain"),
    [(6144, 2 / 3), (4096, 1), (2048, 2), (1024, 4), (512, 8), (256, 16)],
)
def test_ads1115_asks_as_adafruits_library_does(
    inputs: ads1115_config.Input,
    pins: tuple[int, ...],
    full_scale_mv: ads1115_config.FullScale,
    gain: float,
) -> None:
    memory = Memory(2)
    memory.put(1, b"\x85\x83")
    assert AnalogIn(ADS1115(Busio(memory), gain, 860), *pins).voltage == 0.0
    config = ads1115_config.configuration(inputs, full_scale_mv, 860)
    assert config & ~ads1115_config.LATCH == int.from_bytes(memory.held[2:4])


@given(COUNTS, st.sampled_from([(6144, 2 / 3), (4096, 1), (2048, 2), (256, 16)]))
def test_ads1115_agrees_with_adafruits_library(
    counts: int, scale: tuple[ads1115_config.FullScale, float]
) -> None:
    full_scale_mv, gain = scale
    memory = Memory(2)
    memory.put(0, counts.to_bytes(2))
    memory.put(1, b"\x85\x83")
    channel = ads1115.ChannelConfig.model_validate(
        {
            "kind": "voltage",
            "input": "AIN0",
            "full_scale_mv": full_scale_mv,
            "quantity": "supply_voltage",
            "low_v": 0.0,
            "high_v": 1.0,
            "value_low": 0.0,
            "value_high": 1.0,
        }
    )
    oracle = AnalogIn(ADS1115(Busio(memory), gain), 0).voltage
    assert value(ads1115.decode(counts.to_bytes(2), channel)) == pytest.approx(oracle, abs=1e-12)


def test_adafruits_library_reads_the_simulated_ads1115(
    scene: WeatherScene, advancing: itertools.count[float]
) -> None:
    twin = Ads1115Twin(
        scene, {"AIN0": lambda _: 1.25, "AIN1": lambda _: 1.5}, seconds=lambda: next(advancing)
    )
    # half a step of 62.5 uV
    oracle = AnalogIn(ADS1115(Busio(twin), 2), 0, 1)
    assert oracle.voltage == pytest.approx(-0.25, abs=3.2e-5)


@pytest.fixture(scope="module")
def veml7700_oracle() -> VEML7700:
    return VEML7700(Busio(Memory(2)))


@given(
    counts=COUNTS,
    gain=st.sampled_from(list(veml_light.GAIN)),
    integration_ms=st.sampled_from(list(veml_light.INTEGRATION)),
)
def test_veml7700_agrees_with_adafruits_library(
    counts: int,
    gain: veml_light.Gain,
    integration_ms: veml_light.IntegrationTime,
    veml7700_oracle: VEML7700,
) -> None:
    oracle = veml7700_oracle
    factor, _ = veml_light.GAIN[gain]
    oracle.light_gain = next(c for c, f in oracle.gain_values.items() if f == factor)
    oracle.light_integration_time = next(
        c for c, ms in oracle.integration_time_values.items() if ms == integration_ms
    )
    measured = veml7700.decode(counts.to_bytes(2, "little"), gain, integration_ms)
    lux = oracle.compute_lux(counts, use_correction=gain in {"1/8", "1/4"})
    assert value(measured[Quantity.ILLUMINANCE]) == pytest.approx(lux)


def test_adafruits_library_reads_the_simulated_veml7700(
    scene: WeatherScene, advancing: itertools.count[float]
) -> None:
    sensor = VEML7700(Busio(Veml7700Twin(scene, seconds=lambda: next(advancing))))
    sensor.light_integration_time = 0xC  # 25 ms
    light = scene.at(next(advancing)).global_irradiance * LUX_PER_W_M2
    straight = sensor.lux
    corrected = sensor.compute_lux(round(straight / 2.1504), use_correction=True)
    assert corrected == pytest.approx(light, rel=0.02)


@pytest.fixture(scope="module")
def bh1750_memory() -> Memory:
    return Memory(2)


@pytest.fixture(scope="module")
def bh1750_oracle(bh1750_memory: Memory) -> BH1750:
    sensor = BH1750(Busio(bh1750_memory))
    sensor.resolution = Resolution.MID  # H-resolution mode; its default is mode 2, half the value
    return sensor


@given(counts=COUNTS)
def test_bh1750_agrees_with_adafruits_library(
    counts: int, bh1750_memory: Memory, bh1750_oracle: BH1750
) -> None:
    bh1750_memory.put(bh1750_memory.place, counts.to_bytes(2))
    measured = bh1750.decode(counts.to_bytes(2), 69)
    assert value(measured[Quantity.ILLUMINANCE]) == pytest.approx(bh1750_oracle.lux)
