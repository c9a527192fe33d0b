"""Small counts: a count that is so low that it may point at a person is not said.

The rule (disclosure control by primary and complementary suppression, then rounding):

1. Counts of one place (a line or a zone: what stands before the `/` of the channel) add up to
   totals that somebody may know or publish. So a place is said whole or not at all.
2. It is not said when one of its counts is above zero and below `least_count`, and when one would
   be rounded to zero though it is not. Then all of the place is suppressed: its zeros too, from
   which the rest of a total would follow, and its means and speeds.
3. A zone's occupancy, and its stays with their lengths, are tables of their own: a small number in
   one withholds that table and nothing else; a place that is not said takes both along.
4. What is said is rounded to the nearest multiple of `round_to`, half way to the even multiple.
   Zero is said, and means nobody; a suppressed value is missing for the reason `suppressed`.

All or none, and not one more count than needed: which one more would be taken depends on the
counts, and whoever knows the rule could tell from the choice. Several places that add up to a
total which is published elsewhere (two lines that make one gate) are to be named in `together`.
What is guaranteed, also against who knows this rule and each such total that is zero or at least
`least_count`: for every suppressed count `least_count` - 1 values or more remain possible.

Places are otherwise independent. Nothing the gateway publishes adds up places, because a person
may cross two lines.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from edge_gateway.reading import Flag, Flagged, Lane, Measurand, Measured, Quantity, Statistic

SUPPRESSED: Final = "suppressed"
"""The reason of a value that is known and not said; the payloads have a word for it."""

# For publications: 10 is usual in Japanese statistics of people's movement; 5 only by a written
# decision of the operator. Counts from a camera are not exact to more than 5 in a quarter hour.
LEAST_COUNT: Final = 10
ROUND_TO: Final = 5


TABLES: Final[Mapping[Quantity, str]] = {
    Quantity.OCCUPANCY: "occupancy",
    Quantity.STAYS: "stays",
    Quantity.DWELL_TIME: "stays",
}
"""Quantities of a place that stand in a table of their own."""


def suppress(
    measured: Measured,
    least_count: int = LEAST_COUNT,
    round_to: int = ROUND_TO,
    together: Iterable[Collection[str]] = (),
) -> Measured:
    """What of one device's window may be said; call it where a window becomes readings.

    `measured` holds all counts of one window of one device. `least_count` 0 or 1 suppresses none,
    `round_to` 1 rounds none. `together` names places (lines, zones) that are said together or not
    at all. A suppressed measurand stays as `Flagged(nan, MISSING, "suppressed")`: its value is in
    none of what comes after. What is missing already stays missing for its own reason.

    A camera calls it at the end of `measured_of`, with its `least_count` and `round_to`, before the
    readings are made: neither the outbox nor a payload ever holds what is not said.
    """
    keyed = {key if isinstance(key, Measurand) else Measurand(key): key for key in measured}
    counts = {one: count for one, key in keyed.items() if (count := _count(one, measured[key]))}
    small = {_table(one) for one, count in counts.items() if is_small(count, least_count, round_to)}
    for places in _united({_place(one) for one in keyed}, together):
        if any((place, "") in small for place in places):
            small |= {(place, table) for place in places for table in ("", *TABLES.values())}
    said: dict[Quantity | Measurand, float | Flagged] = {}
    for one, key in keyed.items():
        value = measured[key]
        if _table(one) in small and _tells(one, value):
            value = Flagged(math.nan, Flag.MISSING, SUPPRESSED)
        elif _is_count(one):
            value = _rounded(value, round_to)
        said[key] = value
    return said


def is_small(count: int, least_count: int, round_to: int = 1) -> bool:
    """Whether a count is not to be said: not zero, and below the least or rounded to zero."""
    return count != 0 and (count < least_count or rounded(count, round_to) == 0)


def rounded(count: int, round_to: int) -> int:
    """To the nearest multiple, half way to the even multiple: no drift over many counts."""
    return round(count / round_to) * round_to


def _is_count(measurand: Measurand) -> bool:
    """Whether it counts people: no mean, share, rate or speed."""
    nature = measurand.quantity.nature
    is_of_people = nature.lane is Lane.COUNTS and nature.unit == "count"
    return is_of_people and measurand.statistic is not Statistic.MEAN


def _count(measurand: Measurand, value: float | Flagged) -> int:
    """How many it counts; 0 for what is no count, or missing already."""
    number = value.value if isinstance(value, Flagged) else value
    return round(number) if _is_count(measurand) and math.isfinite(number) else 0


def _tells(measurand: Measurand, value: float | Flagged) -> bool:
    """Whether it says something of the people of its place; what is missing says nothing."""
    number = value.value if isinstance(value, Flagged) else value
    return math.isfinite(number) and (_is_count(measurand) or measurand.channel != "")


def _rounded(value: float | Flagged, round_to: int) -> float | Flagged:
    number = value.value if isinstance(value, Flagged) else value
    if not math.isfinite(number):
        return value
    number = float(rounded(round(number), round_to))
    return replace(value, value=number) if isinstance(value, Flagged) else number


def _table(measurand: Measurand) -> tuple[str, str]:
    """Its place, and which of the place's tables it stands in."""
    return _place(measurand), TABLES.get(measurand.quantity, "")


def _place(measurand: Measurand) -> str:
    return measurand.channel.partition("/")[0]


def _united(places: set[str], together: Iterable[Collection[str]]) -> list[set[str]]:
    """Sets of places that stand or fall together; sets that share a place are one."""
    units: list[set[str]] = [{place} for place in places]
    for named in together:
        touched = [unit for unit in units if unit & set(named)]
        units = [unit for unit in units if unit not in touched]
        units.append(set(named).union(*touched))
    return units
