"""The window that runs: who crossed in it, and how much of it was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from edge_gateway.people.boundary import Coverage, Direction, LineCount

# Up to this spacing a walker (1.4 m/s) moves less than their own width and height between two
# pictures and stays the same track, whatever rate the camera promises.
LONGEST_GAP_S: Final = 0.5


class RunningWindow:
    """Counts and coverage from `start_s` on; all times are seconds of one monotonic clock.

    The time between two pictures is observed when it is no longer than the spacing allowed
    there; of a longer gap nothing is.
    """

    def __init__(self, lines: Iterable[str], start_s: float) -> None:
        self._keys = [(line, direction) for line in lines for direction in Direction]
        self._crossings: Counter[tuple[str, Direction]] = Counter()
        self._start_s = start_s
        self._seen_s: float | None = None
        self._allowed_s = LONGEST_GAP_S
        self._observed_s = 0.0
        self._frames = 0

    def see(self, now_s: float, spacing_s: float) -> None:
        """A picture was looked at; the source means to give one every `spacing_s`."""
        self._allowed_s = max(LONGEST_GAP_S, 2 * spacing_s)
        self._credit_until(now_s)
        self._seen_s = now_s
        self._frames += 1

    def cross(self, line: str, direction: Direction) -> None:
        """Someone crossed."""
        self._crossings[line, direction] += 1

    def close(self, end_s: float) -> tuple[Coverage, tuple[LineCount, ...]]:
        """Give what the window came to, and begin the next one at `end_s`."""
        if self._seen_s is not None and end_s - self._seen_s <= self._allowed_s:
            # The rest of this gap is judged and credited in the next window.
            self._credit_until(end_s)
            self._seen_s = end_s
        window_s = end_s - self._start_s
        coverage = Coverage(min(self._observed_s, window_s), window_s, self._frames)
        counts = tuple(LineCount(*key, self._crossings[key]) for key in self._keys)
        self._crossings.clear()
        self._start_s, self._observed_s, self._frames = end_s, 0.0, 0
        return coverage, counts

    def _credit_until(self, now_s: float) -> None:
        if self._seen_s is not None and now_s - self._seen_s <= self._allowed_s:
            self._observed_s += now_s - self._seen_s
