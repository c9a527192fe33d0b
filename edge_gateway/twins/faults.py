"""Faults that a simulated device has on demand, each for a number of times."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from threading import Lock


class Faults:
    """How often each fault of `kinds` is still to come."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self._left = dict.fromkeys(kinds, 0)
        self._lock = Lock()

    def order(self, kind: str, times: int) -> None:
        """Have `kind` happen `times` times more; ValueError names the kinds there are."""
        if kind not in self._left:
            near = difflib.get_close_matches(kind, self._left, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"no fault {kind!r}.{hint} Faults: {', '.join(self._left)}")
        with self._lock:
            self._left[kind] += times

    def take(self, kind: str) -> bool:
        """Whether `kind` happens this time."""
        with self._lock:
            happens = self._left[kind] > 0
            if happens:
                self._left[kind] -= 1
            return happens

    def clear(self) -> None:
        """Forget all that was ordered."""
        with self._lock:
            self._left = dict.fromkeys(self._left, 0)
