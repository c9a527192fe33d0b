"""Who is next on a shared line: one at a time, by rank, where a lock lets in whoever comes by."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from heapq import heappop, heappush
from itertools import count
from threading import Condition


class Turns:
    """Lets one in at a time, the lowest rank first, and of one rank who came first."""

    def __init__(self) -> None:
        self._free = Condition()
        self._is_taken = False
        self._tickets = count()
        self._waiting: list[tuple[float, int]] = []

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @contextmanager
    def turn(self, rank: float) -> Generator[None]:
        """Wait until nobody is inside and nobody of a lower rank waits; inside until it ends."""
        with self._free:
            mine = (rank, next(self._tickets))
            heappush(self._waiting, mine)
            while self._is_taken or self._waiting[0] != mine:
                self._free.wait()
            heappop(self._waiting)
            self._is_taken = True
        try:
            yield
        finally:
            with self._free:
                self._is_taken = False
                self._free.notify_all()
