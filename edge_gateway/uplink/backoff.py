"""How long to wait before trying again."""

from __future__ import annotations

from random import Random


class Backoff:
    """Full jitter: any time up to a ceiling that doubles with each failure.

    A fleet that lost its broker together must not come back together.
    """

    def __init__(self, first_s: float, most_s: float, random: Random) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._random = random
        self._failures = 0

    def next_s(self) -> float:
        """Seconds to wait after one more failure."""
        # Past 2**32 the ceiling is what counts, and a float must not overflow in a long outage.
        ceiling_s = min(self._first_s * 2.0 ** min(self._failures, 32), self._most_s)
        self._failures += 1
        return self._random.uniform(0.0, ceiling_s)

    def reset(self) -> None:
        """It worked: the next failure is the first."""
        self._failures = 0
