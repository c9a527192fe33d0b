from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.people.boundary import Coverage, Direction, LineCount, SourceState, Unseen
from edge_gateway.people.lines import Crossing
from edge_gateway.people.observation import LONGEST_GAP_S, RunningWindow
from edge_gateway.people.track import FootPoint, Track
from edge_gateway.people.zones import Zone

TEN_A_SECOND = 0.1
# Feet at x = 150 are inside, at 50 and 250 outside, at 95 and 105 of 100 px people undecided.
SQUARE = Zone("square", ((100, 100), (200, 100), (200, 300), (100, 300)))


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
    assert window.close(10.0).lines == (
        LineCount("gate", Direction.FORWARD, 2),
        LineCount("gate", Direction.BACKWARD, 0),
        LineCount("door", Direction.FORWARD, 0),
        LineCount("door", Direction.BACKWARD, 1),
    )


def test_the_next_window_begins_at_zero() -> None:
    window = RunningWindow(["gate"], 0.0)
    window.cross("gate", Direction.FORWARD)
    window.close(10.0)
    assert [part.count for part in window.close(20.0).lines] == [0, 0]


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
            windows.append(window.close(now_s).coverage)
            last_s = now_s
        window.see(now_s, spacing_s)
    windows.append(window.close(now_s + 1.0).coverage)
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
    assert window.close(times_s[-1]).coverage.observed_s == pytest.approx(expected)


def test_a_cause_takes_its_seconds_and_no_gap_around_it_is_observed() -> None:
    window = RunningWindow(["gate"], 0.0)
    for k in range(31):
        window.see(k / 10, TEN_A_SECOND)
    # Told twice a second as it goes on, as the counter's loop does.
    for k in range(4):
        window.unseen(SourceState.DARK, 3.0 + k / 2, 3.5 + k / 2)
    for k in range(50, 101):
        window.see(k / 10, TEN_A_SECOND)
    coverage = window.close(10.0).coverage
    (unseen,) = coverage.unseen_s
    assert (unseen.state, unseen.seconds) == (SourceState.DARK, pytest.approx(2.0))
    assert coverage.observed_s == pytest.approx(8.0)


def test_a_short_darkness_is_no_gap_that_is_forgiven() -> None:
    window = RunningWindow(["gate"], 0.0)
    window.see(1.0, TEN_A_SECOND)
    window.unseen(SourceState.DARK, 1.1, 1.3)
    window.see(1.4, TEN_A_SECOND)
    window.see(1.5, TEN_A_SECOND)
    assert window.close(10.0).coverage.observed_s == pytest.approx(0.2)


def test_a_cause_over_the_end_of_a_window_is_in_both_for_its_share() -> None:
    window = RunningWindow(["gate"], 0.0)
    window.unseen(SourceState.LOST, 7.0, 12.0)
    shares = [window.close(end_s).coverage.unseen_s for end_s in (10.0, 20.0, 30.0)]
    assert shares == [(Unseen(SourceState.LOST, 3.0),), (Unseen(SourceState.LOST, 2.0),), ()]


def test_causes_are_told_apart() -> None:
    window = RunningWindow(["gate"], 0.0)
    window.unseen(SourceState.OPENING, 0.0, 1.0)
    window.unseen(SourceState.BLURRED, 1.0, 3.0)
    window.unseen(SourceState.OPENING, 3.0, 4.0)
    found = {part.state: part.seconds for part in window.close(10.0).coverage.unseen_s}
    assert found == {SourceState.OPENING: 2.0, SourceState.BLURRED: 2.0}


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from(SourceState), st.floats(0, 2), st.floats(0, 2)),
        max_size=40,
    )
)
def test_observed_and_unseen_are_never_more_than_the_window(
    parts: list[tuple[bool, SourceState, float, float]],
) -> None:
    window = RunningWindow(["gate"], 0.0)
    now_s = 0.0
    for seen, state, first_s, then_s in parts:
        if seen:
            window.see(now_s + first_s, TEN_A_SECOND)
        else:
            window.unseen(state, now_s + first_s, now_s + first_s + then_s)
        now_s += first_s + then_s
    coverage = window.close(now_s + 1.0).coverage
    unseen_s = sum(part.seconds for part in coverage.unseen_s)
    assert coverage.observed_s + unseen_s <= coverage.window_s + 1e-6


def test_a_speed_is_the_mean_of_those_that_are_known() -> None:
    window = RunningWindow(["gate"], 0.0)
    for speed_m_s in (1.0, None, 1.5):
        window.cross("gate", Direction.FORWARD, speed_m_s)
    forward, backward = window.close(10.0).lines
    assert (forward.count, forward.speed_mean_m_s) == (3, 1.25)
    assert backward.speed_mean_m_s is None
    assert window.close(20.0).lines[0].speed_mean_m_s is None


def test_one_who_stays_for_half_the_window_is_half_a_person_on_average() -> None:
    window = RunningWindow([], 0.0, [SQUARE])
    _show(window, [(0.0, [50]), (2.5, [150]), (7.5, [50]), (10.0, [])])
    (zone,) = window.close(10.0).zones
    assert zone.mean_people == pytest.approx(0.5, abs=0.02)
    assert (zone.most_people, zone.entered, sum(zone.dwell), zone.cut_short) == (1, 1, 1, 0)
    assert zone.dwell_mean_s == pytest.approx(5.0, abs=0.2)


def test_occupancy_is_by_observed_time_only() -> None:
    window = RunningWindow([], 0.0, [SQUARE])
    _show(window, [(0.0, [150]), (4.0, [])])
    window.unseen(SourceState.LOST, 4.0, 10.0)
    (zone,) = window.close(10.0).zones
    assert zone.mean_people == pytest.approx(1.0, abs=0.05)


def test_who_is_known_late_was_there_from_the_border_on() -> None:
    """A track on trial for two of four seconds has been there for three and a half of them."""
    window = RunningWindow([], 0.0, [SQUARE])
    late = [FootPoint(k / 10, 90 + 2.0 * k, 200) for k in range(20)]
    for k in range(41):
        steps = late if k == 20 else [FootPoint(k / 10, 130, 200)] * (k > 20)
        window.see(k / 10, TEN_A_SECOND)
        window.take(_Seen([_person(1, steps)] if steps else []), k / 10)
    (zone,) = window.close(4.0).zones
    assert zone.mean_people == pytest.approx(3.5 / 4, abs=0.01)


def test_a_stay_over_two_windows_runs_in_the_first_and_ends_in_the_second_as_a_whole() -> None:
    window = RunningWindow([], 0.0, [SQUARE])
    _show(window, [(0.0, [50]), (1.0, [150]), (10.0, [])])
    first = window.close(10.0).zones[0]
    _show(window, [(10.0, [150]), (12.0, [50]), (20.0, [])])
    second = window.close(20.0).zones[0]
    # 9 s so far, then 11 s in all: both between 5 and 15 s.
    in_second_bin = (0, 1, *[0] * 7)
    assert (first.entered, sum(first.dwell), first.running) == (1, 0, in_second_bin)
    assert (second.entered, second.dwell, sum(second.running)) == (0, in_second_bin, 0)
    assert second.mean_people == pytest.approx(0.2, abs=0.02)


def test_after_a_cut_who_is_still_there_enters_anew_and_both_stays_are_cut_short() -> None:
    window = RunningWindow([], 0.0, [SQUARE])
    _show(window, [(0.0, [50]), (1.0, [150]), (4.0, [])])
    window.cut()
    _show(window, [(4.0, [150]), (8.0, [50]), (10.0, [])])
    (zone,) = window.close(10.0).zones
    assert (zone.entered, sum(zone.dwell), zone.cut_short) == (2, 2, 2)
    assert (zone.most_people, sum(zone.running)) == (1, 0)


@given(
    st.lists(st.lists(st.sampled_from([50, 95, 105, 150, 250]), max_size=3), max_size=60),
    st.sets(st.integers(0, 59)),
)
def test_what_entered_less_what_left_is_the_change_of_who_is_there(
    pictures: list[list[int]], closings: set[int]
) -> None:
    window = RunningWindow([], 0.0, [SQUARE])
    there = 0
    for k, people in enumerate(pictures):
        window.see(k / 10, TEN_A_SECOND)
        feet = [_person(n, [FootPoint(k / 10, x, 200)]) for n, x in enumerate(people)]
        window.take(_Seen(feet), k / 10)
        if k in closings:
            (zone,) = window.close(k / 10 + 0.05).zones
            now_there = sum(zone.running)
            assert zone.entered - sum(zone.dwell) == now_there - there
            assert zone.most_people >= max(there, now_there)
            there = now_there


@dataclass(frozen=True)
class _Seen:
    tracks: Sequence[Track]
    crossings: Sequence[Crossing] = ()


def _person(number: int, steps: Sequence[FootPoint]) -> Track:
    return Track(number, 0, 100, 40, 100, observed=True, score=0.9, steps=tuple(steps))


def _show(window: RunningWindow, scenes: list[tuple[float, list[int]]]) -> None:
    """Ten pictures a second: from each time on people stand at these x, until the last time."""
    for (from_s, people), (to_s, _) in itertools.pairwise(scenes):
        for k in range(round(from_s * 10), round(to_s * 10)):
            window.see(k / 10, TEN_A_SECOND)
            feet = [_person(n, [FootPoint(k / 10, x, 200)]) for n, x in enumerate(people)]
            window.take(_Seen(feet), k / 10)


def _coverage(window: RunningWindow, end_s: float) -> tuple[float, float, int]:
    coverage = window.close(end_s).coverage
    return coverage.observed_s, coverage.window_s, coverage.frames
