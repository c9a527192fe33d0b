"""MWV of any talker as numbers, beside sentences that are none; pynmea2 reads the same."""

from __future__ import annotations

import contextlib
import math
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.drivers.formats.nmea import M_S_PER_UNIT
from edge_gateway.drivers.nmea_mwv import (
    NOT_VALID,
    SENTENCES_WITHOUT_WIND,
    NmeaMwv,
    NmeaMwvConfig,
    decode,
)
from edge_gateway.links.errors import BadFrame, DeviceError, DeviceSilent
from edge_gateway.reading import Flag, Flagged, Quantity
from edge_gateway.twins.nmea_mwv import mwv, sentence
from tests.chopped import chopped
from tests.drivers.scripted_line import Forever, Wire, heard

SPEED, DIRECTION = Quantity.WIND_SPEED, Quantity.WIND_DIRECTION
COMPASS = sentence("HCHDG,101.1,,,7.1,W")


def listening(wire: Wire, **keys: Any) -> NmeaMwv:
    table = {"id": "wind", "driver": "nmea_mwv", "port": "/dev/null", **keys}
    return NmeaMwv(NmeaMwvConfig.model_validate(table), wire, Forever())


# devices.md 2.6; 9.8 knots are 9.8 * 1852 / 3600 m/s, 36 km/h are 10 m/s
@pytest.mark.parametrize(
    ("text", "speed", "direction"),
    [
        (b"$WIMWV,350.0,R,5.1,M,A*22", 5.1, 350.0),
        (b"$WIMWV,010.0,R,9.8,N,A*23\r\n", 5.041555555, 10.0),
        (b"$WIMWV,180.0,R,36.0,K,A*1A\n", 10.0, 180.0),
        (b"$WIMWV,214.8,R,0.1,K,A*28\r\n", 0.0277777777, 214.8),
    ],
)
def test_sentences_of_the_standard_are_read(text: bytes, speed: float, direction: float) -> None:
    assert decode(text) == {SPEED: pytest.approx(speed), DIRECTION: pytest.approx(direction)}


@pytest.mark.parametrize(
    ("unit", "m_s"),
    # 10 of each: 10000 m/h, metres, 18520 m/h, 16093.44 m/h
    [("K", 2.777778), ("M", 10.0), ("N", 5.144444), ("S", 4.4704)],
)
def test_every_unit_becomes_metres_a_second(unit: str, m_s: float) -> None:
    assert decode(sentence(f"WIMWV,090.0,R,10.0,{unit},A"))[SPEED] == pytest.approx(m_s, abs=1e-6)


def test_status_v_makes_both_missing() -> None:
    measured = decode(b"$WIMWV,,R,,M,V*37\r\n")
    assert set(measured) == {SPEED, DIRECTION}
    for missing in measured.values():
        assert isinstance(missing, Flagged)
        assert math.isnan(missing.value)
        assert (missing.flag, missing.reason) == (Flag.MISSING, NOT_VALID)


def test_status_v_makes_values_that_are_there_missing_too() -> None:
    measured = decode(mwv(5.0, 90.0, status="V"))
    assert [isinstance(value, Flagged) for value in measured.values()] == [True, True]


def test_an_empty_field_is_missing_alone() -> None:
    measured = decode(mwv(0.0, None))
    assert measured[SPEED] == 0.0
    direction = measured[DIRECTION]
    assert isinstance(direction, Flagged)
    assert (direction.flag, direction.reason) == (Flag.MISSING, "no angle")


@pytest.mark.parametrize(
    ("angle", "offset", "direction"),
    [
        (10.0, 0.0, 10.0),
        (350.0, 20.0, 10.0),
        (10.0, -20.0, 350.0),
        (0.0, 360.0, 0.0),
        (360.0, 0, 0),
    ],
)
def test_a_relative_angle_is_turned_by_the_mounting(
    angle: float, offset: float, direction: float
) -> None:
    text = sentence(f"WIMWV,{angle:05.1f},R,5.0,M,A")
    assert decode(text, offset)[DIRECTION] == pytest.approx(direction)


def test_a_true_angle_is_not_turned() -> None:
    assert decode(mwv(5.0, 90.0, reference="T"), 45.0)[DIRECTION] == 90.0


@pytest.mark.parametrize(("wanted", "given"), [("R", 1), ("T", 1), ("both", 2)])
def test_only_the_wanted_reference_counts(wanted: str, given: int) -> None:
    wire = Wire(mwv(5.0, 90.0) + mwv(6.0, 80.0, reference="T"))
    measured, faults = heard(listening(wire, reference=wanted))
    assert (len(measured), len(faults)) == (given, 0)


@pytest.mark.parametrize("talker", ["WI", "II", "VW", "U0"])
def test_any_talker_is_heard(talker: str) -> None:
    assert decode(mwv(5.0, 90.0, talker=talker))[SPEED] == 5.0


@pytest.mark.parametrize(
    "text",
    [
        COMPASS,
        b"$HCHDG,101.1,,,7.1,W\r\n",  # without a checksum, and none of ours
        b"$PGILL,MWV,1,2\r\n",
        sentence("WIMWD,350.0,T,,M,9.8,N,5.1,M"),
        sentence("WIXDR,C,20.1,C,AIR"),
    ],
)
def test_other_sentences_give_nothing(text: bytes) -> None:
    assert decode(text) == {}


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (b"$WIMWV,350.0,R,5.2,M,A*22\r\n", r"fails its checksum 22"),
        (b"$WIMWV,350.0,R,5.1,M,A\r\n", "has no checksum"),
        (b"$HCHDG,101.2,,,7.1,W*2E\r\n", "fails its checksum"),
        (sentence("WIMWV,350.0,R,5.1,X,A"), "not an MWV of the standard"),
        (sentence("WIMWV,350.0,R,5.1,M"), "not an MWV of the standard"),
        (sentence("WIMWV,-10.0,R,5.1,M,A"), "not an MWV of the standard"),
        (sentence("WIMWV,400.0,R,5.1,M,A"), "not an MWV of the standard"),
        (b"\x02Q,229,002.74,M,00,\x0316\r\n", "no NMEA sentence"),
        (b"$WIMWV,350.0,R,5.1,M,A*2\r\n", "no NMEA sentence"),
        (b"", "nothing"),
    ],
)
def test_what_cannot_be_trusted_is_a_bad_frame(bad: bytes, says: str) -> None:
    with pytest.raises(BadFrame, match=says):
        decode(bad)


def test_a_sentence_of_more_than_82_characters_is_dropped_and_costs_no_good_one() -> None:
    long = sentence(f"WIMWV,090.0,R,{'0' * 70}5.0,M,A")
    measured, faults = heard(listening(Wire(long + mwv(3.0, 20.0))))
    assert len(long) > 82
    assert [one[SPEED] for one in measured] == [3.0]
    assert len(faults) == 1


def test_a_sentence_of_82_characters_is_heard() -> None:
    longest = sentence("WI" + "X" * (82 - 8))
    assert len(longest) == 82
    measured, faults = heard(listening(Wire(longest + mwv(3.0, 20.0))))
    assert (len(measured), faults) == (1, [])


def test_nothing_is_ever_sent() -> None:
    wire = Wire(mwv(3.0, 20.0), COMPASS, b"$half")
    heard(listening(wire))
    assert wire.sent == []


def test_a_device_that_leaves_the_wind_out_is_silent() -> None:
    sensor = listening(Wire(COMPASS * (SENTENCES_WITHOUT_WIND + 5)))
    with pytest.raises(DeviceSilent, match="no MWV among them"):
        next(sensor.listen())


@pytest.mark.parametrize("unplugged", [False, True])
def test_halves_from_before_and_after_an_outage_are_not_joined(*, unplugged: bool) -> None:
    sent = mwv(2.0, 10.0)
    wire = Wire(sent[:9], unplugged=unplugged)
    sensor = listening(wire)
    assert heard(sensor) == ([], [])
    wire.parts = [sent[9:]]
    assert heard(sensor) == ([], [])


@given(
    st.lists(
        st.sampled_from(
            [mwv(2.0, 10.0), mwv(3.0, None), COMPASS, b"$WIMWV,3", b"\xff\x00", b"\r\n"]
        ),
        max_size=12,
    ),
    st.lists(st.integers(1, 40), max_size=60),
)
def test_how_the_line_chops_the_bytes_changes_no_reading(
    pieces: list[bytes], cuts: list[int]
) -> None:
    whole = b"".join(pieces)
    parted, faults = heard(listening(Wire(*chopped(whole, cuts))))
    joined, joined_faults = heard(listening(Wire(whole)))
    assert repr(parted) == repr(joined)
    assert [str(fault) for fault in faults] == [str(fault) for fault in joined_faults]


@given(st.binary(max_size=100) | st.text(max_size=60).map(lambda text: b"$WIMWV" + text.encode()))
def test_any_bytes_are_numbers_or_nothing_or_one_of_the_four(data: bytes) -> None:
    with contextlib.suppress(DeviceError):
        assert set(decode(data)) in ({SPEED, DIRECTION}, set())


@given(
    st.floats(0, 999),
    st.floats(0, 359.9),
    st.sampled_from(sorted(M_S_PER_UNIT)),
    st.sampled_from(["R", "T"]),
    st.sampled_from(["A", "V"]),
    st.booleans(),
)
def test_pynmea2_reads_the_same(  # noqa: PLR0917  the fields of a sentence
    speed: float,
    angle: float,
    unit: str,
    reference: Literal["R", "T"],
    status: str,
    spoilt: bool,  # noqa: FBT001  hypothesis gives it
) -> None:
    pynmea2 = pytest.importorskip("pynmea2", reason="pynmea2 is the oracle of this test")
    text = mwv(speed * M_S_PER_UNIT[unit], angle, unit=unit, reference=reference, status=status)
    if spoilt:
        text = text[:9] + bytes((text[9] ^ 0x01,)) + text[10:]
    try:
        theirs = pynmea2.parse(text.decode("ascii"), check=True)
    except pynmea2.ChecksumError:
        with pytest.raises(BadFrame, match="checksum"):
            decode(text)
        return
    measured = decode(text)
    assert isinstance(measured[SPEED], Flagged) == (theirs.status == "V")
    if theirs.status == "A":
        factor = {"K": 1000 / 3600, "M": 1.0, "N": 0.5144444, "S": 0.44704}
        told = float(theirs.wind_speed) * factor[theirs.wind_speed_units]
        assert measured[SPEED] == pytest.approx(told, rel=1e-6)
        assert measured[DIRECTION] == pytest.approx(float(theirs.wind_angle))


def test_the_pace_is_the_device_s_own() -> None:
    assert listening(Wire(), rate_hz=4).config.samples_per_s == 4
