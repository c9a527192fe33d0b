"""The readings of a series one by one, for formats that are not made column by column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from edge_gateway.outbox import Mark, Series


@dataclass(frozen=True, slots=True)
class Value:
    """One reading of a series: microseconds since its boot, a number or None, and its mark."""

    time_us: int
    number: float | None
    mark: Mark


def values(series: Series) -> Iterator[Value]:
    """The readings of a series; whole numbers where its quantity has no decimals."""
    scale = 10**series.decimals
    for time_us, scaled, mark in zip(
        series.times_us, series.scaled, series.each_mark(), strict=True
    ):
        number = scaled if scaled is None or scale == 1 else scaled / scale
        yield Value(time_us, number, mark)


def newest(series: Series) -> Value | None:
    """The reading with the latest stamp; None of a series without any."""
    return max(values(series), key=lambda value: value.time_us, default=None)


def by_device(columns: Iterable[Series]) -> Mapping[str, list[Series]]:
    """The series of each device, in their order."""
    found: dict[str, list[Series]] = {}
    for series in columns:
        found.setdefault(series.device, []).append(series)
    return found
