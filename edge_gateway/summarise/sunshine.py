"""Sunshine duration estimated from global irradiance: a pole has no pyrheliometer.

Sunshine is direct irradiance of 120 W/m2 and more (WMO-No. 8 vol. I ch. 8; JMA: 0.12 kW/m2). What
is made of global irradiance is an estimate, good to about half an hour a day, and is labelled so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, exp, pi, radians, sin

OLIVIERI = "olivieri"
SLOB_MONNA = "slob_monna"

# Below this the method of Olivieri says nothing: no sunshine is counted.
LOWEST_ELEVATION = 3.0
_YEAR_DAYS = 365.0
_CLEAR_W_M2 = 1080.0
_CLEAR_POWER = 1.25

_SOLAR_CONSTANT_W_M2 = 1367.0
# Slob and Monna 1991: below the first sine there is none, below the second another rule.
_NO_SUN, _LOW_SUN = 0.1, 0.3
_OVERCAST = 0.4
_STEADY = 0.1


@dataclass(frozen=True, slots=True)
class Site:
    """The two constants of Olivieri's method, which belong to a place; these are Carpentras'."""

    a: float = 0.73
    b: float = 0.06


def threshold(elevation: float, day_of_year: int, site: Site | None = None) -> float:
    """Global irradiance (W/m2) above which a minute is sunny, by Olivieri (Meteo-France).

    `elevation` of the sun in degrees, at least 3. (A + B cos(2 pi d / 365)) 1080 sin(h)^1.25.
    """
    site = site or Site()
    season = site.a + site.b * cos(2 * pi * day_of_year / _YEAR_DAYS)
    return season * _CLEAR_W_M2 * sin(radians(elevation)) ** _CLEAR_POWER


def is_sunny(
    irradiance: float, elevation: float, day_of_year: int, site: Site | None = None
) -> bool:
    """Whether a minute of this mean irradiance (W/m2) was sunny, by Olivieri."""
    if elevation < LOWEST_ELEVATION:
        return False
    return irradiance > threshold(elevation, day_of_year, site)


def sunny_share(minutes: Sequence[float], elevation: float) -> float:
    """Share of ten minutes that was sunny, 0 to 1, by Slob and Monna (WMO-No. 8 vol. I ch. 8).

    `minutes`: the ten mean irradiances in W/m2; `elevation` in the middle of them. Raises
    ValueError where there is none.
    """
    if not minutes:
        raise ValueError("no minute is given")
    sine = sin(radians(elevation))
    if sine < _NO_SUN:
        return 0.0
    above_air = _SOLAR_CONSTANT_W_M2 * sine
    mean = sum(minutes) / len(minutes) / above_air
    low, high = min(minutes) / above_air, max(minutes) / above_air
    if sine < _LOW_SUN:
        return float(mean > 0.2 + sine / 3 + _direct(6, sine))
    clear = 0.3 + _direct(10, sine)
    if high < _OVERCAST:
        return 0.0
    if low > clear or (high > clear and high - low < _STEADY):
        return 1.0
    diffuse = min(1.2 * low, _OVERCAST)
    return min(max((mean - diffuse) / _direct(8, sine), 0.0), 1.0)


def _direct(turbidity: float, sine: float) -> float:
    """Share of the extraterrestrial irradiance that comes straight through, by Linke turbidity."""
    return exp(-turbidity / (0.9 + 9.4 * sine))
