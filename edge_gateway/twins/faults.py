"""Faults that a simulated device has on demand, each for a number of times."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from random import Random
from threading import Lock


class Faults:
    """How often each fault of `kinds` is still to come.

    `chance` decides where a fault strikes: which bit, which byte, which of several ways.
    """

    def __init__(self, kinds: Sequence[str], chance: Random | None = None) -> None:
        self.chance = chance or Random(1)  # noqa: S311  places of faults, not secrets
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

    def left(self, kind: str) -> int:
        """How often `kind` is still to come."""
        return self._left[kind]

    def clear(self) -> None:
        """Forget all that was ordered."""
        with self._lock:
            self._left = dict.fromkeys(self._left, 0)


def flipped(data: bytes, chance: Random) -> bytes:
    """With one bit turned over, somewhere."""
    at, bit = chance.randrange(len(data)), chance.randrange(8)
    return data[:at] + bytes((data[at] ^ 1 << bit,)) + data[at + 1 :]


def cut(data: bytes, chance: Random) -> bytes:
    """Only its beginning, at least one byte."""
    return data[: chance.randrange(1, len(data))]


def line_noise(chance: Random) -> bytes:
    """What a line catches while nobody drives it: mostly 00 and ff, at most six bytes."""
    return bytes(
        chance.choice((0x00, 0xFF, chance.randrange(256))) for _ in range(chance.randrange(1, 7))
    )
