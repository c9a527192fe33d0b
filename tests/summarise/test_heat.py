"""Heat: the ministry's numbers for WBGT, MetPy 1.7.1 and pythermalcomfort 4.8.1 for the rest."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.summarise.heat import HeatRisk, dew_point, heat_index, heat_risk, wbgt_estimate


@pytest.mark.parametrize(
    ("temperature", "humidity", "kilowatts", "wind", "wbgt"),
    [
        (35, 50, 0.9, 2.0, 31.693),
        (30, 60, 0.0, 1.0, 25.429),
        (28, 80, 0.3, 0.5, 27.896),
        (33, 55, 0.836, 3.1, 30.555),
        (33.4, 55, 0.8123, 2.31, 30.956),
    ],
)
def test_wbgt_is_that_of_ono_and_tonouchi(
    temperature: float, humidity: float, kilowatts: float, wind: float, wbgt: float
) -> None:
    found = wbgt_estimate(temperature, humidity, kilowatts * 1000, wind)
    assert found == pytest.approx(wbgt, abs=0.001)


@given(st.floats(-20, 45), st.floats(0, 100), st.floats(-10, 1400), st.floats(0, 30))
def test_irradiance_is_taken_in_watts(t: float, h: float, watts: float, wind: float) -> None:
    assert -40 < wbgt_estimate(t, h, watts, wind) < 60


@pytest.mark.parametrize(
    ("wbgt", "risk"),
    [
        (24.9, HeatRisk.CAUTION),
        (25.0, HeatRisk.WARNING),
        (27.9, HeatRisk.WARNING),
        (28.0, HeatRisk.SEVERE_WARNING),
        (31.0, HeatRisk.DANGER),
    ],
)
def test_the_categories_begin_at_25_28_and_31(wbgt: float, risk: HeatRisk) -> None:
    assert heat_risk(wbgt) is risk


def test_the_dew_point_is_that_of_metpy() -> None:
    assert dew_point(30, 50) == pytest.approx(18.417, abs=0.05)


@given(st.floats(-40, 50), st.floats(1, 100))
def test_the_dew_point_is_never_above_the_temperature(t: float, h: float) -> None:
    assert dew_point(t, h) <= t + 1e-9


def test_dry_air_has_no_dew_point() -> None:
    assert math.isnan(dew_point(20, 0))


def test_the_heat_index_is_that_of_metpy() -> None:
    assert heat_index(35, 60) == pytest.approx(45.05, abs=0.1)


def test_in_mild_air_the_heat_index_is_the_simple_one() -> None:
    # 68 F and 50 %: 0.5 (68 + 61 + 0 + 4.7) = 66.85 F.
    assert heat_index(20, 50) == pytest.approx(19.36, abs=0.01)
