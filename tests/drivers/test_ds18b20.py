"""Scratchpads of the data sheet as numbers, and the kernel's text in all its bad forms."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_gateway.drivers.ds18b20 import Ds18b20, Ds18b20Config, decode
from edge_gateway.drivers.formats.w1_slave import crc8_dallas
from edge_gateway.links.errors import BadFrame, DeviceError, DeviceReset
from edge_gateway.links.frames import crc8
from edge_gateway.reading import Flag, Flagged, Quantity

SURFACE = Quantity.SURFACE_TEMPERATURE
SLAVE = "28-0316a2795bff"


def reflected(byte: int) -> int:
    return int(f"{byte:08b}"[::-1], 2)


def crc_by_another_road(data: bytes) -> int:
    """The same polynomial the other way round: 0x31 over bytes whose bits are reversed."""
    return reflected(crc8(bytes(map(reflected, data)), polynomial=0x31, start=0))


def text(pad: bytes, *, verdict: str = "", shown: bytes = b"", t: int | None = None) -> bytes:
    """`w1_slave` as drivers/w1/slaves/w1_therm.c writes it."""
    crc = crc_by_another_road(pad[:8])
    said = verdict or ("YES" if crc == pad[8] else "NO")
    counts = int.from_bytes(pad[:2], "little", signed=True)
    millidegrees = int(counts * 1000 / 16) if t is None else t
    lines = f"{pad.hex(' ')} : crc={crc:02x} {said}\n{(shown or pad).hex(' ')} t={millidegrees}\n"
    return lines.encode()


def scratchpad(counts: int, *, configuration: int = 0x7F, mark: int = 0x0F) -> bytes:
    data = counts.to_bytes(2, "little", signed=True)
    data += bytes((0x4B, 0x46, configuration, 0xFF, mark, 0x10))
    return data + bytes((crc_by_another_road(data),))


def value(measured: float | Flagged) -> float:
    return measured.value if isinstance(measured, Flagged) else measured


def test_the_kernels_own_text_is_read() -> None:
    data = b"91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\n91 01 4b 46 7f ff 0f 10 25 t=25062\n"
    assert decode(data) == {SURFACE: 25.0625}


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        ("91 01 4b 46 7f ff 0f 10", 0x25),
        ("5e ff 4b 46 7f ff 02 10", 0xB6),
        ("50 05 4b 46 7f ff 0c 10", 0x1C),
        ("ff 07 4b 46 7f ff 0c 10", 0xA6),
        # Maxim application note 27: the ROM of its example, family 02.
        ("02 1c b8 01 00 00 00", 0xA2),
    ],
)
def test_checksums_of_the_references_come_out(data: str, crc: int) -> None:
    assert crc8_dallas(bytes.fromhex(data)) == crc


@given(st.binary(max_size=16))
def test_the_checksum_agrees_with_the_same_polynomial_the_other_way_round(data: bytes) -> None:
    assert crc8_dallas(data) == crc_by_another_road(data)


# Data sheet, table 1: temperature/data relationship.
@pytest.mark.parametrize(
    ("counts", "degrees"),
    [
        (0x07D0, 125.0),
        (0x0191, 25.0625),
        (0x00A2, 10.125),
        (0x0008, 0.5),
        (0x0000, 0.0),
        (-0x0008, -0.5),
        (-0x00A2, -10.125),
        (-0x0191, -25.0625),
        (-0x0370, -55.0),
    ],
)
def test_the_table_of_the_data_sheet_is_read(counts: int, degrees: float) -> None:
    assert decode(text(scratchpad(counts))) == {SURFACE: degrees}


@given(st.integers(-0x0370, 0x07D0).filter(lambda counts: counts != 0x0550))
def test_every_temperature_of_its_range_is_read(counts: int) -> None:
    assert decode(text(scratchpad(counts))) == {SURFACE: counts / 16}


@pytest.mark.parametrize(
    ("configuration", "step"), [(0x1F, 0.5), (0x3F, 0.25), (0x5F, 0.125), (0x7F, 0.0625)]
)
def test_bits_that_a_resolution_leaves_undefined_count_nothing(
    configuration: int, step: float
) -> None:
    pad = scratchpad(0x0197, configuration=configuration)  # 25.4375 in sixteenths
    assert decode(text(pad)) == {SURFACE: math.floor(25.4375 / step) * step}


@pytest.mark.parametrize(("counts", "degrees"), [(0x07D1, 125.0625), (-0x0371, -55.0625)])
def test_a_temperature_beyond_the_device_is_kept_and_fails(counts: int, degrees: float) -> None:
    flagged = Flagged(degrees, Flag.FAIL, "outside the device's range")
    assert decode(text(scratchpad(counts))) == {SURFACE: flagged}


def test_too_little_power_is_missing() -> None:
    missing = decode(text(scratchpad(0x07FF, mark=0x0C)))[SURFACE]
    assert isinstance(missing, Flagged)
    assert (missing.flag, missing.reason) == (Flag.MISSING, "too little power to convert")
    assert math.isnan(missing.value)


@pytest.mark.parametrize(
    ("mark", "before_cel"),
    [(0x0C, None), (0x0C, 84.0), (0x10, None), (0x10, 79.9375), (0x10, 90.0625)],
)
def test_the_power_on_value_is_a_reset(mark: int, before_cel: float | None) -> None:
    with pytest.raises(DeviceReset, match="power-on value"):
        decode(text(scratchpad(0x0550, mark=mark)), before_cel=before_cel)


@pytest.mark.parametrize("before_cel", [80.0, 85.0, 90.0])
def test_a_measured_85_degrees_near_the_reading_before_is_believed(before_cel: float) -> None:
    assert decode(text(scratchpad(0x0550, mark=0x10)), before_cel=before_cel) == {SURFACE: 85.0}


def test_after_a_wrong_checksum_the_retained_number_is_not_taken() -> None:
    good, spoilt = scratchpad(0x0191), bytes.fromhex("91 21 4b 46 7f ff 0f 10 25")
    with pytest.raises(BadFrame, match=r"91 21 .* fails its checksum"):
        decode(text(spoilt, shown=good, t=25062))


def test_a_verdict_of_the_kernel_is_not_taken_for_a_checksum() -> None:
    spoilt = bytes.fromhex("91 21 4b 46 7f ff 0f 10 25")
    with pytest.raises(BadFrame, match="fails its checksum"):
        decode(text(spoilt, verdict="YES"))


def test_a_line_held_low_is_no_zero_degrees() -> None:
    # Nine zeros have the right checksum, and 0 degC.
    with pytest.raises(BadFrame, match="data line held low"):
        decode(text(bytes(9)))


def test_an_absent_device_reads_all_ones() -> None:
    with pytest.raises(BadFrame):
        decode(text(b"\xff" * 9, verdict="YES"))


def test_two_lines_that_differ_are_a_bad_frame() -> None:
    with pytest.raises(BadFrame, match="no DS18B20"):
        decode(text(scratchpad(0x0191), shown=scratchpad(0x0192)))


def test_a_number_that_is_not_the_scratchpads_is_a_bad_frame() -> None:
    with pytest.raises(BadFrame, match="gives t=26062"):
        decode(text(scratchpad(0x0191), t=26062))


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\n", text(scratchpad(1))[:60], b"25062"],
)
def test_half_a_text_is_a_bad_frame(data: bytes) -> None:
    with pytest.raises(BadFrame, match="no w1_slave"):
        decode(data)


@given(st.binary(max_size=120) | st.text("0123456789abcdef :crc=YESNO\nt-", max_size=120))
def test_any_text_is_a_number_or_one_of_the_four(data: bytes | str) -> None:
    with contextlib.suppress(DeviceError):
        decode(data if isinstance(data, bytes) else data.encode())


@given(st.binary(min_size=9, max_size=9), st.integers(-200_000, 200_000))
def test_any_scratchpad_is_a_number_or_one_of_the_four(pad: bytes, t: int) -> None:
    with contextlib.suppress(DeviceError):
        assert set(decode(text(pad, verdict="YES", t=t))) == {SURFACE}


@given(st.integers(-0x0370, 0x07D0), st.integers(0, 71))
def test_any_flipped_bit_is_a_bad_frame(counts: int, bit: int) -> None:
    pad = bytearray(scratchpad(counts))
    pad[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadFrame):
        decode(text(bytes(pad), verdict="YES"))


class Bus:
    """A bus whose one slave gives these texts, one after another."""

    def __init__(self, *texts: bytes) -> None:
        self.texts = list(texts)
        self.asked: list[str] = []

    def read(self, slave: str) -> bytes:
        self.asked.append(slave)
        return self.texts.pop(0)

    def close(self) -> None: ...

    def sleep(self, seconds: float) -> None: ...


def sensor(bus: Bus, **settings: str) -> Ds18b20:
    config = {"id": "road", "driver": "ds18b20", "slave": SLAVE, **settings}
    return Ds18b20(Ds18b20Config.model_validate(config), bus, bus)


def test_its_slave_is_asked_once_a_reading() -> None:
    bus = Bus(text(scratchpad(0x0191)))
    assert sensor(bus).read() == {SURFACE: 25.0625}
    assert bus.asked == [SLAVE]


def test_in_a_shield_it_measures_air() -> None:
    bus = Bus(text(scratchpad(0x0191)))
    assert sensor(bus, measures="air").read() == {Quantity.AIR_TEMPERATURE: 25.0625}


def test_a_road_that_heats_up_to_85_degrees_is_believed() -> None:
    bus = Bus(text(scratchpad(0x0540)), text(scratchpad(0x0550, mark=0x10)))
    road = sensor(bus)
    road.read()
    assert road.read() == {SURFACE: 85.0}


def test_a_flagged_reading_vouches_for_no_other() -> None:
    bus = Bus(text(scratchpad(0x07FF)), text(scratchpad(0x0550, mark=0x10)))
    road = sensor(bus)
    road.read()
    with pytest.raises(DeviceReset):
        road.read()


@pytest.mark.parametrize("slave", ["10-0316a2795bff", "28-0316A2795BFF", "28-03", "../w1_slave"])
def test_only_a_slave_of_its_family_is_taken(slave: str) -> None:
    with pytest.raises(ValidationError, match="slave"):
        sensor(Bus(), slave=slave)
