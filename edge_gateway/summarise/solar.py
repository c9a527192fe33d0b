"""Where the sun stands: elevation and azimuth, good to 0.05 degrees from 1900 to 2100.

The method is that of the NOAA solar calculator (gml.noaa.gov/grad/solcalc), after Meeus,
Astronomical Algorithms, 2nd ed. 1998, chapters 12, 22 and 25. All angles in and out are degrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, atan2, cos, degrees, radians, sin, tan

# Julian date of 1970-01-01 00:00 UTC and of J2000.0.
_JULIAN_1970 = 2_440_587.5
_JULIAN_2000 = 2_451_545.0
_DAYS_PER_CENTURY = 36_525.0
_S_PER_DAY = 86_400.0
# Terrestrial time runs ahead of UTC; in 70 s the sun moves 0.0008 degrees.
_DELTA_T_S = 69.0


@dataclass(frozen=True, slots=True)
class Sun:
    """The sun's place in the sky of one point.

    `elevation`: of its middle above the horizon, without refraction; `apparent_elevation` with it,
    at 1010 hPa and 10 degrees C. `azimuth`: clockwise from north, 0 to 360. `distance_au`: to the
    earth, in astronomical units.
    """

    elevation: float
    apparent_elevation: float
    azimuth: float
    distance_au: float


def sun_at(unix_s: float, latitude: float, longitude: float) -> Sun:
    """The sun at a moment (seconds since 1970 UTC), seen from degrees north and east."""
    julian = unix_s / _S_PER_DAY + _JULIAN_1970
    century = (julian + _DELTA_T_S / _S_PER_DAY - _JULIAN_2000) / _DAYS_PER_CENTURY
    longitude_of_sun, distance_au = _ecliptic(century)
    node = radians(125.04 - 1934.136 * century)
    apparent = radians(longitude_of_sun - 0.00569 - 0.00478 * sin(node))
    tilt = radians(_mean_tilt(century) + 0.00256 * cos(node))
    declination = asin(sin(tilt) * sin(apparent))
    ascension = atan2(cos(tilt) * sin(apparent), cos(apparent))
    hour = radians(_sidereal(julian, node, tilt) + longitude) - ascension
    north = radians(latitude)
    sine = sin(north) * sin(declination) + cos(north) * cos(declination) * cos(hour)
    elevation = degrees(asin(max(-1.0, min(1.0, sine))))
    azimuth = degrees(atan2(-sin(hour), tan(declination) * cos(north) - sin(north) * cos(hour)))
    return Sun(elevation, elevation + _refraction(elevation), azimuth % 360.0, distance_au)


def _ecliptic(century: float) -> tuple[float, float]:
    """True longitude of the sun and its distance."""
    anomaly = radians(357.52911 + century * (35_999.05029 - 0.0001537 * century))
    centre = (
        sin(anomaly) * (1.914602 - century * (0.004817 + 0.000014 * century))
        + sin(2 * anomaly) * (0.019993 - 0.000101 * century)
        + sin(3 * anomaly) * 0.000289
    )
    longitude = 280.46646 + century * (36_000.76983 + 0.0003032 * century) + centre
    eccentricity = 0.016708634 - century * (0.000042037 + 0.0000001267 * century)
    true_anomaly = anomaly + radians(centre)
    distance = 1.000001018 * (1 - eccentricity**2) / (1 + eccentricity * cos(true_anomaly))
    return longitude, distance


def _mean_tilt(century: float) -> float:
    arc_s = 21.448 - century * (46.815 + century * (0.00059 - 0.001813 * century))
    return 23 + (26 + arc_s / 60) / 60


def _sidereal(julian: float, node: float, tilt: float) -> float:
    """Apparent sidereal time at Greenwich, in degrees."""
    days = julian - _JULIAN_2000
    century = days / _DAYS_PER_CENTURY
    mean = 280.46061837 + 360.98564736629 * days + 0.000387933 * century**2
    return mean - 0.00478 * sin(node) * cos(tilt)


def _refraction(elevation: float) -> float:
    """Saemundsson 1986 (Meeus, chapter 16), in degrees; none far below the horizon."""
    if elevation < -1.0:
        return 0.0
    arc_min = 1.02 / tan(radians(elevation + 10.3 / (elevation + 5.11)))
    return max(arc_min, 0.0) / 60


def irradiance_above_air(sun: Sun) -> float:
    """Extraterrestrial irradiance on a level surface, W/m2, 0 at night; 1361.1 at 1 au (WMO)."""
    return max(0.0, 1361.1 / sun.distance_au**2 * sin(radians(sun.elevation)))
