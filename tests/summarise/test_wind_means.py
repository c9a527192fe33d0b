"""Wind: scalar mean speed, vector mean direction, 3-s gust; against numpy and by brute force."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_gateway.reading import Flag, Measurand, Quantity, Reading, Stamp, Statistic
from edge_gateway.summarise.windows import Summariser

SPEED = Measurand(Quantity.WIND_SPEED)
DIRECTION = Measurand(Quantity.WIND_DIRECTION)
MINUTE = 240

# One frame at 4 Hz: speed and direction; None for what the device left out.
Frame = tuple[float | None, float | None]


def readings(frames: Iterable[Frame | None], start_s: float = 60.0) -> list[Reading]:
    """Frames of 0.25 s; a frame that is None never came."""
    found: list[Reading] = []
    for number, frame in enumerate(frames):
        if frame is None:
            continue
        at = Stamp("b", round((start_s + number / 4) * 1e9))
        for measurand, value in zip((SPEED, DIRECTION), frame, strict=True):
            flag = Flag.MISSING if value is None else Flag.GOOD
            kept = math.nan if value is None else value
            found.append(Reading("mast", measurand, kept, flag, at))
    return found


def summary(frames: Sequence[Frame | None]) -> dict[tuple[Quantity, Statistic], Reading]:
    """The summaries of the minute that begins with the frames."""
    summariser = Summariser({"mast": 4.0})
    summariser.add(readings(frames))
    closed = summariser.advance(Stamp("b", 121 * 10**9))
    return {(s.measurand.quantity, s.measurand.statistic): s for s in closed}


def mean_speed(frames: Sequence[Frame | None]) -> Reading:
    return summary(frames)[Quantity.WIND_SPEED, Statistic.MEAN]


def mean_direction(frames: Sequence[Frame | None]) -> Reading:
    return summary(frames)[Quantity.WIND_DIRECTION, Statistic.MEAN]


def gust(frames: Sequence[Frame | None]) -> Reading:
    return summary(frames)[Quantity.WIND_SPEED, Statistic.GUST]


def test_the_mean_of_350_and_10_degrees_is_north() -> None:
    frames: list[Frame | None] = [(5.0, 350.0), (5.0, 10.0)] * 120
    assert mean_direction(frames).value == 0.0
    assert mean_speed(frames).value == 5.0


def test_a_strong_wind_weighs_more_than_a_weak_one() -> None:
    # Three parts of north, one of east: atan(1 / 3) = 18.435 degrees.
    frames: list[Frame | None] = [(3.0, 0.0), (1.0, 90.0)] * 120
    assert mean_direction(frames).value == 18.4


def test_calm_air_has_a_speed_and_no_direction() -> None:
    frames: list[Frame | None] = [(0.04, None)] * MINUTE
    direction = mean_direction(frames)
    assert (direction.flag, direction.reasons) == (Flag.MISSING, ("calm",))
    assert mean_speed(frames).value == 0.04


def test_calm_air_has_no_direction_even_where_the_device_repeats_the_last() -> None:
    assert mean_direction([(0.2, 90.0)] * MINUTE).reasons == ("calm",)


@pytest.mark.parametrize("north", [120, 121, 122])
def test_winds_that_all_but_cancel_point_nowhere(north: int) -> None:
    # 122 against 118 leave a mean vector of 5 * 4 / 240 = 0.083 m/s.
    frames: list[Frame | None] = [*[(5.0, 0.0)] * north, *[(5.0, 180.0)] * (MINUTE - north)]
    direction = mean_direction(frames)
    assert (direction.flag, direction.reasons) == (Flag.MISSING, ("no_resultant",))


def test_samples_of_still_air_count_as_complete_for_the_direction() -> None:
    frames: list[Frame | None] = [*[(2.0, 45.0)] * 120, *[(0.0, None)] * 120]
    assert mean_direction(frames).value == 45.0


def test_directions_missing_in_a_wind_do_not() -> None:
    frames: list[Frame | None] = [*[(2.0, 45.0)] * 179, *[(2.0, None)] * 61]
    assert mean_direction(frames).reasons == ("insufficient_samples",)
    assert mean_speed(frames).value == 2.0


def test_a_direction_that_the_device_never_sends_in_still_air_counts_too() -> None:
    summariser = Summariser({"mast": 4.0})
    frames: list[Frame | None] = [*[(2.0, 45.0)] * 120, *[(0.0, None)] * 120]
    sent = [r for r in readings(frames) if r.flag is not Flag.MISSING]
    summariser.add(sent)
    closed = summariser.advance(Stamp("b", 121 * 10**9))
    (direction,) = [s for s in closed if s.measurand.quantity is Quantity.WIND_DIRECTION]
    assert direction.value == 45.0


def test_three_quarters_of_the_samples_are_enough() -> None:
    assert mean_speed([(5.0, 0.0)] * 180).value == 5.0
    assert mean_speed([(5.0, 0.0)] * 179).reasons == ("insufficient_samples",)


def test_a_device_without_a_vane_gives_speeds_alone() -> None:
    summariser = Summariser({"mast": 4.0})
    summariser.add(r for r in readings([(5.0, 0.0)] * MINUTE) if r.measurand == SPEED)
    closed = summariser.advance(Stamp("b", 121 * 10**9))
    assert {s.measurand.quantity for s in closed} == {Quantity.WIND_SPEED}


def test_the_two_halves_of_a_frame_may_come_in_either_order() -> None:
    samples = readings([(3.0, 0.0), (1.0, 90.0)] * 120)
    samples[::2], samples[1::2] = samples[1::2], samples[::2]
    summariser = Summariser({"mast": 4.0})
    summariser.add(samples)
    closed = summariser.advance(Stamp("b", 121 * 10**9))
    (direction,) = [s for s in closed if s.measurand.quantity is Quantity.WIND_DIRECTION]
    assert direction.value == 18.4


def test_twelve_samples_make_a_gust() -> None:
    frames: list[Frame | None] = [(2.0, 0.0)] * MINUTE
    frames[100:112] = [(14.0, 0.0)] * 12
    assert gust(frames).value == 14.0


def test_eleven_strong_samples_are_averaged_with_their_neighbour() -> None:
    frames: list[Frame | None] = [(2.0, 0.0)] * MINUTE
    frames[100:111] = [(14.0, 0.0)] * 11
    assert gust(frames).value == 13.0


def test_one_sample_of_the_twelve_may_be_missing() -> None:
    frames: list[Frame | None] = [(2.0, 0.0)] * MINUTE
    frames[100:112] = [(14.0, 0.0)] * 12
    frames[105] = None
    assert gust(frames).value == 14.0


def test_with_two_missing_there_is_no_gust_of_those_three_seconds() -> None:
    frames: list[Frame | None] = [(2.0, 0.0)] * MINUTE
    frames[100:112] = [(14.0, 0.0)] * 12
    frames[105] = frames[106] = None
    # The windows that end at sample 116 or earlier miss two; at 117 five strong ones are left,
    # 107 to 111, of which the window 106 ... 117 misses one: (5 * 14 + 6 * 2) / 11.
    assert gust(frames).value == pytest.approx((5 * 14 + 6 * 2) / 11, abs=0.0005)


def test_a_gust_that_began_in_the_minute_before_counts_where_it_ends() -> None:
    summariser = Summariser({"mast": 4.0})
    frames: list[Frame | None] = [(2.0, 0.0)] * (2 * MINUTE)
    frames[MINUTE - 6 : MINUTE + 6] = [(14.0, 0.0)] * 12
    closed = summariser.add(readings(frames)) + summariser.advance(Stamp("b", 181 * 10**9))
    gusts = [s.value for s in closed if s.measurand.statistic is Statistic.GUST]
    assert gusts == [8.0, 14.0]


def test_a_device_too_slow_for_the_definition_gives_no_gust() -> None:
    summariser = Summariser({"mast": 1.0})
    summariser.add(readings([(5.0, 0.0), None, None, None] * 60))
    closed = summariser.advance(Stamp("b", 121 * 10**9))
    assert {s.measurand.statistic for s in closed} == {Statistic.MEAN}


def test_a_device_that_sends_slower_than_promised_gives_a_missing_gust() -> None:
    reading = gust([(5.0, 0.0), None] * 120)
    assert (reading.flag, reading.reasons) == (Flag.MISSING, ("insufficient_samples",))


@given(seed=st.integers(0, 2**32 - 1), spread=st.floats(0, 180), centre=st.floats(0, 360))
def test_means_agree_with_numpy(seed: int, spread: float, centre: float) -> None:
    random = np.random.default_rng(seed)
    speeds = random.gamma(2.0, 2.0, MINUTE)
    directions = (centre + random.uniform(-spread, spread, MINUTE)) % 360
    frames: list[Frame | None] = list(zip(speeds.tolist(), directions.tolist(), strict=True))
    mean = np.mean(speeds * np.exp(1j * np.radians(directions)))
    assert mean_speed(frames).value == pytest.approx(float(np.mean(speeds)), abs=0.00051)
    found = mean_direction(frames)
    if abs(mean) < 0.1:
        assert found.reasons == ("no_resultant",)
    else:
        apart = (found.value - math.degrees(float(np.angle(mean))) + 180) % 360 - 180
        assert abs(apart) <= 0.0501
        assert 0 <= found.value < 360


@given(seed=st.integers(0, 2**32 - 1), lost=st.sampled_from([0.0, 0.02, 0.1, 0.24]))
def test_the_gust_is_that_of_brute_force_over_every_three_seconds(seed: int, lost: float) -> None:
    random = np.random.default_rng(seed)
    speeds = random.gamma(2.0, 2.0, MINUTE)
    speeds[random.random(MINUTE) < lost] = np.nan
    there = ~np.isnan(speeds)
    candidates = [
        float(np.nanmean(speeds[end - 11 : end + 1]))
        for end in range(11, MINUTE)
        if there[end] and np.count_nonzero(there[end - 11 : end + 1]) >= 11
    ]
    if there[:11].all():
        candidates.append(float(np.mean(speeds[:11])))
    frames: list[Frame | None] = [None if math.isnan(s) else (s, 0.0) for s in speeds.tolist()]
    found = gust(frames)
    if candidates and np.count_nonzero(there) >= 180:
        assert found.value == pytest.approx(max(candidates), abs=0.00051)
    else:
        assert found.flag is Flag.MISSING


@settings(max_examples=30)
@given(jitter=st.lists(st.floats(-0.06, 0.06), min_size=MINUTE, max_size=MINUTE))
def test_jitter_of_arrival_neither_adds_nor_takes_samples_of_a_gust(jitter: list[float]) -> None:
    frames: list[Frame | None] = [(2.0, 0.0)] * MINUTE
    frames[100:112] = [(14.0, 0.0)] * 12
    summariser = Summariser({"mast": 4.0})
    for number, shift in enumerate(jitter):
        summariser.add(readings([frames[number]], 60.1 + number / 4 + shift))
    closed = summariser.advance(Stamp("b", 121 * 10**9))
    (found,) = [s for s in closed if s.measurand.statistic is Statistic.GUST]
    assert found.value == 14.0
