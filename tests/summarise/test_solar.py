"""The sun's place against pvlib 0.16.1 (NREL SPA), and what must hold anywhere."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.summarise.solar import irradiance_above_air, sun_at

TOKYO = (35.6812, 139.7671)
YEARS = st.floats(-2.2e9, 4.1e9)


def unix_s(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("when", "elevation"),
    [
        ("2026-07-20T03:00:00", 74.7332),
        ("2026-07-19T21:00:00", 14.3805),
        ("2026-12-22T03:00:00", 30.6770),
    ],
)
def test_the_elevation_over_tokyo_is_that_of_pvlib(when: str, elevation: float) -> None:
    assert sun_at(unix_s(when), *TOKYO).elevation == pytest.approx(elevation, abs=0.01)


def test_azimuth_and_refraction_over_tokyo_are_those_of_pvlib() -> None:
    sun = sun_at(unix_s("2026-07-20T03:00:00"), *TOKYO)
    assert sun.azimuth == pytest.approx(191.3333, abs=0.02)
    assert sun.apparent_elevation == pytest.approx(74.7377, abs=0.002)


def test_at_the_horizon_refraction_lifts_the_sun_by_half_a_degree() -> None:
    days = (sun_at(unix_s("2026-03-20T08:30:00") + 5 * n, *TOKYO) for n in range(1000))
    sun = min(days, key=lambda one: abs(one.elevation))
    assert sun.apparent_elevation - sun.elevation == pytest.approx(0.48, abs=0.02)


def test_the_earth_is_nearest_to_the_sun_in_january() -> None:
    january, july = unix_s("2026-01-03T17:00:00"), unix_s("2026-07-06T17:00:00")
    assert sun_at(january, *TOKYO).distance_au == pytest.approx(0.98330, abs=1e-4)
    assert sun_at(july, *TOKYO).distance_au == pytest.approx(1.01664, abs=1e-4)


@given(YEARS, st.floats(-90, 90), st.floats(-180, 180))
def test_anywhere_and_at_any_time_it_is_in_the_sky_or_under_it(
    when: float, latitude: float, longitude: float
) -> None:
    sun = sun_at(when, latitude, longitude)
    assert -90 <= sun.elevation <= sun.apparent_elevation <= 90.1
    assert 0 <= sun.azimuth < 360
    assert 0.98 < sun.distance_au < 1.02
    assert 0 <= irradiance_above_air(sun) <= 1420


@given(YEARS, st.floats(-180, 180))
def test_over_the_poles_it_stands_opposite(when: float, longitude: float) -> None:
    north, south = sun_at(when, 90, longitude), sun_at(when, -90, longitude)
    assert north.elevation == pytest.approx(-south.elevation, abs=1e-6)
