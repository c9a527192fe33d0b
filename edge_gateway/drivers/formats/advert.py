"""What one sensor advertisement says, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass

from edge_gateway.reading import Flag, Flagged, Measured

OUT_OF_RANGE = "outside the device's range"


@dataclass(frozen=True, slots=True)
class Sample:
    """What one advertisement measured, and the mark that tells it from the one before.

    The mark is the device's own count, or the payload where it has none. `only_rises` says that a
    lower one is an old advertisement played again, unless the device began to count anew.
    """

    measured: Measured
    mark: int | bytes
    only_rises: bool = False


def in_range(value: float, span: tuple[float, float]) -> float | Flagged:
    """The value, flagged FAIL where it lies outside of what the device is specified for."""
    low, high = span
    return value if low <= value <= high else Flagged(value, Flag.FAIL, OUT_OF_RANGE)
