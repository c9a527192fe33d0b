"""When which lane is committed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import inf

from edge_gateway.reading import Lane

COMMIT_INTERVAL_S = 5.0


class Schedule:
    """The turns of the lanes. `interval_s`: seconds by lane; 5 where none is given, 0 at once."""

    def __init__(self, interval_s: Mapping[Lane, float], now_ns: int) -> None:
        seconds = {lane: interval_s.get(lane, COMMIT_INTERVAL_S) for lane in Lane}
        self.at_once = frozenset(lane for lane in Lane if seconds[lane] <= 0)
        # A lane that never waits still has its turn, for what the disk refused and was removed.
        self._interval_ns = {
            lane: int((COMMIT_INTERVAL_S if lane in self.at_once else seconds[lane]) * 1e9)
            for lane in Lane
        }
        self._since_ns = dict.fromkeys(Lane, now_ns)

    def due(self, now_ns: int, within_s: float = inf) -> list[Lane]:
        """The lanes whose turn it is: their interval has passed, or `within_s` if that is less."""
        return [lane for lane in Lane if self._due_ns(lane, within_s) <= now_ns]

    def next_s(self, now_ns: int, within_s: float = inf) -> float:
        """Seconds until the next turn, 0 when it is now."""
        return max(min(self._due_ns(lane, within_s) for lane in Lane) - now_ns, 0) / 1e9

    def committed(self, lanes: Collection[Lane], now_ns: int) -> None:
        """These lanes had their turn."""
        for lane in lanes:
            self._since_ns[lane] = now_ns

    def _due_ns(self, lane: Lane, within_s: float) -> float:
        return self._since_ns[lane] + min(self._interval_ns[lane], within_s * 1e9)
