"""What a driver measured, as readings: stamped once, rounded, missing where there is no value."""

from __future__ import annotations

import math

from edge_gateway.reading import Flag, Flagged, Measurand, Measured, Quantity, Reading, Stamp


def readings_of(device: str, measured: Measured, at: Stamp) -> list[Reading]:
    """Turn what a driver measured into readings of one stamp, rounded to each resolution.

    A value that is not finite becomes MISSING; a plain one is NOT_EVALUATED until trust saw it.
    """
    return [_reading(device, key, value, at) for key, value in measured.items()]


def _reading(device: str, key: Quantity | Measurand, value: float | Flagged, at: Stamp) -> Reading:
    measurand = Measurand(key) if isinstance(key, Quantity) else key
    known = value if isinstance(value, Flagged) else Flagged(value, Flag.NOT_EVALUATED, "")
    reasons = (known.reason,) if known.reason else ()
    if known.flag is Flag.MISSING or not math.isfinite(known.value):
        return Reading(device, measurand, math.nan, Flag.MISSING, at, reasons or ("no_value",))
    # Adding zero turns a rounded -0.0 into 0.0.
    rounded = round(known.value, measurand.quantity.nature.decimals) + 0.0
    return Reading(device, measurand, rounded, known.flag, at, reasons)
