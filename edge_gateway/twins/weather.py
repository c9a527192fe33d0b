"""The weather of a street in daytime, as a smooth function of time for all twins of one pole."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

Seconds = Callable[[], float]
"""Gives the seconds since the scene began."""

_DAY_S = 86400.0
_BEGIN_S = 10.5 * 3600  # the scene begins at half past ten of its day
_SUNRISE_S, _SUNSET_S = 5.5 * 3600, 18.5 * 3600
_CLEAR_NOON_W_M2 = 950.0
_CLOUD_TRANSMITTANCE = 0.28


@dataclass(frozen=True, slots=True)
class Weather:
    """degC, %RH, W/m2; `wind_u` towards the east and `wind_v` towards the north in m/s."""

    air_temperature: float
    relative_humidity: float
    wind_u: float
    wind_v: float
    global_irradiance: float

    @property
    def wind_speed(self) -> float:
        """In m/s."""
        return math.hypot(self.wind_u, self.wind_v)

    @property
    def wind_direction(self) -> float:
        """Where the wind comes from, in degrees from north through east, 0 <= d < 360."""
        return math.degrees(math.atan2(-self.wind_u, -self.wind_v)) % 360.0


@dataclass(frozen=True, slots=True)
class _Wave:
    period_s: float
    phase: float
    amplitude: float

    def at(self, seconds: float) -> float:
        return self.amplitude * math.sin(math.tau * seconds / self.period_s + self.phase)


class WeatherScene:
    """Sums of waves whose phases come from `seed`: the same seed gives the same weather."""

    def __init__(self, seed: int = 1) -> None:
        chance = random.Random(seed)  # noqa: S311  weather, not a secret

        def waves(*parts: tuple[float, float]) -> tuple[_Wave, ...]:
            return tuple(
                _Wave(period_s * chance.uniform(0.9, 1.1), chance.uniform(0, math.tau), amplitude)
                for period_s, amplitude in parts
            )

        self._bearing = chance.uniform(0, math.tau)
        self._along = waves((600, 0.6), (90, 0.5), (31, 0.45), (11, 0.35), (4.3, 0.25), (1.9, 0.15))
        self._across = waves((420, 0.7), (67, 0.5), (23, 0.4), (7.7, 0.3), (3.1, 0.2))
        self._gusts = waves((47, 1.0), (19, 0.6))
        self._clouds = waves((310, 0.8), (83, 0.7), (37, 0.4))
        self._warmth = waves((900, 0.25), (140, 0.12), (40, 0.05))
        self._damp = waves((700, 0.8), (120, 0.4), (33, 0.15))

    def at(self, seconds: float) -> Weather:
        """The weather `seconds` after the scene began."""
        day_s = (_BEGIN_S + seconds) % _DAY_S
        sun = math.sin(math.pi * (day_s - _SUNRISE_S) / (_SUNSET_S - _SUNRISE_S))
        warm = math.sin(math.tau * (day_s - 9 * 3600) / _DAY_S)
        temperature = 19.0 + 6.0 * warm + _sum(self._warmth, seconds)
        humidity = 58.0 - 18.0 * warm + _sum(self._damp, seconds)
        along = 2.6 + _sum(self._along, seconds) + 2.4 * _gust(_sum(self._gusts, seconds))
        across = _sum(self._across, seconds)
        cos, sin = math.cos(self._bearing), math.sin(self._bearing)
        cloud = _step(_sum(self._clouds, seconds) - 0.2)
        through = 1.0 - (1.0 - _CLOUD_TRANSMITTANCE) * cloud
        return Weather(
            air_temperature=temperature,
            relative_humidity=humidity,
            wind_u=along * sin + across * cos,
            wind_v=along * cos - across * sin,
            global_irradiance=_CLEAR_NOON_W_M2 * max(0.0, sun) * through,
        )


def stopwatch(monotonic_s: Callable[[], float] = time.monotonic) -> Seconds:
    """A scene's time that begins now; hand the same one to all twins of a pole."""
    began_s = monotonic_s()
    return lambda: monotonic_s() - began_s


def _sum(waves: tuple[_Wave, ...], seconds: float) -> float:
    return sum(wave.at(seconds) for wave in waves)


def _gust(height: float) -> float:
    # A gust stands out of the noise now and then: only the crests count, squared.
    return max(0.0, height - 0.4) ** 2


def _step(height: float) -> float:
    # Cloud edges take some seconds to pass, not none.
    return 1.0 / (1.0 + math.exp(-8.0 * height))
