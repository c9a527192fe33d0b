"""What the processes of a run share: tallies, and when each reading was where."""

from __future__ import annotations

import mmap
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt


class Tally(IntEnum):
    """What is counted; each is written by one process only."""

    HANDED = 0  # readings given to the gateway
    ACCEPTED = 1  # of them, those it has taken the responsibility for
    DELIVERED = 2  # different readings that came out of the upstream broker
    REPEATED = 3  # readings of messages whose key had come before
    DUPLICATED = 4  # readings that came again all the same
    DISORDERED = 5  # readings that came after a later one of their sensor and kind
    STRANGE = 6  # numbers that were never handed in, and messages that make no sense
    MESSAGES = 7  # messages with readings
    UP_BYTES = 8  # TCP payload from the gateway to the broker
    DOWN_BYTES = 9  # and back
    STOP = 10  # not zero: the feeder is to stop


class Board:
    """Lies in the file at `path`, for `capacity` readings; a time of 0 has not come yet.

    Times are seconds of the monotonic clock, which all processes of a machine share.
    """

    def __init__(self, path: Path, capacity: int) -> None:
        size = 8 * (len(Tally) + 3 * capacity)
        with path.open("a+b") as file:
            file.truncate(size)
            self._map = mmap.mmap(file.fileno(), size)
        words = memoryview(self._map)
        start = 8 * len(Tally)
        columns: list[npt.NDArray[np.float64]] = [
            np.frombuffer(words, np.float64, capacity, start + 8 * capacity * place)
            for place in range(3)
        ]
        self.tallies: npt.NDArray[np.int64] = np.frombuffer(words, np.int64, len(Tally))
        self.handed_s, self.accepted_s, self.delivered_s = columns
        self.capacity = capacity

    def __getitem__(self, tally: Tally) -> int:
        return int(self.tallies[tally])

    def __setitem__(self, tally: Tally, value: int) -> None:
        self.tallies[tally] = value

    def all(self) -> dict[Tally, int]:
        """Every tally at this moment."""
        return {tally: self[tally] for tally in Tally}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Nothing to do: the map ends with the last who looks at it."""
