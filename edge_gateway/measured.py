"""What a driver measured, as readings: stamped, rounded, missing where there is no value."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edge_gateway.clock import WallTime
from edge_gateway.drivers.contract import Handed
from edge_gateway.reading import Flag, Flagged, Measurand, Measured, Quantity, Reading, Rows, Stamp


def readings_of(device: str, measured: Measured, at: Stamp) -> list[Reading]:
    """Turn what a driver measured into readings of one stamp, rounded to each resolution.

    A value that is not finite becomes MISSING; a plain one is NOT_EVALUATED until trust saw it.
    """
    return [_reading(device, key, value, at) for key, value in measured.items()]


# A program's time is compared with ours a moment later, and clocks are slewed between.
AHEAD_S = 1.0
BEFORE_BOOT, AHEAD, UNDATED = "before this boot", "ahead of the clock", "no clock here"


def stamped(device: str, handed: Handed, at: Stamp, wall: WallTime | None) -> Rows:
    """Turn what was handed in into readings; `at` is when it came, `wall` the same moment's date.

    A time that was said counts by its distance to `wall`: whoever said it reads the same clock,
    right or wrong. One that would fall before this boot or more than a second ahead was read from
    another clock or before it jumped: that reading is SUSPECT, stamped `at`, and says so.
    """
    flags, reasons = handed.flags, handed.reasons
    times_ns, doubts = _stamps_ns(handed.unix_s, at, wall)
    if doubts:
        flags, reasons = list(flags), list(reasons)
        for row, doubt in doubts.items():
            flags[row] = max(flags[row], Flag.SUSPECT)
            reasons[row] = (*reasons[row], doubt)
    return Rows(device, at.boot_id, handed.measurands, handed.values, flags, reasons, times_ns)


def _stamps_ns(
    unix_s: Sequence[float], at: Stamp, wall: WallTime | None
) -> tuple[list[int], dict[int, str]]:
    """Nanoseconds since the boot of each row, and what is wrong with the time of some."""
    now_ns = at.monotonic_ns
    boot_s = math.inf if wall is None else (wall.unix_ns - now_ns) / 1e9
    latest_s = boot_s + now_ns / 1e9 + AHEAD_S
    # A sum is a number only where all of its terms are.
    if unix_s and not math.isnan(sum(unix_s)) and boot_s <= min(unix_s) <= max(unix_s) <= latest_s:
        return [int((said_s - boot_s) * 1e9) for said_s in unix_s], {}
    stamps_ns = [now_ns] * len(unix_s)
    doubts: dict[int, str] = {}
    for row, said_s in enumerate(unix_s):
        if boot_s <= said_s <= latest_s:
            stamps_ns[row] = int((said_s - boot_s) * 1e9)
        elif not math.isnan(said_s):
            why = UNDATED if wall is None else BEFORE_BOOT if said_s < boot_s else AHEAD
            doubts[row] = f"time {said_s:.6f} is {why}"
    return stamps_ns, doubts


def _reading(device: str, key: Quantity | Measurand, value: float | Flagged, at: Stamp) -> Reading:
    measurand = Measurand(key) if isinstance(key, Quantity) else key
    known = value if isinstance(value, Flagged) else Flagged(value, Flag.NOT_EVALUATED, "")
    reasons = (known.reason,) if known.reason else ()
    if known.flag is Flag.MISSING or not math.isfinite(known.value):
        return Reading(device, measurand, math.nan, Flag.MISSING, at, reasons or ("no_value",))
    # Adding zero turns a rounded -0.0 into 0.0.
    rounded = round(known.value, measurand.quantity.nature.decimals) + 0.0
    return Reading(device, measurand, rounded, known.flag, at, reasons)
