"""What a driver made of a talk, as the lines behind `=`: one for each value, or one for an error.

    air_temperature 25.000 Cel
    supply_voltage/heating 12.000 V              a channel of the device
    global_irradiance 2000.11 W/m2 fail: outside the device's range
    wind_direction missing: calm: the device gives no direction
    nothing                                      the device had nothing new to say
    BadFrame: text                               or another of the driver's errors

Values stand in the quantity's unit with its decimals. What stands behind a colon is a remark.
"""

from __future__ import annotations

import math
import re

from edge_gateway.links.errors import (
    BadFrame,
    DeviceError,
    DeviceReset,
    DeviceSilent,
    LinkGone,
    Misconfigured,
)
from edge_gateway.links.talk_text import plain
from edge_gateway.reading import Flag, Flagged, Measurand, Measured, Quantity

NOTHING = "nothing"
MISSING = "missing"

_ERRORS = frozenset(
    kind.__name__ for kind in (BadFrame, DeviceReset, DeviceSilent, LinkGone, Misconfigured)
)
_FLAGS = {Flag.NOT_EVALUATED: "", Flag.GOOD: " good", Flag.SUSPECT: " suspect", Flag.FAIL: " fail"}
_VALUE = re.compile(
    r"(?P<name>[a-z_]+)(?P<channel>/\S+)? "
    r"(?:missing|(?P<number>-?\d+(?:\.\d+)?) (?P<unit>\S+)(?P<flag> (?:good|suspect|fail))?)"
    r"(?:: (?P<reason>.+))?",
    re.ASCII,
)


def told(outcome: Measured | DeviceError) -> tuple[str, ...]:
    """The lines that say what a driver gave or raised."""
    if isinstance(outcome, DeviceError):
        return (f"{type(outcome).__name__}: {plain(str(outcome))}",)
    if not outcome:
        return (NOTHING,)
    return tuple(_value(key, value) for key, value in outcome.items())


def canonical(line: str) -> str:
    """The line as `told` would write it; ValueError says what is wrong with it."""
    if line == NOTHING or without_remark(line).strip() in _ERRORS:
        return line
    match = _VALUE.fullmatch(line)
    if match is None:
        raise ValueError(f"{line!r} is no value, no error and not `{NOTHING}`")
    try:
        quantity = Quantity(match["name"])
    except ValueError:
        raise ValueError(f"{match['name']!r} is no quantity") from None
    unit, number = quantity.nature.unit, match["number"]
    if number is not None and match["unit"] != unit:
        raise ValueError(f"{quantity} is in {unit}, not in {match['unit']}")
    shown = (
        MISSING if number is None else _with_unit(float(number), quantity) + (match["flag"] or "")
    )
    return _line(f"{quantity}{match['channel'] or ''}", shown, match["reason"] or "")


def without_remark(line: str) -> str:
    """What two results must have in common to be the same."""
    return line.partition(":")[0]


def _value(key: Quantity | Measurand, value: float | Flagged) -> str:
    measurand = Measurand(key) if isinstance(key, Quantity) else key
    channel = f"/{measurand.channel}" if measurand.channel else ""
    known = value if isinstance(value, Flagged) else Flagged(value, Flag.NOT_EVALUATED, "")
    if known.flag is Flag.MISSING or not math.isfinite(known.value):
        shown = MISSING
    else:
        shown = _with_unit(known.value, measurand.quantity) + _FLAGS[known.flag]
    return _line(f"{measurand.quantity}{channel}", shown, plain(known.reason))


def _with_unit(value: float, quantity: Quantity) -> str:
    nature = quantity.nature
    # Adding zero turns a rounded -0.0 into 0.0.
    return f"{round(value, nature.decimals) + 0.0:.{nature.decimals}f} {nature.unit}"


def _line(name: str, shown: str, reason: str) -> str:
    return f"{name} {shown}: {reason}" if reason else f"{name} {shown}"
