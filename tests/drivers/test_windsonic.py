"""Frames of the manual as numbers; any other bytes as one of the four errors."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_gateway.clock import Clock
from edge_gateway.drivers.formats.gill_polar import LONGEST_GAP, M_S_PER_UNIT
from edge_gateway.drivers.windsonic import CALM, SILENT_AFTER_S, WindSonic, WindSonicConfig, decode
from edge_gateway.links.errors import BadFrame, DeviceError, DeviceReset, DeviceSilent
from edge_gateway.reading import Flag, Flagged, Quantity
from edge_gateway.twins.windsonic import BANNER, frame
from tests.chopped import chopped
from tests.drivers.scripted_line import Forever, Wire, heard

SPEED, DIRECTION = Quantity.WIND_SPEED, Quantity.WIND_DIRECTION


def gill(body: str, checksum: str) -> bytes:
    return f"\x02{body}\x03{checksum}\r\n".encode("ascii")


def value(measured: float | Flagged) -> float:
    return measured.value if isinstance(measured, Flagged) else measured


def listening(wire: Wire) -> WindSonic:
    config = WindSonicConfig(id="wind", driver="windsonic", port="/dev/null")
    return WindSonic(config, wire, Forever())


@pytest.mark.parametrize(
    ("body", "checksum", "speed", "direction"),
    [
        ("Q,229,002.74,M,00,", "16", 2.74, 229.0),
        ("Q,359,012.30,M,00,", "11", 12.30, 359.0),
        ("Q,001,000.51,N,00,", "18", 0.26236666666666667, 1.0),  # 0.51 * 1852 m / 3600 s
    ],
)
def test_frames_of_the_manual_are_read(
    body: str, checksum: str, speed: float, direction: float
) -> None:
    measured = decode(gill(body, checksum))
    assert measured == {SPEED: pytest.approx(speed), DIRECTION: direction}


@pytest.mark.parametrize(
    ("unit", "m_s"),
    # 10 of each: knots 18520 m/h, miles 16093.44 m/h, kilometres 10000 m/h, feet 3.048 m/min
    [("M", 10.0), ("N", 5.144444), ("P", 4.4704), ("K", 2.777778), ("F", 0.0508)],
)
def test_every_unit_becomes_metres_a_second(unit: str, m_s: float) -> None:
    sent = frame(10.0 * M_S_PER_UNIT[unit], 90.0, unit=unit)
    assert b",010.00," in sent
    assert value(decode(sent)[SPEED]) == pytest.approx(m_s, abs=1e-6)


def test_an_empty_direction_is_calm_and_no_fault() -> None:
    measured = decode(gill("Q,,000.04,M,00,", "2A"))
    assert measured[SPEED] == 0.04
    direction = measured[DIRECTION]
    assert isinstance(direction, Flagged)
    assert (direction.flag, direction.reason) == (Flag.MISSING, CALM)
    assert math.isnan(direction.value)


def test_a_zero_is_a_value() -> None:
    assert decode(frame(0.0, None))[SPEED] == 0.0
    assert decode(frame(1.0, 0.0)) == {SPEED: 1.0, DIRECTION: 0.0}


# In fixed-field output the device repeats its last direction below 0.05 m/s (setting K50).
@pytest.mark.parametrize(("speed", "stale"), [(0.04, True), (0.05, False)])
def test_a_direction_repeated_in_a_calm_is_no_direction(speed: float, *, stale: bool) -> None:
    measured = decode(frame(speed, 229.0))
    assert measured[SPEED] == speed
    assert isinstance(measured[DIRECTION], Flagged) == stale


def test_failed_axes_are_missing_with_the_status() -> None:
    measured = decode(gill("Q,,,M,04,", "34"))
    for missing in measured.values():
        assert isinstance(missing, Flagged)
        assert (missing.flag, missing.reason) == (Flag.MISSING, "status 04: both axes failed")


@pytest.mark.parametrize(
    ("status", "flag"), [("01", Flag.FAIL), ("08", Flag.FAIL), ("10", Flag.SUSPECT)]
)
def test_values_beside_a_bad_status_are_kept_and_flagged(status: str, flag: Flag) -> None:
    measured = decode(frame(3.0, 120.0, status=status))[SPEED]
    assert isinstance(measured, Flagged)
    assert (measured.value, measured.flag) == (3.0, flag)
    assert status in measured.reason


def test_averaging_not_complete_is_valid() -> None:
    assert decode(frame(3.0, 120.0, status="51")) == {SPEED: 3.0, DIRECTION: 120.0}


def test_a_speed_beyond_the_device_fails_alone() -> None:
    measured = decode(frame(99.0, 120.0))
    assert measured[DIRECTION] == 120.0
    assert measured[SPEED] == Flagged(99.0, Flag.FAIL, "outside the device's range")


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (gill("Q,229,002.75,M,00,", "16"), "fails its checksum 16"),
        (gill("Q,+000.05,-000.02,M,00,", "31"), "set output mode M2"),
        (b"\x02Q,229,002.74,M,00,\x031", "no WindSonic frame"),
        (b"$WIMWV,350.0,R,5.1,M,A*22\r\n", "no WindSonic frame"),
        (b"", "nothing"),
    ],
)
def test_another_format_is_a_bad_frame(bad: bytes, says: str) -> None:
    with pytest.raises(BadFrame, match=says):
        decode(bad)


@given(
    st.floats(0.06, 60, allow_nan=False),
    st.integers(0, 359),
    st.sampled_from(sorted(M_S_PER_UNIT)),
)
def test_any_wind_is_read_as_it_was_sent(speed: float, direction: int, unit: str) -> None:
    measured = decode(frame(speed, direction, unit=unit))
    # half a step of the printed resolution, 0.01 of the unit
    assert value(measured[SPEED]) == pytest.approx(speed, abs=0.0051 * M_S_PER_UNIT[unit])
    assert value(measured[DIRECTION]) == direction


@given(st.binary(max_size=80) | st.binary(max_size=40).map(lambda body: b"\x02" + body + b"\x0300"))
def test_any_bytes_are_numbers_or_one_of_the_four(data: bytes) -> None:
    with contextlib.suppress(DeviceError):
        assert set(decode(data)) == {SPEED, DIRECTION}


@given(
    st.lists(
        st.sampled_from(
            [frame(2.0, 10), frame(3.0, 20), frame(0.01, None), BANNER, b"\x02Q,2", b"\xff\x00"]
        ),
        max_size=12,
    ),
    st.lists(st.integers(1, 40), max_size=60),
)
@example([BANNER, frame(2.0, 10)] * 2, [1] * 60)
def test_how_the_line_chops_the_bytes_changes_no_reading(
    pieces: list[bytes], cuts: list[int]
) -> None:
    whole = b"".join(pieces)
    parted, chopped_faults = heard(listening(Wire(*chopped(whole, cuts))))
    joined, faults = heard(listening(Wire(whole)))
    assert repr(parted) == repr(joined)
    assert [str(fault) for fault in chopped_faults] == [str(fault) for fault in faults]
    resets = sum(isinstance(fault, DeviceReset) for fault in faults)
    assert resets == pieces.count(BANNER)
    frames = sum(piece.endswith(b"\r\n") and piece != BANNER for piece in pieces)
    assert frames - resets <= len(joined) <= frames


def test_a_power_up_banner_is_a_reset_and_the_first_sample_after_it_is_dropped() -> None:
    sent = [frame(speed, 10) for speed in (2.0, 3.0, 4.0)]
    measured, faults = heard(listening(Wire(sent[0], BANNER, *sent[1:])))
    assert [one[SPEED] for one in measured] == [2.0, 4.0]
    assert [type(fault) for fault in faults] == [DeviceReset]


def test_lost_settings_are_told_beside_the_reset() -> None:
    banner = BANNER.replace(b"PASS", b"FAIL", 1)
    _, faults = heard(listening(Wire(banner)))
    assert [type(fault) for fault in faults] == [DeviceReset, DeviceReset]
    assert "factory defaults" in str(faults[1])


def test_a_banner_inside_a_frame_is_no_reset() -> None:
    _, faults = heard(listening(Wire(gill("WINDSONIC", "00"))))
    assert [type(fault) for fault in faults] == [BadFrame]


def test_a_bad_frame_costs_no_good_one() -> None:
    broken = gill("Q,229,002.75,M,00,", "16")
    measured, faults = heard(listening(Wire(frame(2.0, 10) + broken + frame(3.0, 20))))
    assert [one[SPEED] for one in measured] == [2.0, 3.0]
    assert len(faults) == 1


def test_a_line_that_speaks_otherwise_is_a_bad_frame() -> None:
    with pytest.raises(BadFrame, match="right port, baud rate"):
        next(listening(Wire(b"\xaa" * (LONGEST_GAP + 1))).listen())


def test_silence_is_told() -> None:
    with pytest.raises(DeviceSilent, match="3 s"):
        next(listening(Wire()).listen())


@pytest.mark.parametrize("unplugged", [False, True])
def test_halves_from_before_and_after_an_outage_are_not_joined(*, unplugged: bool) -> None:
    sent = frame(2.0, 10)
    wire = Wire(sent[:9], unplugged=unplugged)
    sensor = listening(wire)
    assert heard(sensor) == ([], [])
    wire.parts = [sent[9:]]
    assert heard(sensor) == ([], [])


def test_a_continuous_one_is_sent_nothing() -> None:
    wire = Wire(frame(2.0, 10))
    heard(listening(wire))
    assert wire.sent == []


def asking(wire: Wire, node: str = "Q") -> WindSonic:
    config = WindSonicConfig(
        id="wind", driver="windsonic", port="/dev/null", mode="polled", node=node, period_s=7.0
    )
    return WindSonic(config, wire, Forever())


def test_a_polled_one_is_asked_by_its_letter_and_waited_for_between_polls() -> None:
    wire = Wire(answers=(frame(2.0, 10), frame(3.0, 20)))
    frames = asking(wire).listen()
    assert next(frames)[SPEED] == 2.0
    assert wire.sent == [b"Q"]
    assert next(frames)[SPEED] == 3.0
    assert wire.sent == [b"Q", b"Q"]
    assert 7.0 in wire.waits_s


@given(st.lists(st.binary(max_size=40) | st.just(BANNER) | st.just(frame(2.0, 10)), max_size=9))
def test_a_polled_one_is_never_sent_anything_but_its_letter(answers: list[bytes]) -> None:
    wire = Wire(answers=tuple(answers))
    sensor = asking(wire)
    for _ in range(12):
        with contextlib.suppress(DeviceError):
            next(sensor.listen())
    assert set(wire.sent) == {b"Q"}


def test_an_echo_of_the_letter_is_passed_over() -> None:
    assert next(asking(Wire(answers=(b"Q" + frame(2.0, 10),))).listen())[SPEED] == 2.0


def test_a_polled_one_is_asked_again_for_the_sample_dropped_after_a_reset() -> None:
    wire = Wire(answers=(BANNER + frame(0.0, 0), frame(2.0, 10), frame(3.0, 10)))
    sensor = asking(wire)
    with pytest.raises(DeviceReset):
        next(sensor.listen())
    assert next(sensor.listen())[SPEED] == 3.0


def test_an_answer_that_came_late_is_not_taken_for_the_next_one() -> None:
    wire = Wire()
    sensor = asking(wire)
    with pytest.raises(DeviceSilent):
        next(sensor.listen())
    wire.answers, wire.parts = [frame(3.0, 20)], []
    frames = sensor.listen()
    assert next(frames)[SPEED] == 3.0
    wire.parts, wire.answers = [frame(4.0, 20)], [frame(5.0, 20)]
    assert next(frames)[SPEED] == 5.0


def test_after_a_silence_an_answer_may_be_as_late_again_and_is_dropped() -> None:
    wire = Wire()
    sensor = asking(wire)
    with pytest.raises(DeviceSilent):
        next(sensor.listen())
    wire.parts, wire.answers = [frame(4.0, 20)], [frame(5.0, 20)]
    wire.waits_s.clear()
    assert next(sensor.listen())[SPEED] == 5.0
    assert wire.waits_s[:2] == [SILENT_AFTER_S, SILENT_AFTER_S]


def test_another_node_is_a_bad_frame() -> None:
    with pytest.raises(BadFrame, match="node Q answered where R"):
        next(asking(Wire(answers=(frame(2.0, 10),)), node="R").listen())


def test_half_an_answer_is_a_bad_frame() -> None:
    with pytest.raises(BadFrame, match="ends after 9 bytes"):
        next(asking(Wire(answers=(frame(2.0, 10)[:9],))).listen())


def test_the_pace_is_that_of_the_mode() -> None:
    assert asking(Wire()).config.samples_per_s == pytest.approx(1 / 7)
    assert listening(Wire()).config.samples_per_s == 4.0


def test_a_generator_that_was_left_loses_no_frame(frozen: Clock) -> None:
    config = WindSonicConfig(id="wind", driver="windsonic", port="/dev/null")
    sensor = WindSonic(config, Wire(frame(2.0, 10) + frame(3.0, 20)), frozen)
    assert next(sensor.listen())[SPEED] == 2.0
    assert next(sensor.listen())[SPEED] == 3.0
