"""The scene is a street's weather: the same for the same seed, smooth, and within reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.twins.weather import Weather, WeatherScene, stopwatch

A_DAY_S = 86400.0
SCENES = [WeatherScene(seed) for seed in range(8)]
seconds = st.floats(0, 30 * A_DAY_S)


@given(seconds)
def test_the_same_seed_gives_the_same_weather(at_s: float) -> None:
    assert WeatherScene(3).at(at_s) == WeatherScene(3).at(at_s)


def test_another_seed_gives_another_weather() -> None:
    assert WeatherScene(3).at(10.0) != WeatherScene(4).at(10.0)


@given(seconds, st.sampled_from(SCENES))
def test_the_weather_stays_within_reason(at_s: float, scene: WeatherScene) -> None:
    weather = scene.at(at_s)
    assert 5 < weather.air_temperature < 35
    assert 20 < weather.relative_humidity < 95
    assert 0 <= weather.wind_speed < 20
    assert 0 <= weather.global_irradiance < 1000


@given(st.floats(0, A_DAY_S), st.sampled_from(SCENES))
def test_the_weather_has_no_jumps(at_s: float, scene: WeatherScene) -> None:
    before, after = scene.at(at_s), scene.at(at_s + 0.01)
    assert after.air_temperature == pytest.approx(before.air_temperature, abs=0.01)
    assert after.wind_u == pytest.approx(before.wind_u, abs=0.2)
    assert after.wind_v == pytest.approx(before.wind_v, abs=0.2)
    assert after.global_irradiance == pytest.approx(before.global_irradiance, abs=5)


@pytest.mark.parametrize("scene", SCENES)
def test_something_happens_in_a_minute_and_a_half(scene: WeatherScene) -> None:
    minute = [scene.at(float(at_s)) for at_s in range(90)]
    speeds = [weather.wind_speed for weather in minute]
    assert max(speeds) > 1.5 * (sum(speeds) / len(speeds))
    suns = [weather.global_irradiance for weather in minute]
    assert min(suns) > 100


def test_at_night_there_is_no_sun() -> None:
    assert WeatherScene(1).at(13.5 * 3600).global_irradiance == 0.0  # midnight of the scene


@pytest.mark.parametrize(
    ("towards_east", "towards_north", "comes_from"),
    [(0.0, -5.0, 0.0), (-5.0, 0.0, 90.0), (0.0, 5.0, 180.0), (5.0, 0.0, 270.0)],
)
def test_wind_is_named_by_where_it_comes_from(
    towards_east: float, towards_north: float, comes_from: float
) -> None:
    weather = Weather(20.0, 50.0, towards_east, towards_north, 0.0)
    assert weather.wind_direction == pytest.approx(comes_from)
    assert weather.wind_speed == pytest.approx(5.0)


def test_a_stopwatch_begins_at_zero() -> None:
    times = iter([100.0, 100.0, 107.5])
    watch = stopwatch(lambda: next(times))
    assert [watch(), watch()] == [0.0, 7.5]
