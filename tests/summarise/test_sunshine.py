"""Sunshine from global irradiance; the numbers are those of the two published methods."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.summarise.sunshine import Site, is_sunny, sunny_share, threshold


@pytest.mark.parametrize(
    ("day", "elevation", "watts"),
    [
        (172, 3.0, 18.1),
        (172, 10.0, 81.2),
        # Public copies that take the sine of pi/180 and multiply give another value here.
        (172, 30.0, 304.7),
        (172, 60.0, 605.4),
        (201, 74.7, 694.8),
        (356, 30.7, 367.9),
    ],
)
def test_the_threshold_of_olivieri(day: int, elevation: float, watts: float) -> None:
    assert threshold(elevation, day) == pytest.approx(watts, abs=0.1)


def test_a_minute_is_sunny_above_the_threshold_and_not_on_a_low_sun() -> None:
    assert is_sunny(304.9, 30.0, 172)
    assert not is_sunny(304.5, 30.0, 172)
    assert not is_sunny(900.0, 2.9, 172)


def test_a_site_has_its_own_constants() -> None:
    assert not is_sunny(304.9, 30.0, 172, Site(a=0.75, b=0.06))


# At 30 degrees G0 is 683.5 W/m2, 0.3 + X(10) is 0.468 and X(8) 0.2395.
@pytest.mark.parametrize(
    ("minutes", "share"),
    [
        ([270.0] * 10, 0.0),
        ([330.0] * 10, 1.0),
        ([320.1] * 9 + [319.0], 1.0),
        ([205.05] * 5 + [410.1] * 5, 0.376),
    ],
    ids=["overcast", "all above", "steady", "broken"],
)
def test_ten_minutes_by_slob_and_monna(minutes: list[float], share: float) -> None:
    assert sunny_share(minutes, 30.0) == pytest.approx(share, abs=0.002)


@pytest.mark.parametrize(("watts", "share"), [(206.0, 1.0), (203.0, 0.0)])
def test_a_low_sun_has_a_rule_of_its_own(watts: float, share: float) -> None:
    # At 17.46 degrees the limit is 0.499 of G0, which is 410.15 W/m2 there: 204.7.
    assert sunny_share([watts] * 10, 17.45) == share


@given(st.lists(st.floats(-10, 1600), min_size=1, max_size=10), st.floats(-90, 90))
def test_a_share_is_a_share(minutes: list[float], elevation: float) -> None:
    assert 0 <= sunny_share(minutes, elevation) <= 1


def test_no_minute_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="no minute"):
        sunny_share([], 30.0)
