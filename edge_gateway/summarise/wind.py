"""Wind over one window: scalar mean speed, vector mean direction, 3-s gust.

By WMO-No. 8 vol. I ch. 5 and the practice of the Japan Meteorological Agency (JMA).
Direction is where the wind comes from, in degrees clockwise from north.
"""

from __future__ import annotations

import math
from collections import deque

from edge_gateway.reading import Flag, Quantity, Reading, Statistic
from edge_gateway.summarise.tally import Summary, Tally

# Zahumensky 2004: a wind mean needs three quarters of its samples.
COMPLETENESS = 0.75
# JMA statistics: at or below this the air is calm and has no direction.
CALM_M_S = 0.2
# A mean vector shorter than this points nowhere in particular.
SHORTEST_RESULTANT_M_S = 0.1

# JMA since 2007: the instantaneous speed is the mean of 12 samples of 0.25 s.
GUST_S = 3.0
SAMPLES_PER_GUST = 12

CALM = "calm"
NO_RESULTANT = "no_resultant"


class RunningGust:
    """Running 3-s mean of the speed, sample by sample; `rate_hz` samples come in a second.

    A mean ends at each sample and holds all samples of its 3 s but at most one in twelve; with
    more of them missing there is none.
    """

    def __init__(self, rate_hz: float) -> None:
        self._full = round(GUST_S * rate_hz)
        self._needed = self._full - self._full // SAMPLES_PER_GUST
        # Half a sample shorter than 3 s, so that jitter lets no thirteenth sample in.
        self._span_ns = round((GUST_S - 0.5 / rate_hz) * 1e9)
        self._samples: deque[tuple[int, float]] = deque(maxlen=self._full)

    @staticmethod
    def is_possible(rate_hz: float) -> bool:
        """Whether samples come often enough for a gust of 3 s by the definition above."""
        return round(GUST_S * rate_hz) >= SAMPLES_PER_GUST

    def add(self, at_ns: int, speed: float) -> float | None:
        """Take one sample in; return the mean that ends with it, in m/s."""
        self._samples.append((at_ns, speed))
        while at_ns - self._samples[0][0] >= self._span_ns:
            self._samples.popleft()
        if len(self._samples) < self._needed:
            return None
        return math.fsum(value for _, value in self._samples) / len(self._samples)


class WindWindow:
    """One window of the wind of one device; `expected` is how many samples a full one has.

    `gust` goes on from window to window; None where samples come too slowly for one.
    """

    def __init__(self, expected: float, gust: RunningGust | None) -> None:
        self._gust = gust
        self._speeds = Tally(expected * COMPLETENESS)
        self._vectors = Tally(expected * COMPLETENESS)
        self._sum = self._east = self._north = 0.0
        self._strongest: float | None = None
        self._is_calm = True
        self._has_speed = self._has_direction = False
        # The half of a frame that waits for its other half: they bear the same stamp.
        self._speed: Reading | None = None
        self._direction: Reading | None = None

    def add(self, sample: Reading) -> None:
        """Take one sample of speed or direction in; the two of one frame in either order."""
        if sample.measurand.quantity is Quantity.WIND_SPEED:
            self._settle()
            self._add_speed(sample)
        else:
            self._has_direction = True
            self._direction = sample
        if self._speed and self._direction and self._speed.at == self._direction.at:
            self._add_vector(self._speed, self._direction)
            self._speed = self._direction = None

    def close(self) -> list[Summary]:
        """The statistics of the wind; those that too few samples came for are missing."""
        self._settle()
        summaries: list[Summary] = []
        if self._has_speed:
            summaries.append(self._mean_speed())
            if self._gust is not None:
                summaries.append(self._strongest_gust())
            if self._has_direction:
                summaries.append(self._mean_direction())
        return summaries

    def _add_speed(self, sample: Reading) -> None:
        self._has_speed = True
        if not self._speeds.takes(sample):
            return
        self._speed = sample
        self._sum += sample.value
        self._is_calm = self._is_calm and sample.value <= CALM_M_S
        gust = self._gust and self._gust.add(sample.at.monotonic_ns, sample.value)
        if gust is not None and (self._strongest is None or gust > self._strongest):
            self._strongest = gust

    def _add_vector(self, speed: Reading, direction: Reading) -> None:
        if self._vectors.takes(direction):
            angle = math.radians(direction.value)
            self._east -= speed.value * math.sin(angle)
            self._north -= speed.value * math.cos(angle)
        elif direction.flag is Flag.MISSING and speed.value <= CALM_M_S:
            self._vectors.takes_calm()

    def _settle(self) -> None:
        # A speed whose direction never came is complete only if the air was still.
        if self._speed is not None and self._speed.value <= CALM_M_S:
            self._vectors.takes_calm()
        self._speed = None

    def _mean_speed(self) -> Summary:
        if not self._speeds.is_enough():
            return Tally.nothing(Quantity.WIND_SPEED, Statistic.MEAN)
        mean = self._sum / self._speeds.used
        return self._speeds.summary(Quantity.WIND_SPEED, Statistic.MEAN, mean)

    def _strongest_gust(self) -> Summary:
        if self._strongest is None or not self._speeds.is_enough():
            return Tally.nothing(Quantity.WIND_SPEED, Statistic.GUST)
        return self._speeds.summary(Quantity.WIND_SPEED, Statistic.GUST, self._strongest)

    def _mean_direction(self) -> Summary:
        wanted = (Quantity.WIND_DIRECTION, Statistic.MEAN)
        if not self._speeds.is_enough() or not self._vectors.is_enough():
            return Tally.nothing(*wanted)
        if self._is_calm:
            return Tally.nothing(*wanted, CALM)
        if math.hypot(self._east, self._north) / self._vectors.used < SHORTEST_RESULTANT_M_S:
            return Tally.nothing(*wanted, NO_RESULTANT)
        degrees = math.degrees(math.atan2(-self._east, -self._north)) % 360.0
        return self._vectors.summary(*wanted, degrees)
