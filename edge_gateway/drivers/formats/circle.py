"""Directions."""

from __future__ import annotations

FULL_CIRCLE_DEG = 360.0


def folded(direction_deg: float) -> float:
    """The same direction from 0 to below 360."""
    # The second time for a hair below 0, which the first rounds up to 360 itself.
    return direction_deg % FULL_CIRCLE_DEG % FULL_CIRCLE_DEG
