"""Entries as columns: one series per device, measurand and boot. What a block is packed from.

Here a value takes the resolution of its quantity and a stamp the microsecond. What goes in:

- a value is rounded to its quantity's `nature.decimals` (`round_value`);
- a stamp loses what is below a microsecond;
- a value that is no number is MISSING; an infinite one is also marked `not_finite`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import repeat

from edge_gateway.reading import Entry, Event, Flag, Measurand, Quantity, Reading, Stamp

NOT_FINITE = "not_finite"

# Doubles below this are exact to the unit; beyond it the product is taken exactly.
_EXACT = float(1 << 53)


@dataclass(frozen=True, slots=True)
class Mark:
    """What is known of a value beside the value."""

    flag: Flag
    reasons: tuple[str, ...] = ()
    calibration_id: str = ""


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


def round_value(quantity: Quantity, value: float) -> float:
    """The value as the outbox keeps it: a whole number of 10**-decimals; NaN and inf give NaN."""
    scale = 10**quantity.nature.decimals
    scaled = _scaled(value, scale)
    return math.nan if scaled is None else scaled / scale


def to_columns(entries: Iterable[Entry]) -> Columns:
    """Group entries by series; the order within each series and among the events is kept."""
    groups: dict[tuple[str, Measurand, str], list[Reading]] = {}
    events: list[Event] = []
    for entry in entries:
        if isinstance(entry, Event):
            events.append(_to_microseconds(entry))
            continue
        key = (entry.device, entry.measurand, entry.at.boot_id)
        group = groups.get(key)
        if group is None:
            groups[key] = [entry]
        else:
            group.append(entry)
    return Columns(tuple(_series(group) for group in groups.values()), tuple(events))


def _series(readings: list[Reading]) -> Series:
    first = readings[0]
    decimals = first.measurand.quantity.nature.decimals
    scale = 10**decimals
    return Series(
        first.device,
        first.measurand,
        first.at.boot_id,
        decimals,
        [reading.at.monotonic_ns // 1000 for reading in readings],
        [_scaled(reading.value, scale) for reading in readings],
        _marks(readings),
    )


def _scaled(value: float, scale: int) -> int | None:
    product = value * scale
    if -_EXACT < product < _EXACT:
        return round(product)
    if not math.isfinite(value):
        return None
    return round(Fraction(value) * scale)


def _marks(readings: list[Reading]) -> list[tuple[int, Mark]]:
    runs: list[tuple[int, Mark]] = []
    last: tuple[Flag, tuple[str, ...], str] | None = None
    count = 0
    for reading in readings:
        mark = (reading.flag, reading.reasons, reading.calibration_id)
        if not math.isfinite(reading.value):
            mark = _missing(reading)
        if mark == last:
            count += 1
            continue
        if last is not None:
            runs.append((count, Mark(*last)))
        last, count = mark, 1
    if last is not None:
        runs.append((count, Mark(*last)))
    return runs


def _missing(reading: Reading) -> tuple[Flag, tuple[str, ...], str]:
    reasons = reading.reasons
    if math.isinf(reading.value) and NOT_FINITE not in reasons:
        reasons = (*reasons, NOT_FINITE)
    return (Flag.MISSING, reasons, reading.calibration_id)


def _to_microseconds(event: Event) -> Event:
    at = event.at
    whole = Stamp(at.boot_id, at.monotonic_ns // 1000 * 1000)
    return Event(event.kind, event.subject, event.text, whole)


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
