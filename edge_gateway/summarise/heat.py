"""How the air feels and what it holds: dew point, heat index, estimated WBGT and its category."""

from __future__ import annotations

from enum import StrEnum
from math import log, nan, sqrt

WBGT_METHOD = "ono-tonouchi-2014"

# Magnus with the constants of Sonntag 1990 over water (WMO-No. 8 vol. I annex 4.B), degrees C.
_MAGNUS_A, _MAGNUS_B = 17.62, 243.12


class HeatRisk(StrEnum):
    """Categories of daily life by WBGT (Japanese Society of Biometeorology, guideline ver. 4)."""

    CAUTION = "caution"
    """Below 25 degrees C; in Japan: chui."""
    WARNING = "warning"
    """From 25; keikai."""
    SEVERE_WARNING = "severe_warning"
    """From 28; genju keikai."""
    DANGER = "danger"
    """From 31; kiken."""


_RISKS = ((31.0, HeatRisk.DANGER), (28.0, HeatRisk.SEVERE_WARNING), (25.0, HeatRisk.WARNING))

# Where the heat index takes over from the simple form, and where it is adjusted: degrees F and %.
_HOT_F = 80.0
_DRY, _DRY_UP_TO_F = 13.0, 112.0
_DAMP, _DAMP_UP_TO_F = 85.0, 87.0


def dew_point(temperature: float, humidity: float) -> float:
    """Dew point (degrees C) of air at degrees C and % relative humidity; NaN for no humidity."""
    if humidity <= 0:
        return nan
    part = log(humidity / 100) + _MAGNUS_A * temperature / (_MAGNUS_B + temperature)
    return _MAGNUS_B * part / (_MAGNUS_A - part)


def wbgt_estimate(
    temperature: float, humidity: float, irradiance: float, wind_speed: float
) -> float:
    """Wet bulb globe temperature (degrees C) as the Ministry of the Environment estimates it.

    From degrees C, %, global irradiance in W/m2 and mean wind in m/s (Ono and Tonouchi 2014, as at
    wbgt.env.go.jp, where irradiance is in kW/m2). Fitted to weather stations, not to streets.
    """
    sun = max(irradiance, 0.0) / 1000
    return (
        0.735 * temperature
        + 0.0374 * humidity
        + 0.00292 * temperature * humidity
        + 7.619 * sun
        - 4.557 * sun**2
        - 0.0572 * wind_speed
        - 4.064
    )


def heat_risk(wbgt: float) -> HeatRisk:
    """The category of a WBGT in degrees C."""
    return next((risk for least, risk in _RISKS if wbgt >= least), HeatRisk.CAUTION)


def heat_index(temperature: float, humidity: float) -> float:
    """Apparent temperature (degrees C) of the US National Weather Service, from degrees C and %.

    Rothfusz 1990 (SR 90-23) with the adjustments of wpc.ncep.noaa.gov, Steadman's simple form
    where it stays below 80 degrees F.
    """
    t, h = temperature * 9 / 5 + 32, humidity
    simple = 0.5 * (t + 61 + (t - 68) * 1.2 + h * 0.094)
    if (simple + t) / 2 < _HOT_F:
        return (simple - 32) * 5 / 9
    index = (
        -42.379
        + 2.04901523 * t
        + 10.14333127 * h
        - 0.22475541 * t * h
        - 6.83783e-3 * t**2
        - 5.481717e-2 * h**2
        + 1.22874e-3 * t**2 * h
        + 8.5282e-4 * t * h**2
        - 1.99e-6 * t**2 * h**2
    )
    if h < _DRY and _HOT_F <= t <= _DRY_UP_TO_F:
        index -= (13 - h) / 4 * sqrt((17 - abs(t - 95)) / 17)
    elif h > _DAMP and _HOT_F <= t <= _DAMP_UP_TO_F:
        index += (h - 85) / 10 * (87 - t) / 5
    return (index - 32) * 5 / 9
