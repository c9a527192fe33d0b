"""How bright it is where a VEML7700 counts so much (data sheet 84286, application note 84323)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

# lx per count at gain 2 and 800 ms. Vishay once gave 0.0036 and most code still has that: 17 %
# less. A change of this number breaks every series measured with it, so it has a name of its own.
RESOLUTION: Final = "84286-0.0042"
RESOLUTION_LX = 0.0042
LONGEST_MS, HIGHEST_GAIN = 800, 2.0

IntegrationTime = Literal[25, 50, 100, 200, 400, 800]
INTEGRATION: Mapping[IntegrationTime, int] = {25: 12, 50: 8, 100: 0, 200: 1, 400: 2, 800: 3}
Gain = Literal["1/8", "1/4", "1", "2"]
GAIN: Mapping[Gain, tuple[float, int]] = {
    "1/8": (0.125, 2),
    "1/4": (0.25, 3),
    "1": (1.0, 0),
    "2": (2.0, 1),
}
# The response bends at high light (application note); low gains alone can get there.
CORRECTION = (1.0023, 8.1488e-5, -9.3924e-9, 6.0135e-13)
BENT: Final = frozenset[Gain]({"1/8", "1/4"})


def settings(gain: Gain, integration_ms: IntegrationTime) -> int:
    """The configuration register of a sensor that measures with these."""
    _, code = GAIN[gain]
    return code << 11 | INTEGRATION[integration_ms] << 6


def lux(counts: int, gain: Gain, integration_ms: IntegrationTime) -> float:
    """Illuminance in lx, corrected at gains 1/8 and 1/4."""
    factor, _ = GAIN[gain]
    straight = counts * RESOLUTION_LX * (LONGEST_MS / integration_ms) * (HIGHEST_GAIN / factor)
    return corrected(straight) if gain in BENT else straight


def corrected(straight: float) -> float:
    """What the light really is where the sensor's straight line says so many lx."""
    first, second, third, fourth = CORRECTION
    return (((fourth * straight + third) * straight + second) * straight + first) * straight
