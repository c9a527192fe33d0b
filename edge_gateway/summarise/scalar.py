"""Mean and extremes of one scalar over one window, sample by sample in constant memory."""

from __future__ import annotations

import math
from collections.abc import Mapping

from edge_gateway.reading import Quantity, Reading, Statistic
from edge_gateway.summarise.tally import Summary, Tally

# Zahumensky 2004: a minute of a scalar needs two thirds of its samples.
COMPLETENESS = 0.66

# What a window of each quantity is summarised to. Extremes of irradiance and of a body
# temperature are asked for by nobody yet, and every summary costs bytes on the air.
STATISTICS: Mapping[Quantity, tuple[Statistic, ...]] = {
    Quantity.AIR_TEMPERATURE: (Statistic.MEAN, Statistic.MINIMUM, Statistic.MAXIMUM),
    Quantity.RELATIVE_HUMIDITY: (Statistic.MEAN, Statistic.MINIMUM, Statistic.MAXIMUM),
    Quantity.GLOBAL_IRRADIANCE: (Statistic.MEAN,),
    Quantity.BODY_TEMPERATURE: (Statistic.MEAN,),
    Quantity.SURFACE_TEMPERATURE: (Statistic.MEAN, Statistic.MINIMUM, Statistic.MAXIMUM),
    Quantity.AIR_PRESSURE: (Statistic.MEAN,),
    Quantity.DEW_POINT: (Statistic.MEAN,),
    Quantity.ILLUMINANCE: (Statistic.MEAN,),
}


class ScalarWindow:
    """One window of one scalar; `expected` is how many samples a full one has."""

    def __init__(self, quantity: Quantity, expected: float) -> None:
        self._quantity = quantity
        self._tally = Tally(expected * COMPLETENESS)
        self._sum = 0.0
        self._lowest = math.inf
        self._highest = -math.inf

    def add(self, sample: Reading) -> None:
        """Take one sample in; missing and failed ones count as not there."""
        if not self._tally.takes(sample):
            return
        self._sum += sample.value
        self._lowest = min(self._lowest, sample.value)
        self._highest = max(self._highest, sample.value)

    def close(self) -> list[Summary]:
        """The statistics of this quantity; all missing when too few samples came."""
        tally = self._tally
        if not tally.is_enough():
            return [tally.nothing(self._quantity, kind) for kind in STATISTICS[self._quantity]]
        values = {
            Statistic.MEAN: self._sum / tally.used,
            Statistic.MINIMUM: self._lowest,
            Statistic.MAXIMUM: self._highest,
        }
        return [
            tally.summary(self._quantity, kind, values[kind]) for kind in STATISTICS[self._quantity]
        ]
