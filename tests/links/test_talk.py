"""The text of a talk: what each line means, and which line is wrong."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.links.errors import BadFrame, DeviceReset
from edge_gateway.links.talk import BadTalk, Medium, parse
from edge_gateway.links.talk_result import canonical, told
from edge_gateway.reading import Flag, Flagged, Measurand, Quantity

MEDIA: tuple[Medium, ...] = ("serial", "i2c", "w1", "ble")


def test_comments_and_empty_lines_say_nothing() -> None:
    talk = parse(["# a talk", "", "0.0 < 01  # one byte", "   "], "serial")
    assert [turn.data for turn in talk.turns] == [b"\x01"]
    assert talk.turns[0].line == 3


def test_an_i2c_address_is_the_same_however_it_is_written() -> None:
    talk = parse(["0.0 > 8 01", "0.0 > 08 01", "0.0 > 0x08 01"], "i2c")
    assert {turn.address for turn in talk.turns} == {"08"}


def test_an_error_while_sending_keeps_what_was_sent() -> None:
    (turn,) = parse(["0.0 > 44 fd ! silent: nobody there"], "i2c").turns
    assert (turn.sign, turn.data, turn.failure, turn.text) == (
        ">",
        b"\xfd",
        "silent",
        "nobody there",
    )


def test_a_service_may_be_named_in_full_or_in_short() -> None:
    head = "0.0 < CB:B8:33:4C:88:4F -62 dBm"
    short = parse([head, "0.0 + service fcd2 40"], "ble").turns[0].advert
    full = (
        parse([head, "0.0 + service 0000fcd2-0000-1000-8000-00805f9b34fb 40"], "ble")
        .turns[0]
        .advert
    )
    assert short == full
    assert short is not None
    assert short.service_data == {"0000fcd2-0000-1000-8000-00805f9b34fb": b"\x40"}


def test_turns_behind_the_last_result_are_not_judged() -> None:
    lines = ["0.0 > 01", "0.1 < 02", "0.1 = nothing", "1.0 > 01"]
    talk = parse(lines, "serial")
    assert (len(talk.turns), talk.turns_judged, len(talk.results)) == (3, 2, 1)


@pytest.mark.parametrize(
    ("medium", "line"),
    [
        ("serial", "hello"),
        ("serial", "0.1 ? 00"),
        ("serial", "0.1 < 0"),
        ("serial", "0.1 ! maybe: so"),
        ("serial", "-1 < 00"),
        ("serial", "0.1 . 00"),
        ("serial", "0.1 + 00"),
        ("serial", "0.1 = warmth 20 Cel"),
        ("serial", "0.1 = air_temperature 20 K"),
        ("serial", "0.1 = air_temperature"),
        ("i2c", "0.1 < zz 00"),
        ("i2c", "0.1 <"),
        ("w1", "0.1 > 28-0316a2795bff 44"),
        ("w1", "0.1 < 28-0316a2795bff hex 0"),
        ("w1", "0.1 <"),
        ("ble", "0.1 < CB:B8:33:4C:88:4F loud"),
        ("ble", "0.1 > CB:B8:33:4C:88:4F 00"),
    ],
)
def test_a_line_that_is_no_turn_is_named(medium: Medium, line: str) -> None:
    with pytest.raises(BadTalk, match="line 1"):
        parse([line], medium)


@pytest.mark.parametrize(
    "part", ["manufacturer 10000 05", "manufacturer zz 05", "service fcd 05", "colour 04 05", "05"]
)
def test_a_part_of_an_advertisement_that_is_none_is_named(part: str) -> None:
    with pytest.raises(BadTalk, match="line 1"):
        parse(["0.1 < CB:B8:33:4C:88:4F -62 dBm", f"0.1 + {part}"], "ble")


@given(
    st.lists(
        st.text(max_size=30) | st.from_regex(r"[0-9]\.[0-9] [><!.=+] [ -~]{0,30}", fullmatch=True),
        max_size=6,
    ),
    st.sampled_from(MEDIA),
)
def test_any_text_is_a_talk_or_a_bad_talk(lines: list[str], medium: Medium) -> None:
    with contextlib.suppress(BadTalk):
        parse(lines, medium)


def test_a_value_is_told_in_its_unit_with_its_decimals() -> None:
    assert told({Quantity.GLOBAL_IRRADIANCE: 812.341}) == ("global_irradiance 812.34 W/m2",)


def test_what_a_driver_knows_of_a_value_is_told() -> None:
    lines = told(
        {
            Quantity.WIND_SPEED: Flagged(61.0, Flag.FAIL, "outside the device's range"),
            Quantity.WIND_DIRECTION: Flagged(math.nan, Flag.MISSING, "calm"),
            Measurand(Quantity.SUPPLY_VOLTAGE, "heating"): 12.0,
            Quantity.AIR_TEMPERATURE: math.nan,
        }
    )
    assert lines == (
        "wind_speed 61.000 m/s fail: outside the device's range",
        "wind_direction missing: calm",
        "supply_voltage/heating 12.000 V",
        "air_temperature missing",
    )


def test_an_error_is_told_by_its_name() -> None:
    assert told(DeviceReset("it restarted")) == ("DeviceReset: it restarted",)


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("air_temperature 25 Cel", "air_temperature 25.000 Cel"),
        ("air_temperature -0.0 Cel", "air_temperature 0.000 Cel"),
        ("supply_voltage/heating 12 V", "supply_voltage/heating 12.000 V"),
        ("wind_direction missing: calm", "wind_direction missing: calm"),
        ("illuminance 9 lx fail: over_range: more", "illuminance 9.00 lx fail: over_range: more"),
        ("BadFrame: whatever", "BadFrame: whatever"),
        ("nothing", "nothing"),
    ],
)
def test_a_result_may_be_written_with_fewer_digits(written: str, line: str) -> None:
    assert canonical(written) == line


KEYS = st.builds(
    Measurand, st.sampled_from(list(Quantity)), st.sampled_from(["", "2", "heating", "gate/north"])
)
VALUES = st.floats(-1e6, 1e6) | st.builds(
    Flagged,
    st.floats(-1e6, 1e6),
    st.sampled_from([Flag.SUSPECT, Flag.FAIL, Flag.MISSING]),
    st.text("abc :;,'()#", max_size=20),
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_whatever_is_told_is_written_canonically(
    measured: dict[Quantity | Measurand, float | Flagged],
) -> None:
    assert all(canonical(line) == line for line in told(measured))


@given(st.text(max_size=40))
def test_an_error_of_any_text_can_be_read_back(text: str) -> None:
    (line,) = told(BadFrame(text))
    (result,) = parse([f"0.0 = {line}"], "serial").results
    assert result.told[0].startswith("BadFrame:")
