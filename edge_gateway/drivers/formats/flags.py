"""What a decoder says of a value that is not simply good."""

from __future__ import annotations

import math
from typing import Final

from edge_gateway.reading import Flag, Flagged

OUT_OF_RANGE: Final = "outside the device's range"


def in_range(value: float, span: tuple[float, float]) -> float | Flagged:
    """The value; flagged FAIL, and kept, outside of what the device is specified for."""
    low, high = span
    return value if low <= value <= high else Flagged(value, Flag.FAIL, OUT_OF_RANGE)


def failed(value: float | Flagged, reason: str) -> Flagged:
    """The value, kept and flagged FAIL whatever was said of it before."""
    return Flagged(value.value if isinstance(value, Flagged) else value, Flag.FAIL, reason)


def missing(reason: str) -> Flagged:
    """No value, and why."""
    return Flagged(math.nan, Flag.MISSING, reason)


def known(value: float | None, span: tuple[float, float], otherwise: str) -> float | Flagged:
    """The value in or out of its range; `otherwise` says why there is none."""
    return missing(otherwise) if value is None else in_range(value, span)
