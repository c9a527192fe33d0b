"""Range and step: limits by hand from Zahumensky 2004, the value always kept."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.reading import Flag, Measurand, Quantity, Reading, Stamp, Statistic
from edge_gateway.trust.flags import RangeAndStep

TEMPERATURE = Measurand(Quantity.AIR_TEMPERATURE)
HUMIDITY = Measurand(Quantity.RELATIVE_HUMIDITY)
MEAN_WIND = Measurand(Quantity.WIND_SPEED, "", Statistic.MEAN, 60)


def sample(
    seconds: float,
    value: float,
    measurand: Measurand = TEMPERATURE,
    flag: Flag = Flag.NOT_EVALUATED,
) -> Reading:
    return Reading("roof", measurand, value, flag, Stamp("boot", round(seconds * 1e9)))


def flags(measurand: Measurand, *samples: tuple[float, float]) -> list[Flag]:
    """The flags of (seconds, value) pairs assessed one after another."""
    trust = RangeAndStep()
    return [trust.assess(sample(at, value, measurand)).flag for at, value in samples]


@pytest.mark.parametrize(
    ("quantity", "value", "flag"),
    [
        (Quantity.AIR_TEMPERATURE, -80.0, Flag.GOOD),
        (Quantity.AIR_TEMPERATURE, -80.001, Flag.FAIL),
        (Quantity.AIR_TEMPERATURE, 60.0, Flag.GOOD),
        (Quantity.AIR_TEMPERATURE, 85.0, Flag.FAIL),
        (Quantity.RELATIVE_HUMIDITY, 100.1, Flag.FAIL),
        (Quantity.WIND_SPEED, 75.1, Flag.FAIL),
        (Quantity.WIND_DIRECTION, 360.0, Flag.GOOD),
        (Quantity.WIND_DIRECTION, 361.0, Flag.FAIL),
        (Quantity.GLOBAL_IRRADIANCE, -5.0, Flag.GOOD),
        (Quantity.GLOBAL_IRRADIANCE, 1600.1, Flag.FAIL),
        (Quantity.AIR_PRESSURE, 49_999.0, Flag.FAIL),
        (Quantity.DEW_POINT, 35.1, Flag.FAIL),
        (Quantity.PRECIPITATION_INTENSITY, 120.0, Flag.GOOD),
        (Quantity.PRECIPITATION_INTENSITY, 2000.1, Flag.FAIL),
        (Quantity.PEOPLE, 0.0, Flag.GOOD),
        (Quantity.PEOPLE, -1.0, Flag.FAIL),
        (Quantity.COVERAGE, 1.01, Flag.FAIL),
    ],
)
def test_a_value_outside_its_range_fails(quantity: Quantity, value: float, flag: Flag) -> None:
    assert flags(Measurand(quantity), (0, value)) == [flag]


def test_a_failed_value_is_kept_and_its_test_named() -> None:
    judged = RangeAndStep().assess(sample(0, 85.0))
    assert (judged.value, judged.reasons) == (85.0, ("range",))


def test_a_quantity_without_limits_stays_not_evaluated() -> None:
    assert flags(Measurand(Quantity.FRAME_RATE), (0, 9.5)) == [Flag.NOT_EVALUATED]


@pytest.mark.parametrize("flag", [Flag.SUSPECT, Flag.FAIL])
def test_a_flag_set_before_never_gets_better(flag: Flag) -> None:
    reading = sample(0, 21.5, flag=flag)
    assert RangeAndStep().assess(reading) is reading


def test_a_missing_value_is_left_alone() -> None:
    reading = sample(0, math.nan, flag=Flag.MISSING)
    assert RangeAndStep().assess(reading) is reading


def test_three_kelvin_in_a_minute_pass_and_more_are_suspect() -> None:
    assert flags(TEMPERATURE, (0, 20.0), (60, 23.0)) == [Flag.GOOD, Flag.GOOD]
    assert flags(TEMPERATURE, (0, 20.0), (60, 23.1)) == [Flag.GOOD, Flag.SUSPECT]


def test_a_step_beyond_the_second_limit_fails() -> None:
    steps = (0, 50.0), (30, 60.1), (60, 65.1)
    assert flags(HUMIDITY, *steps) == [Flag.GOOD, Flag.SUSPECT, Flag.FAIL]


def test_the_test_is_named_behind_the_flag() -> None:
    trust = RangeAndStep()
    trust.assess(sample(0, 20.0))
    judged = trust.assess(sample(10, 30.0))
    assert (judged.value, judged.flag, judged.reasons) == (30.0, Flag.SUSPECT, ("step",))


def test_a_step_is_judged_by_time_and_not_by_sample() -> None:
    # 0.1 K a second is 6 K a minute: no neighbour differs by 3 K, and yet it is too fast.
    ramp = [(second, 20 + 0.1 * second) for second in range(60)]
    judged = flags(TEMPERATURE, *ramp)
    assert judged[:30] == [Flag.GOOD] * 30
    assert Flag.SUSPECT in judged[30:40]


@given(per_second=st.integers(min_value=1, max_value=8))
def test_the_same_change_gets_the_same_flag_at_any_sampling_rate(per_second: int) -> None:
    # 2 K in a minute: always good.
    count = 60 * per_second
    ramp = [(i / per_second, 20 + 2 * i / count) for i in range(count + 1)]
    assert set(flags(TEMPERATURE, *ramp)) == {Flag.GOOD}


def test_after_a_gap_a_change_is_allowed_for_each_minute_of_it() -> None:
    assert flags(TEMPERATURE, (0, 20.0), (600, 49.0))[1] is Flag.GOOD
    assert flags(TEMPERATURE, (0, 20.0), (600, 51.0))[1] is Flag.SUSPECT


def test_a_spike_does_not_condemn_the_values_after_it() -> None:
    spike = (0, 20.0), (10, 30.0), (20, 20.1)
    assert flags(TEMPERATURE, *spike) == [Flag.GOOD, Flag.SUSPECT, Flag.GOOD]


def test_a_lasting_change_is_believed_after_a_minute() -> None:
    after = [(second, 30.0) for second in range(10, 81, 10)]
    judged = flags(TEMPERATURE, (0, 20.0), *after)
    assert judged == [Flag.GOOD] + [Flag.SUSPECT] * 6 + [Flag.GOOD] * 2


def test_wind_may_gust_from_sample_to_sample_but_its_minutes_may_not_jump() -> None:
    assert flags(Measurand(Quantity.WIND_SPEED), (0, 2.0), (0.25, 25.0))[1] is Flag.GOOD
    assert flags(MEAN_WIND, (60, 2.0), (120, 12.1))[1] is Flag.SUSPECT
    assert flags(MEAN_WIND, (60, 2.0), (120, 22.1))[1] is Flag.FAIL


def test_extremes_are_held_against_the_range_only() -> None:
    highest = Measurand(Quantity.AIR_TEMPERATURE, "", Statistic.MAXIMUM, 60)
    assert flags(highest, (60, 20.0), (120, 30.0)) == [Flag.GOOD, Flag.GOOD]


def test_devices_are_judged_apart() -> None:
    trust = RangeAndStep()
    trust.assess(sample(0, 20.0))
    other = Reading("road", TEMPERATURE, 50.0, Flag.NOT_EVALUATED, Stamp("boot", 1))
    assert trust.assess(other).flag is Flag.GOOD
