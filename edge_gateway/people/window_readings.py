"""What a window of counts says as readings."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from edge_gateway.people.boundary import DWELL_EDGES_S, Counts, Coverage, ZoneCount
from edge_gateway.people.small_counts import suppress
from edge_gateway.reading import Measurand, Measured, Quantity, Statistic

MODEL_DIGITS: Final = 12
"""Of the SHA-256 of a model's file: enough to tell every model there will be."""


def measured_of(
    counts: Counts, coverage: Coverage, *, least_count: int = 0, round_to: int = 1
) -> Measured:
    """Turn one window into readings.

    People per line and direction, and their mean speed where it is known; of each zone who
    entered, its occupancy and its stays; the share of the window that was seen, and that share
    once more under the method and model by which it was: `nanodet-g-416/every-1/MODEL`, of which
    MODEL is the beginning of the SHA-256 of the detector's file. Counts above zero and below
    `least_count` are suppressed, the others rounded to multiples of `round_to`.
    """
    window_s = max(1, round(counts.window_s))
    people: dict[Quantity | Measurand, float] = {
        Measurand(
            Quantity.PEOPLE, f"{part.line}/{part.direction}", Statistic.COUNT, window_s
        ): part.count
        for part in counts.lines
    }
    speeds: dict[Quantity | Measurand, float] = {
        Measurand(
            Quantity.WALKING_SPEED, f"{part.line}/{part.direction}", Statistic.MEAN, window_s
        ): part.speed_mean_m_s
        for part in counts.lines
        if part.speed_mean_m_s is not None
    }
    by_method = f"{counts.method}/{counts.model[:MODEL_DIGITS]}"
    shares: dict[Quantity | Measurand, float] = {
        Measurand(Quantity.COVERAGE, channel, Statistic.MEAN, window_s): coverage.ratio
        for channel in ("", by_method)
    }
    measured = people | speeds
    for zone in counts.zones:
        measured |= _zone_measured(zone, window_s)
    return {**suppress(measured, least_count, round_to), **shares}


def _zone_measured(zone: ZoneCount, window_s: int) -> dict[Quantity | Measurand, float]:
    """One zone's window; `NAME/5-15` are the stays of 5 to below 15 s that ended in it."""
    name = zone.zone
    measured: dict[Quantity | Measurand, float] = {
        Measurand(Quantity.PEOPLE, f"{name}/entered", Statistic.COUNT, window_s): zone.entered,
        Measurand(Quantity.OCCUPANCY, name, Statistic.MEAN, window_s): zone.mean_people,
        Measurand(Quantity.OCCUPANCY, name, Statistic.MAXIMUM, window_s): zone.most_people,
    }
    edges = ("0", *map(str, DWELL_EDGES_S), "")
    stays = {f"{low}-{high}": n for (low, high), n in zip(pairwise(edges), zone.dwell, strict=True)}
    stays |= {"running": sum(zone.running), "cut_short": zone.cut_short}
    measured |= {
        Measurand(Quantity.STAYS, f"{name}/{which}", Statistic.COUNT, window_s): count
        for which, count in stays.items()
    }
    if zone.dwell_mean_s is not None:
        measured[Measurand(Quantity.DWELL_TIME, name, Statistic.MEAN, window_s)] = zone.dwell_mean_s
    return measured
