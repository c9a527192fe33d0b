"""Messages of the manual as numbers, any subset of them, with and without checksum."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.drivers.formats.vaisala_ascii import (
    FIELDS,
    HEATING_VOLTAGE,
    INVALID,
    LONGEST_MESSAGE,
    RESETS,
    request,
)
from edge_gateway.drivers.wxt530 import CALM, Wxt530, Wxt530Config, decode
from edge_gateway.links.errors import BadFrame, DeviceError, DeviceReset, DeviceSilent
from edge_gateway.links.frames import crc16_letters
from edge_gateway.reading import Flag, Flagged, Measurand, Quantity
from edge_gateway.twins.wxt530 import written
from tests.chopped import chopped
from tests.drivers.scripted_line import Forever, Wire, heard

SPEED, DIRECTION = Quantity.WIND_SPEED, Quantity.WIND_DIRECTION
AIR, HUMIDITY, PRESSURE = (
    Quantity.AIR_TEMPERATURE,
    Quantity.RELATIVE_HUMIDITY,
    Quantity.AIR_PRESSURE,
)
RAIN, INTENSITY, HAIL = (
    Quantity.PRECIPITATION_SINCE_RESET,
    Quantity.PRECIPITATION_INTENSITY,
    Quantity.HAIL_HITS_SINCE_RESET,
)
WIND = "0R1,Dn=236D,Dm=283D,Dx=031D,Sn=0.0M,Sm=1.0M,Sx=2.2M"
# As found in public logs of WXT stations.
COMPOSITES = (
    "0R0,Dm=103D,Dx=134D,Sm=0.1M,Sx=0.1M,Ta=24.7C,Ua=48.3P,Pa=1013.1H,Th=24.5C,Vh=0.0N,Vs=7.4V",
    (
        "0R0,Dn=095D,Dm=274D,Dx=352D,Sn=0.3M,Sm=5.8M,Sx=9.6M,Ta=17.9C,Ua=73.7P,Pa=1.0058B,"
        "Rc=13.02M,Rd=12480s,Ri=0.0M,Hc=0.0M,Hd=0s,Hi=0.0M,Th=18.0C,Vh=12.1N,Vs=12.1V,Vr=3.631V"
    ),
)


def message(text: str) -> bytes:
    return f"{text}\r\n".encode()


def with_crc(text: str) -> bytes:
    return text.encode() + crc16_letters(text.encode()) + b"\r\n"


def sensor(wire: Wire, **keys: Any) -> Wxt530:
    table = {"id": "all", "driver": "wxt530", "port": "/dev/null", **keys}
    return Wxt530(Wxt530Config.model_validate(table), wire, Forever())


def test_the_wind_message_of_the_manual_is_read() -> None:
    assert decode(message(WIND)) == {DIRECTION: 283.0, SPEED: 1.0}


def test_its_checksum_is_the_right_one_and_not_the_one_printed() -> None:
    body = WIND.replace("R", "r").encode()
    assert decode(body + b"J\\Y\r\n") == {DIRECTION: 283.0, SPEED: 1.0}
    with pytest.raises(BadFrame, match="fails its checksum 'LFj'"):
        decode(body + b"LFj\r\n")


def test_values_marked_by_a_number_sign_are_missing() -> None:
    text = b"0r1,Dn=000#,Dm=000#,Dx=000#,Sn=0.0#,Sm=0.0#,Sx=0.0#LFj\r\n"
    measured = decode(text)
    assert set(measured) == {SPEED, DIRECTION}
    for missing in measured.values():
        assert isinstance(missing, Flagged)
        assert math.isnan(missing.value)
        assert (missing.flag, missing.reason) == (Flag.MISSING, INVALID)


def test_a_composite_message_gives_all() -> None:
    assert decode(message(COMPOSITES[0])) == {
        DIRECTION: 103.0,
        SPEED: 0.1,
        AIR: 24.7,
        HUMIDITY: 48.3,
        PRESSURE: pytest.approx(101_310.0),
        Quantity.SUPPLY_VOLTAGE: 7.4,
        HEATING_VOLTAGE: 0.0,
    }


def test_a_composite_message_with_rain_gives_that_too() -> None:
    measured = decode(message(COMPOSITES[1]))
    assert set(measured) == {field.key for field in FIELDS.values()}
    assert measured[PRESSURE] == pytest.approx(100_580.0)
    assert measured[HEATING_VOLTAGE] == 12.1
    assert measured[RAIN] == 13.02


def test_durations_peaks_and_extremes_of_rain_are_read_and_not_published() -> None:
    text = "0R3,Rc=13.02M,Rd=12480s,Ri=4.5M,Hc=0.2M,Hd=20s,Hi=1.0M,Rp=6.3M,Hp=2.0M"
    assert decode(message(text)) == {RAIN: 13.02, INTENSITY: 4.5, HAIL: 12.0}


@pytest.mark.parametrize(("speed", "stale"), [("0.0M", True), ("0.1M", False)])
def test_a_direction_repeated_in_a_calm_is_no_direction(speed: str, *, stale: bool) -> None:
    direction = decode(message(f"0R1,Dm=283D,Sm={speed}"))[DIRECTION]
    if not stale:
        assert direction == 283.0
        return
    assert isinstance(direction, Flagged)
    assert (direction.flag, direction.reason) == (Flag.MISSING, CALM)


@pytest.mark.parametrize(
    "text",
    [
        "0R3,Rd=0s,Hd=0s,Hi=0.0M,Rp=0.0M,Hp=0.0M",
        "0R5,Th=25.9C,Vr=3.505V,Id=HEL/___",
        "0R1",
        "0R1,",
    ],
)
def test_a_message_without_a_published_value_gives_nothing(text: str) -> None:
    assert decode(message(text)) == {}


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("0R1,Sm=10.0K", SPEED, 2.7777778),
        ("0R1,Sm=10.0S", SPEED, 4.4704),
        ("0R1,Sm=10.0N", SPEED, 5.1444444),
        ("0R1,Dm=360D", DIRECTION, 0.0),
        ("0R2,Ta=-40.0F", AIR, -40.0),
        ("0R2,Ta=212.0F", AIR, 100.0),
        ("0R2,Pa=1013.2H", PRESSURE, 101_320.0),
        ("0R2,Pa=101325.0P", PRESSURE, 101_325.0),
        ("0R2,Pa=1.01325B", PRESSURE, 101_325.0),
        ("0R2,Pa=760.0M", PRESSURE, 101_325.0),
        ("0R2,Pa=29.92I", PRESSURE, 101_320.75),
        ("0R3,Rc=0.500I", RAIN, 12.7),
        ("0R3,Ri=2.00I", INTENSITY, 50.8),
        # on the 60 cm2, which are 9.3000186 square inches, that collect
        ("0R3,Hc=0.1M", HAIL, 6.0),
        ("0R3,Hc=10I", HAIL, 93.000186),
        ("0R3,Hc=25H", HAIL, 25.0),
    ],
)
def test_every_unit_is_converted(text: str, key: Quantity, value: float) -> None:
    given = decode(message(text))[key]
    given = given.value if isinstance(given, Flagged) else given
    assert given == pytest.approx(value, rel=1e-6)


def test_a_value_the_device_cannot_measure_fails_alone() -> None:
    measured = decode(message("0R2,Ta=99.0C,Ua=48.3P"))
    assert measured == {
        AIR: Flagged(99.0, Flag.FAIL, "outside the device's range"),
        HUMIDITY: 48.3,
    }


@pytest.mark.parametrize("what", sorted(RESETS))
@pytest.mark.parametrize("crc", [False, True])
def test_a_start_is_a_reset(what: str, *, crc: bool) -> None:
    text = with_crc(f"0tX,{what}") if crc else message(f"0TX,{what}")
    with pytest.raises(DeviceReset, match=what):
        decode(text, crc=crc)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (message("0TX,Unable to measure error"), "Unable to measure error"),
        (message("0TX,Sync/address error"), "Sync/address error"),
        (b"0tX,Use chksum GoeIU~\r\n", "Use chksum Goe"),
        (b"0tX,Use chksum GoeIU}\r\n", "fails its checksum"),
        (message(WIND.replace("0R1", "1R1")), "WXT 1 talks where 0 was expected"),
        (message("0R1,Sm=1.0Q"), "unit 'Q' of 1 is not in the manual, which has M, K, S, N"),
        (message("0R1,Sm=M"), "no number and unit"),
        (message("0R1,Sm=1..0M"), "no number and unit"),
        (message("0R1,Dm=236D,D0R1,Dm=236D"), "no key and value"),
        (message("0R7,Sm=1.0M"), "no WXT message"),
        (message("$WIMWV,350.0,R,5.1,M,A*22"), "no WXT message"),
        (b"\xff\x00\r\n", "no WXT message"),
        (b"", "nothing"),
    ],
)
def test_what_is_no_message_of_values_is_a_bad_frame(line: bytes, says: str) -> None:
    with pytest.raises(BadFrame, match=says):
        decode(line)


def test_a_missing_checksum_is_a_bad_frame_where_one_is_demanded() -> None:
    with pytest.raises(BadFrame, match="has no checksum"):
        decode(message(WIND), crc=True)


@given(st.binary(max_size=80), st.booleans())
def test_any_bytes_are_numbers_or_one_of_the_four(data: bytes, crc: bool) -> None:  # noqa: FBT001
    with contextlib.suppress(DeviceError):
        assert set(decode(data, crc=crc)) <= {field.key for field in FIELDS.values()}


parts = st.sampled_from(sorted(FIELDS)).flatmap(
    lambda key: st.tuples(
        st.just(key),
        st.sampled_from(sorted(FIELDS[key].units)),
        # below 0.05 m/s there is no direction
        st.floats(0.2 if key == "Sm" else FIELDS[key].low, FIELDS[key].high),
    )
)


@given(st.lists(parts, max_size=7, unique_by=lambda part: part[0]), st.booleans())
def test_any_subset_in_any_unit_is_read_as_it_was_sent(
    sent: list[tuple[str, str, float]],
    crc: bool,  # noqa: FBT001  hypothesis gives it
) -> None:
    text = ",".join([f"0{'r' if crc else 'R'}0", *(written(k, v, u) for k, u, v in sent)])
    measured = decode(with_crc(text) if crc and sent else message(text.upper()[:3] + text[3:]))
    want: dict[Quantity | Measurand, float] = {}
    for key, unit, value in sent:
        want[FIELDS[key].key] = value
        scale = FIELDS[key].units[unit][0]
        got = measured[FIELDS[key].key]
        got = got.value if isinstance(got, Flagged) else got
        # half a step of what is printed: whole degrees, 0.00001 bar, else one decimal
        step = {"Dm": 0.5}.get(key, 0.5e-5 if unit == "B" else 0.05)
        away = abs(got - value) if key != "Dm" else abs((got - value + 180) % 360 - 180)
        assert away <= step * scale * 1.0001 + 1e-9
    assert set(measured) == set(want)


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_a_flipped_bit_breaks_the_checksum(at: int, bit: int) -> None:
    line = bytearray(with_crc("0r2,Ta=23.6C,Ua=14.2P,Pa=1026.6H")[:-2])
    line[3 + at % (len(line) - 3)] ^= 1 << bit
    with contextlib.suppress(BadFrame):
        assert decode(bytes(line), crc=True) == {}


@pytest.mark.parametrize(("crc", "sent"), [(False, b"0R0\r\n"), (True, b"0r0Kld\r\n")])
def test_a_polled_one_is_asked_for_the_composite_message(sent: bytes, *, crc: bool) -> None:
    assert request("0", crc=crc) == sent
    answer = with_crc("0r0,Sm=1.0M") if crc else message("0R0,Sm=1.0M")
    wire = Wire(answers=(answer, answer))
    frames = sensor(wire, mode="polled", crc=crc, period_s=7).listen()
    assert [next(frames), next(frames)] == [{SPEED: 1.0}, {SPEED: 1.0}]
    assert wire.sent == [sent, sent]
    assert 7.0 in wire.waits_s


@pytest.mark.parametrize("crc", [False, True])
def test_an_echo_of_the_request_is_passed_over(*, crc: bool) -> None:
    answer = with_crc("0r0,Sm=1.0M") if crc else message("0R0,Sm=1.0M")
    wire = Wire(answers=(request("0", crc=crc) + answer,))
    assert next(sensor(wire, mode="polled", crc=crc).listen()) == {SPEED: 1.0}


def test_an_automatic_one_is_sent_nothing() -> None:
    wire = Wire(message(WIND), message("0R2,Ta=24.7C"))
    measured, faults = heard(sensor(wire))
    assert measured == [{DIRECTION: 283.0, SPEED: 1.0}, {AIR: 24.7}]
    assert (faults, wire.sent) == ([], [])


def test_after_a_start_the_first_sample_is_dropped() -> None:
    wire = Wire(message("0R1,Sm=1.0M"), message("0TX,Start-up"), *[message("0R1,Sm=2.0M")] * 2)
    measured, faults = heard(sensor(wire))
    assert measured == [{SPEED: 1.0}, {SPEED: 2.0}]
    assert [type(fault) for fault in faults] == [DeviceReset]


def test_half_an_answer_is_a_bad_frame() -> None:
    wire = Wire(answers=(message(WIND)[:20],))
    with pytest.raises(BadFrame, match="ends after 20 bytes"):
        next(sensor(wire, mode="polled").listen())


def test_silence_is_told_after_three_intervals() -> None:
    with pytest.raises(DeviceSilent, match="15 s"):
        next(sensor(Wire(), interval_s=5).listen())


def test_a_late_answer_is_not_taken_for_the_next_one() -> None:
    wire = Wire(message("0R0,Sm=1.0M"), answers=(message("0R0,Sm=2.0M"),))
    assert next(sensor(wire, mode="polled").listen()) == {SPEED: 2.0}


@pytest.mark.parametrize("unplugged", [False, True])
def test_halves_from_before_and_after_an_outage_are_not_joined(*, unplugged: bool) -> None:
    wire = Wire(message(WIND)[:20], unplugged=unplugged)
    listener = sensor(wire)
    assert heard(listener) == ([], [])
    wire.parts = [message(WIND)[20:]]
    measured, faults = heard(listener)
    assert (measured, len(faults)) == ([], 1)


@given(
    st.lists(
        st.sampled_from([message(WIND), message("0R2,Ta=1.0C"), b"0R1,Sm=", b"\xff\x00", b"\n"]),
        max_size=12,
    ),
    st.lists(st.integers(1, 40), max_size=60),
)
def test_how_the_line_chops_the_bytes_changes_no_reading(
    pieces: list[bytes], cuts: list[int]
) -> None:
    whole = b"".join(pieces)
    measured, faults = heard(sensor(Wire(*chopped(whole, cuts))))
    joined, joined_faults = heard(sensor(Wire(whole)))
    assert repr(measured) == repr(joined)
    assert [str(fault) for fault in faults] == [str(fault) for fault in joined_faults]


def test_the_longest_composite_fits() -> None:
    longest = (
        COMPOSITES[1] + ",Rp=0.0M,Hp=0.0M,Tr=20.0C,Ra=0.00O,Sl=0.00V,Rt=0.0O,Sr=0.0V,Id=" + "x" * 20
    )
    assert len(longest) + 5 < LONGEST_MESSAGE


def test_the_pace_is_that_of_the_mode() -> None:
    assert sensor(Wire(), interval_s=4).config.samples_per_s == 0.25
    assert sensor(Wire(), mode="polled", period_s=8).config.samples_per_s == 0.125
