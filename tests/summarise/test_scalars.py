"""Means and extremes of scalars, windows on the monotonic clock, completeness: worked by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.reading import Flag, Measurand, Quantity, Reading, Stamp, Statistic, Window
from edge_gateway.summarise.windows import Summariser, window_of

ROOF = {"roof": 0.1}


def sample(
    seconds: float,
    value: float,
    quantity: Quantity = Quantity.AIR_TEMPERATURE,
    flag: Flag = Flag.GOOD,
) -> Reading:
    return Reading("roof", Measurand(quantity), value, flag, Stamp("b", round(seconds * 1e9)))


def now(seconds: float) -> Stamp:
    return Stamp("b", round(seconds * 1e9))


def minute(*values: float, quantity: Quantity = Quantity.AIR_TEMPERATURE) -> list[Reading]:
    """One sample each ten seconds from 60 s on."""
    return [sample(60 + 10 * i, value, quantity) for i, value in enumerate(values)]


def values(summaries: list[Reading]) -> dict[Statistic, float]:
    return {summary.measurand.statistic: summary.value for summary in summaries}


def test_a_full_minute_gives_mean_minimum_and_maximum() -> None:
    closing = Summariser(ROOF)
    closing.add(minute(20, 21, 22, 23, 24, 25))
    assert values(closing.add([sample(120, 99)])) == {
        Statistic.MEAN: 22.5,
        Statistic.MINIMUM: 20,
        Statistic.MAXIMUM: 25,
    }


def test_a_summary_is_stamped_with_the_end_of_its_window_and_names_its_length() -> None:
    summariser = Summariser(ROOF)
    summariser.add(minute(20, 20, 20, 20, 20, 20))
    mean = summariser.add([sample(120, 20)])[0]
    assert mean.at == now(120)
    assert mean.measurand == Measurand(Quantity.AIR_TEMPERATURE, "", Statistic.MEAN, 60)
    assert (mean.device, mean.flag, mean.reasons) == ("roof", Flag.NOT_EVALUATED, ())


def test_the_mean_is_rounded_to_the_resolution_of_its_quantity() -> None:
    summariser = Summariser(ROOF)
    summariser.add(minute(0, 0, 0, 0, 0, 1))
    assert values(summariser.advance(now(200)))[Statistic.MEAN] == 0.167


def test_irradiance_gives_its_mean_alone() -> None:
    summariser = Summariser(ROOF)
    summariser.add(minute(*[600.0] * 6, quantity=Quantity.GLOBAL_IRRADIANCE))
    assert values(summariser.advance(now(200))) == {Statistic.MEAN: 600.0}


def test_a_window_closes_by_time_when_samples_stop() -> None:
    summariser = Summariser(ROOF)
    summariser.add(minute(20, 20, 20, 20, 20, 20))
    assert summariser.advance(now(120)) == []
    assert len(summariser.advance(now(121))) == 3
    assert summariser.advance(now(122)) == []


def test_four_of_six_samples_are_enough() -> None:
    summariser = Summariser(ROOF)
    summariser.add(minute(20, 21, 22, 23))
    assert values(summariser.advance(now(121)))[Statistic.MEAN] == 21.5


def test_three_of_six_are_not_and_there_is_no_partial_mean() -> None:
    summariser = Summariser(ROOF)
    summariser.add(minute(20, 21, 22))
    summaries = summariser.advance(now(121))
    assert len(summaries) == 3
    for summary in summaries:
        assert math.isnan(summary.value)
        assert (summary.flag, summary.reasons) == (Flag.MISSING, ("insufficient_samples",))


@pytest.mark.parametrize("flag", [Flag.FAIL, Flag.MISSING])
def test_failed_and_missing_samples_are_left_out(flag: Flag) -> None:
    summariser = Summariser(ROOF)
    samples = minute(20, 20, 20, 20, 85, 85)
    bad = math.nan if flag is Flag.MISSING else 85.0
    samples[4:] = [replace(sample, value=bad, flag=flag) for sample in samples[4:]]
    summariser.add(samples)
    assert values(summariser.advance(now(121)))[Statistic.MAXIMUM] == 20


def test_a_suspect_sample_makes_its_minute_suspect_for_the_same_reason() -> None:
    summariser = Summariser(ROOF)
    samples = minute(20, 20, 20, 20, 20, 26)
    samples[5] = replace(samples[5], flag=Flag.SUSPECT, reasons=("step",))
    summariser.add(samples)
    mean = summariser.advance(now(121))[0]
    assert (mean.value, mean.flag, mean.reasons) == (21.0, Flag.SUSPECT, ("step",))


def test_the_calibration_of_all_samples_is_that_of_the_summary() -> None:
    summariser = Summariser(ROOF)
    summariser.add([replace(s, calibration_id="cal-7") for s in minute(*[20.0] * 6)])
    assert summariser.advance(now(121))[0].calibration_id == "cal-7"


def test_samples_of_two_calibrations_have_no_record_in_common() -> None:
    summariser = Summariser(ROOF)
    samples = [replace(s, calibration_id="cal-7") for s in minute(*[20.0] * 6)]
    summariser.add([*samples[:3], *(replace(s, calibration_id="cal-8") for s in samples[3:])])
    assert summariser.advance(now(121))[0].calibration_id == ""


def test_a_sample_at_the_very_end_belongs_to_the_next_window() -> None:
    assert window_of(Stamp("b", 119_999_999_999), 60) == Window(60_000_000_000, 120_000_000_000)
    assert window_of(Stamp("b", 120_000_000_000), 60) == Window(120_000_000_000, 180_000_000_000)


def test_a_sample_of_a_closed_window_is_late_and_left_out() -> None:
    summariser = Summariser(ROOF)
    summariser.add(minute(20, 20, 20, 20, 20, 20))
    summariser.advance(now(121))
    assert summariser.add([sample(119, 99)]) == []
    assert summariser.late == 1
    assert summariser.advance(now(500)) == []


def test_a_sample_stamped_before_the_end_and_handed_over_after_it_still_counts() -> None:
    summariser = Summariser(ROOF)
    summariser.add(minute(20, 20, 20, 20, 20))
    assert summariser.advance(now(120.5)) == []
    summariser.add([sample(119.9, 26)])
    assert values(summariser.advance(now(121)))[Statistic.MEAN] == 21.0


def test_a_minute_in_which_a_device_gave_nothing_yields_nothing() -> None:
    summariser = Summariser(ROOF)
    summariser.add(minute(20, 20, 20, 20, 20, 20))
    closed = summariser.add([sample(600, 20)])
    assert [summary.at for summary in closed] == [now(120)] * 3


def test_people_are_not_summarised_again() -> None:
    summariser = Summariser(ROOF)
    summariser.add([sample(60 + i, 3, Quantity.PEOPLE) for i in range(60)])
    assert summariser.advance(now(500)) == []


def test_summaries_are_not_summarised_again() -> None:
    summariser = Summariser(ROOF)
    summariser.add(minute(20, 20, 20, 20, 20, 20))
    summariser.add(summariser.advance(now(121)))
    assert summariser.advance(now(500)) == []


@pytest.mark.parametrize("expected", [{}, {"roof": 1 / 120}])
def test_a_device_too_slow_for_a_window_is_not_summarised(expected: dict[str, float]) -> None:
    summariser = Summariser(expected)
    summariser.add(minute(20, 20, 20, 20, 20, 20))
    assert summariser.advance(now(500)) == []


def test_devices_and_channels_are_kept_apart() -> None:
    summariser = Summariser({"roof": 0.1, "road": 0.1})
    road = [replace(s, device="road", value=40.0) for s in minute(*[20.0] * 6)]
    inner = Measurand(Quantity.AIR_TEMPERATURE, "inner")
    inside = [replace(s, measurand=inner, value=30.0) for s in minute(*[20.0] * 6)]
    summariser.add([*minute(*[20.0] * 6), *road, *inside])
    means = {
        (s.device, s.measurand.channel): s.value
        for s in summariser.advance(now(200))
        if s.measurand.statistic is Statistic.MEAN
    }
    assert means == {("roof", ""): 20, ("roof", "inner"): 30, ("road", ""): 40}


@given(
    temperatures=st.lists(
        st.floats(min_value=-80, max_value=60, allow_subnormal=False), min_size=4, max_size=6
    )
)
def test_the_mean_lies_between_the_extremes(temperatures: list[float]) -> None:
    summariser = Summariser(ROOF)
    summariser.add(minute(*temperatures))
    given_ = values(summariser.advance(now(200)))
    assert given_[Statistic.MINIMUM] <= given_[Statistic.MEAN] <= given_[Statistic.MAXIMUM]
    assert given_[Statistic.MEAN] == pytest.approx(
        math.fsum(temperatures) / len(temperatures), abs=0.00051
    )


@given(
    gaps=st.lists(st.floats(min_value=0.1, max_value=200), min_size=1, max_size=200),
    window_s=st.sampled_from([10, 60, 600]),
)
def test_every_window_is_summarised_at_most_once_and_in_order(
    gaps: list[float], window_s: int
) -> None:
    summariser = Summariser({"roof": 1.0}, window_s)
    at, ends = 0.0, list[Stamp]()
    for gap in gaps:
        at += gap
        closed = summariser.add([sample(at, 20)]) + summariser.advance(now(at))
        ends += [s.at for s in closed if s.measurand.statistic is Statistic.MEAN]
    nanoseconds = [end.monotonic_ns for end in ends]
    assert nanoseconds == sorted(set(nanoseconds))
    assert all(ns % (window_s * 10**9) == 0 for ns in nanoseconds)
    assert summariser.late == 0
