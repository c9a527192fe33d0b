"""Entries as columns: one series per device, measurand and boot. What a block is packed from.

Here a value takes the resolution of its quantity and a stamp the millisecond. What goes in:

- a value is rounded to its quantity's `nature.decimals` (`round_value`);
- a stamp loses what is below a millisecond; where two readings of one series would then share
  one, the stamps of that series lose only what is below a microsecond, and of two that share
  even that, the later takes the next free microsecond: no consumer can take one for the other;
- a value that is no number is MISSING; an infinite one is also marked `not_finite`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, groupby, repeat
from operator import attrgetter
from typing import cast

from edge_gateway.outbox.turns import joined, places
from edge_gateway.reading import Entry, Event, Flag, Measurand, Quantity, Reading, Rows, Stamp

NOT_FINITE = "not_finite"

_Known = tuple[Flag, tuple[str, ...], str]

# Columns are taken out of readings without a Python call for each: the hottest place of the store.
_TIME: Callable[[Reading], int] = attrgetter("at.monotonic_ns")
_MARK: Callable[[Reading], _Known] = attrgetter("flag", "reasons", "calibration_id")

_MILLI_NS = 1_000_000

# Doubles below this are exact to the unit; beyond it the product is taken exactly.
_EXACT = float(1 << 53)


@dataclass(frozen=True, slots=True)
class Mark:
    """What is known of a value beside the value."""

    flag: Flag
    reasons: tuple[str, ...] = ()
    calibration_id: str = ""


_GOOD = Mark(Flag.GOOD)


@dataclass(frozen=True, slots=True)
class Series:
    """The readings of one measurand of one device in one boot, as columns of equal length.

    `times_us`: microseconds since that boot. `scaled`: values in units of 10**-`decimals`,
    None where there is none. `marks`: how many readings in a row share a mark.
    """

    device: str
    measurand: Measurand
    boot_id: str
    decimals: int
    times_us: Sequence[int]
    scaled: Sequence[int | None]
    marks: Sequence[tuple[int, Mark]]

    def each_mark(self) -> Iterator[Mark]:
        """The marks one by one, as many as there are readings."""
        for count, mark in self.marks:
            yield from repeat(mark, count)


@dataclass(frozen=True, slots=True)
class Columns:
    """What one block holds."""

    series: tuple[Series, ...]
    events: tuple[Event, ...] = ()

    def entries(self) -> tuple[Entry, ...]:
        """The entries, series by series in their order of first appearance, events last."""
        found: list[Entry] = []
        for series in self.series:
            found.extend(_readings(series))
        return (*found, *self.events)


def without_gaps(scaled: Sequence[int | None]) -> Sequence[int]:
    """The values of a series that are there; where all are, the very same column."""
    try:
        # No faster look for a None.
        sum(cast("Sequence[int]", scaled))
    except TypeError:
        return [number for number in scaled if number is not None]
    return cast("Sequence[int]", scaled)


def round_value(quantity: Quantity, value: float) -> float:
    """The value as the outbox keeps it: a whole number of 10**-decimals; NaN and inf give NaN."""
    scale = 10**quantity.nature.decimals
    scaled = _scaled(value, scale)
    return math.nan if scaled is None else scaled / scale


def to_columns(entries: Iterable[Entry]) -> Columns:
    """Group entries by series; the order within each series and among the events is kept."""
    groups: dict[tuple[str, int, str, int, int, str], list[Reading]] = {}
    events: list[Event] = []
    for entry in entries:
        if isinstance(entry, Event):
            events.append(entry)
            continue
        what = entry.measurand
        # Members of an enum live for ever: their addresses tell them apart, and hash in no time.
        kind, statistic = id(what.quantity), id(what.statistic)
        key = (entry.device, kind, what.channel, statistic, what.window_s, entry.at.boot_id)
        group = groups.get(key)
        if group is None:
            groups[key] = [entry]
        else:
            group.append(entry)
    return Columns(tuple(_series(group) for group in groups.values()), _rounded(events))


def rows_to_columns(parts: Sequence[Rows]) -> Columns:
    """The same of rows, without a reading in between."""
    by_origin: dict[tuple[str, str], list[Rows]] = {}
    for part in parts:
        by_origin.setdefault((part.device, part.boot_id), []).append(part)
    return Columns(tuple(one for some in by_origin.values() for one in _series_of(joined(some))))


def _series_of(rows: Rows) -> Iterator[Series]:
    is_plain = rows.is_plain
    for measurand, place in places(rows.measurands).items():
        values = place.of(rows.values)
        # A sum is finite only where all of its terms are.
        is_finite = math.isfinite(sum(values))
        decimals = measurand.quantity.nature.decimals
        if is_plain and is_finite:
            marks = [(len(values), _GOOD)]
        else:
            known = zip(place.of(rows.flags), place.of(rows.reasons), repeat(""), strict=False)
            marks = _runs(known if is_finite else map(_mark_of, values, known))
        yield Series(
            rows.device,
            measurand,
            rows.boot_id,
            decimals,
            kept_times_us(place.of(rows.times_ns)),
            _all_scaled(values, 10**decimals, is_finite=is_finite),
            marks,
        )


def kept_times_us(times_ns: list[int]) -> list[int]:
    """The stamps of one series as they are kept, in microseconds: distinct, order unchanged."""
    ordered = sorted(times_ns)
    first, last, steps = ordered[0], ordered[-1], len(times_ns) - 1
    # In fewer milliseconds than readings, two share one.
    if last // _MILLI_NS - first // _MILLI_NS >= steps:
        milliseconds = [time_ns // _MILLI_NS for time_ns in times_ns]
        if len(set(milliseconds)) > steps:
            return [millisecond * 1000 for millisecond in milliseconds]
    if first == last:
        return list(range(first // 1000, first // 1000 + steps + 1))
    times_us = [time_ns // 1000 for time_ns in times_ns]
    if len(set(times_us)) > steps:
        return times_us
    if ordered == times_ns:
        return list(accumulate(times_us, _next_free))
    return _parted(times_us)


def _next_free(before_us: int, time_us: int) -> int:
    """As `_parted`, of stamps in order: what is taken of `time_us` on ends with the one before."""
    return time_us if time_us > before_us else before_us + 1


def _parted(times_us: list[int]) -> list[int]:
    parted: list[int] = []
    next_free: dict[int, int] = {}
    for time_us in times_us:
        free = time_us
        while free in next_free:
            free = next_free[free]
        next_free[free] = next_free[time_us] = free + 1
        parted.append(free)
    return parted


def _series(readings: list[Reading]) -> Series:
    first = readings[0]
    decimals = first.measurand.quantity.nature.decimals
    values = [reading.value for reading in readings]
    # A sum is finite only where all of its terms are.
    is_finite = math.isfinite(sum(values))
    known = map(_MARK, readings)
    return Series(
        first.device,
        first.measurand,
        first.at.boot_id,
        decimals,
        kept_times_us(list(map(_TIME, readings))),
        _all_scaled(values, 10**decimals, is_finite=is_finite),
        _runs(known if is_finite else map(_mark_of, values, known)),
    )


def _all_scaled(values: list[float], scale: int, *, is_finite: bool) -> list[int | None]:
    if is_finite:
        # Counts and counters come as whole numbers, all of them.
        if int(values[0]) == values[0] and int(values[-1]) == values[-1]:
            whole = list(map(int, values))
            if whole == values:
                return [number * scale for number in whole]
        products = [value * scale for value in values]
        if min(products) > -_EXACT and max(products) < _EXACT:
            return list(map(round, products))
    return [_scaled(value, scale) for value in values]


def _scaled(value: float, scale: int) -> int | None:
    product = value * scale
    if -_EXACT < product < _EXACT:
        return round(product)
    if not math.isfinite(value):
        return None
    return round(Fraction(value) * scale)


def _runs(marks: Iterable[_Known]) -> list[tuple[int, Mark]]:
    return [(sum(1 for _ in run), Mark(*mark)) for mark, run in groupby(marks)]


def _mark_of(value: float, known: _Known) -> _Known:
    if math.isfinite(value):
        return known
    _, reasons, calibration_id = known
    if math.isinf(value) and NOT_FINITE not in reasons:
        reasons = (*reasons, NOT_FINITE)
    return (Flag.MISSING, reasons, calibration_id)


def _rounded(events: list[Event]) -> tuple[Event, ...]:
    """Events keep the microsecond: they are few, and what came first matters among them."""
    return tuple(
        Event(event.kind, event.subject, event.text, _whole_microsecond(event.at))
        for event in events
    )


def _whole_microsecond(at: Stamp) -> Stamp:
    return Stamp(at.boot_id, at.monotonic_ns // 1000 * 1000)


def _readings(series: Series) -> Iterator[Reading]:
    scale = 10**series.decimals
    columns = zip(series.times_us, series.scaled, series.each_mark(), strict=True)
    for time_us, scaled, mark in columns:
        yield Reading(
            series.device,
            series.measurand,
            math.nan if scaled is None else scaled / scale,
            mark.flag,
            Stamp(series.boot_id, time_us * 1000),
            mark.reasons,
            mark.calibration_id,
        )
