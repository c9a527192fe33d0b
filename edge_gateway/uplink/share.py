"""How the backlog shares the rate with live data, and how fast it may drain."""

from __future__ import annotations

from edge_gateway.outbox import StoredBlock
from edge_gateway.uplink.batch import Arrival

_SECOND_NS = 10**9


class Share:
    """Whose turn it is. `backlog_share`: the backlog's part of the bytes while both wait.

    `most_per_s`: entries of the backlog a second, None for as many as go.
    """

    def __init__(self, backlog_share: float = 0.5, most_per_s: float | None = None) -> None:
        self._share = backlog_share
        self._most_per_s = most_per_s
        self._ahead_bytes = 0.0
        self._from_ns = 0

    def turns(self) -> tuple[Arrival, Arrival]:
        """Who is asked first, and who next."""
        if self._ahead_bytes < 0:
            return (Arrival.BACKFILL, Arrival.LIVE)
        return (Arrival.LIVE, Arrival.BACKFILL)

    def passed(self) -> None:
        """Who was asked first had nothing: nobody waits for the other, and nothing is owed."""
        self._ahead_bytes = 0.0

    def took(self, arrival: Arrival, blocks: tuple[StoredBlock, ...], now_ns: int) -> None:
        """These blocks go out."""
        size = sum(len(block.payload) for block in blocks)
        if arrival is Arrival.LIVE:
            self._ahead_bytes -= size * self._share
            return
        self._ahead_bytes += size * (1 - self._share)
        if self._most_per_s is not None:
            entries = sum(block.entries for block in blocks)
            self._from_ns = max(now_ns, self._from_ns) + int(entries / self._most_per_s * 1e9)

    def backlog_in_s(self, now_ns: int) -> float:
        """Seconds until the backlog may go on, 0 when it may now."""
        return max(self._from_ns - now_ns, 0) / _SECOND_NS
