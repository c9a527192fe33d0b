"""Quality flags: is a value possible, and could it have changed so fast?

QARTOD's vocabulary (IOC 54:V3) with the limits of Zahumensky 2004 / WMO-No. 488 App. VI.2. A value
is always kept, and a flag never gets better.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

from edge_gateway.reading import Flag, Measurand, Quantity, Reading, Statistic

MINUTE_NS = 60_000_000_000

RANGE = "range"
STEP = "step"


@dataclass(frozen=True, slots=True)
class StepLimit:
    """The largest change within a minute, in the quantity's unit; beyond it the value is flagged.

    `of_samples` is False where turbulence or cloud edges move single samples further than the
    minute means for which the limit was set: then only means are held against it.
    """

    suspect: float
    fail: float = math.inf
    of_samples: bool = True


# Which quantities are tested, and their steps. All are tested against the range that reading.py
# gives them; None has no step test: a vane may turn at once, counts and light may jump. What is
# not in the table (the camera's frame rate) has no published limits and stays NOT_EVALUATED.
STEP_LIMITS: Mapping[Quantity, StepLimit | None] = {
    Quantity.AIR_TEMPERATURE: StepLimit(suspect=3.0),
    Quantity.RELATIVE_HUMIDITY: StepLimit(suspect=10.0, fail=15.0),
    Quantity.WIND_SPEED: StepLimit(suspect=10.0, fail=20.0, of_samples=False),
    Quantity.WIND_DIRECTION: None,
    Quantity.GLOBAL_IRRADIANCE: StepLimit(suspect=800.0, fail=1000.0, of_samples=False),
    Quantity.BODY_TEMPERATURE: None,
    Quantity.AIR_PRESSURE: StepLimit(suspect=50.0, fail=200.0, of_samples=False),
    Quantity.DEW_POINT: StepLimit(suspect=3.0, fail=5.0),
    Quantity.SURFACE_TEMPERATURE: None,
    Quantity.ILLUMINANCE: None,
    Quantity.PRECIPITATION_SINCE_RESET: None,
    Quantity.HAIL_HITS_SINCE_RESET: None,
    Quantity.PRECIPITATION_INTENSITY: None,
    Quantity.BATTERY_VOLTAGE: None,
    Quantity.BATTERY_LEVEL: None,
    Quantity.SUPPLY_VOLTAGE: None,
    Quantity.PEOPLE: None,
    Quantity.OCCUPANCY: None,
    Quantity.DWELL_TIME: None,
    Quantity.STAYS: None,
    Quantity.WALKING_SPEED: None,
    Quantity.COVERAGE: None,
}


class RangeAndStep:
    """Judges readings one after another; what it remembers is a minute of each measurand.

    Not for several threads at once: one for each worker, or one for the whole of a single thread.
    """

    def __init__(self, limits: Mapping[Quantity, StepLimit | None] = STEP_LIMITS) -> None:
        self._limits = limits
        self._minutes: dict[tuple[str, Measurand], _Minute] = {}

    def assess(self, reading: Reading) -> Reading:
        """Return the reading with its flag; one that is missing or was flagged before as it is."""
        quantity = reading.measurand.quantity
        if reading.flag > Flag.NOT_EVALUATED or quantity not in self._limits:
            return reading
        nature = quantity.nature
        if not nature.low <= reading.value <= nature.high:
            return _flagged(reading, Flag.FAIL, RANGE)
        limit = self._limits[quantity]
        if limit is None or not _applies(limit, reading.measurand.statistic):
            return replace(reading, flag=Flag.GOOD)
        minute = self._minutes.setdefault((reading.device, reading.measurand), _Minute())
        step = minute.step_per_minute(reading.at.monotonic_ns, reading.value)
        if step > limit.suspect:
            return _flagged(reading, Flag.FAIL if step > limit.fail else Flag.SUSPECT, STEP)
        minute.accept(reading.at.monotonic_ns, reading.value)
        return replace(reading, flag=Flag.GOOD)


class _Minute:
    """The accepted values of the last minute, and the last value whatever came of it.

    A change is held against every accepted value and not only against the sample before: a fast
    sampler must not slip through by small steps, and flagged values are no measure for others.
    Once nothing was accepted for a minute the last value is the measure, accepted or not: what
    lasts is believed, and a wrong first value does not condemn the right ones after it for long.
    """

    def __init__(self) -> None:
        self._accepted: deque[tuple[int, float]] = deque()
        self._last: tuple[int, float] | None = None

    def step_per_minute(self, at_ns: int, value: float) -> float:
        """The largest change to this value; over more than a minute, its rate."""
        while self._accepted and at_ns - self._accepted[0][0] > MINUTE_NS:
            self._accepted.popleft()
        last, self._last = self._last, (at_ns, value)
        if self._accepted:
            values = [before for _, before in self._accepted]
            return max(value - min(values), max(values) - value)
        if last is None:
            return 0.0
        then_ns, before = last
        return abs(value - before) / max(1.0, (at_ns - then_ns) / MINUTE_NS)

    def accept(self, at_ns: int, value: float) -> None:
        """Take this value as a measure for those that follow."""
        self._accepted.append((at_ns, value))


def _applies(limit: StepLimit, statistic: Statistic) -> bool:
    if statistic is Statistic.SAMPLE:
        return limit.of_samples
    return statistic is Statistic.MEAN


def _flagged(reading: Reading, flag: Flag, test: str) -> Reading:
    return replace(reading, flag=flag, reasons=(*reading.reasons, test))
