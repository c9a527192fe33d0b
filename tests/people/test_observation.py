from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.people.boundary import Coverage, Direction, LineCount
from edge_gateway.people.observation import LONGEST_GAP_S, RunningWindow

TEN_A_SECOND = 0.1


def test_a_steady_camera_covers_its_whole_window() -> None:
    window = RunningWindow(["gate"], 100.0)
    for k in range(101):
        window.see(100.0 + k / 10, TEN_A_SECOND)
    assert _coverage(window, 110.0) == (pytest.approx(10.0), 10.0, 101)


def test_nothing_seen_covers_nothing() -> None:
    assert _coverage(RunningWindow(["gate"], 100.0), 110.0) == (0.0, 10.0, 0)


def test_a_hole_of_three_seconds_costs_three_seconds() -> None:
    window = RunningWindow(["gate"], 0.0)
    for k in range(101):
        if not 40 < k < 70:
            window.see(k / 10, TEN_A_SECOND)
    assert _coverage(window, 10.0)[0] == pytest.approx(7.0)


def test_the_time_before_the_first_picture_is_not_observed() -> None:
    window = RunningWindow(["gate"], 0.0)
    for k in range(40, 101):
        window.see(k / 10, TEN_A_SECOND)
    assert _coverage(window, 10.0)[0] == pytest.approx(6.0)


def test_a_slow_camera_covers_its_window_at_its_own_pace() -> None:
    window = RunningWindow(["gate"], 0.0)
    for k in range(6):
        window.see(2.0 * k, 2.0)
    assert _coverage(window, 10.0)[0] == pytest.approx(10.0)


def test_half_a_second_between_pictures_of_a_fast_camera_is_still_observed() -> None:
    window = RunningWindow(["gate"], 0.0)
    for k in range(21):
        window.see(0.5 * k, TEN_A_SECOND)
    assert _coverage(window, 10.0)[0] == pytest.approx(10.0)


def test_a_gap_over_the_end_of_a_window_counts_in_both_for_its_share() -> None:
    window = RunningWindow(["gate"], 0.0)
    window.see(9.0, TEN_A_SECOND)
    window.see(9.375, TEN_A_SECOND)
    window.see(9.75, TEN_A_SECOND)
    first = _coverage(window, 10.0)
    window.see(10.125, TEN_A_SECOND)
    assert (first[0], _coverage(window, 20.0)[0]) == (pytest.approx(1.0), pytest.approx(0.125))


def test_each_line_and_direction_is_counted_and_those_of_zero_are_named() -> None:
    window = RunningWindow(["gate", "door"], 0.0)
    window.cross("gate", Direction.FORWARD)
    window.cross("gate", Direction.FORWARD)
    window.cross("door", Direction.BACKWARD)
    _, counts = window.close(10.0)
    assert counts == (
        LineCount("gate", Direction.FORWARD, 2),
        LineCount("gate", Direction.BACKWARD, 0),
        LineCount("door", Direction.FORWARD, 0),
        LineCount("door", Direction.BACKWARD, 1),
    )


def test_the_next_window_begins_at_zero() -> None:
    window = RunningWindow(["gate"], 0.0)
    window.cross("gate", Direction.FORWARD)
    window.close(10.0)
    assert [part.count for part in window.close(20.0)[1]] == [0, 0]


@given(
    st.lists(st.floats(0.0, 5.0), max_size=60),
    st.floats(0.0, 2.0),
    st.lists(st.integers(0, 59), max_size=5),
)
def test_nobody_observes_more_than_there_is_nor_less_than_nothing(
    gaps_s: list[float], spacing_s: float, closings: list[int]
) -> None:
    window = RunningWindow(["gate"], 0.0)
    now_s, last_s, windows = 0.0, 0.0, list[Coverage]()
    for k, gap_s in enumerate(gaps_s):
        now_s += gap_s
        if k in closings and now_s > last_s:
            windows.append(window.close(now_s)[0])
            last_s = now_s
        window.see(now_s, spacing_s)
    windows.append(window.close(now_s + 1.0)[0])
    assert all(0 <= seen.observed_s <= seen.window_s for seen in windows)
    assert sum(seen.frames for seen in windows) == len(gaps_s)


@given(st.lists(st.floats(0.001, 3.0), min_size=2, max_size=40))
def test_what_is_observed_is_the_sum_of_the_gaps_that_are_short_enough(gaps_s: list[float]) -> None:
    window = RunningWindow(["gate"], 0.0)
    times_s = list(itertools.accumulate(gaps_s))
    for time_s in times_s:
        window.see(time_s, 0.0)
    steps = [after - before for before, after in itertools.pairwise(times_s)]
    expected = sum(step for step in steps if step <= LONGEST_GAP_S)
    assert window.close(times_s[-1])[0].observed_s == pytest.approx(expected)


def _coverage(window: RunningWindow, end_s: float) -> tuple[float, float, int]:
    coverage, _ = window.close(end_s)
    return coverage.observed_s, coverage.window_s, coverage.frames
