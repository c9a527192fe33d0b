"""The error of counts per interval, line and direction, worked by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.people.boundary import Direction
from edge_gateway.people.lines import Crossing, Line
from models.evaluate_counting import interval_error

DOOR = Line("door", (0, 0), (10, 0))
GATE = Line("gate", (0, 20), (10, 20))
FORWARD, BACKWARD = Direction.FORWARD, Direction.BACKWARD


def crossing(time_s: float, line: Line = DOOR, direction: Direction = FORWARD) -> Crossing:
    return Crossing(frame=1, time_s=time_s, line=line.name, direction=direction, track=1)


def test_an_event_on_the_wrong_side_of_an_interval_s_end_is_two_errors() -> None:
    error = interval_error([crossing(9.9)], [crossing(10.1)], [DOOR], 0, 20)

    # Two intervals of two directions; one too many in the first, one too few in the second.
    assert (error.intervals, error.mean, error.bias) == (4, 0.5, 0)


def test_directions_and_lines_do_not_make_up_for_each_other() -> None:
    found = [crossing(1), crossing(2, GATE)]
    annotated = [crossing(1, direction=BACKWARD), crossing(2, GATE, BACKWARD)]

    error = interval_error(found, annotated, [DOOR, GATE], 0, 10)

    assert (error.intervals, error.mean, error.bias) == (4, 1, 0)


def test_the_bias_keeps_its_sign() -> None:
    error = interval_error([crossing(1), crossing(2)], [crossing(3)], [DOOR], 0, 10)

    assert (error.mean, error.bias, error.annotated) == (0.5, 0.5, 0.5)


def test_a_last_interval_may_be_short() -> None:
    assert interval_error([], [], [DOOR], 0, 39.7).intervals == 2 * 4
    assert interval_error([], [], [DOOR], 0, 40.0).intervals == 2 * 4


def test_intervals_begin_at_the_first_frame_judged() -> None:
    error = interval_error([crossing(12)], [crossing(21)], [DOOR], 11.5, 31.5)

    assert error.mean == 0


@given(times=st.lists(st.floats(0, 40), max_size=20))
def test_the_same_events_have_no_error(times: list[float]) -> None:
    events = [crossing(time_s) for time_s in times]

    error = interval_error(events, events, [DOOR], 0, 40)

    assert (error.mean, error.bias) == (0, 0)
    assert error.annotated == pytest.approx(len(times) / 8)
