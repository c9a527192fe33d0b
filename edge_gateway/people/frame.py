"""A picture with its time, and what every source of pictures answers to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_gateway.people.boundary import SourceState

Picture: TypeAlias = NDArray[np.uint8]
"""Rows x columns x 3, blue-green-red."""

WAIT_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture: its number from 1, and seconds since the first picture of its source.

    `cut` says that nothing ties it to the picture before: a file began anew, a camera came back.
    `repeats` says that it is the picture before once more, to the bit. Whoever is handed a picture
    may change its pixels.
    """

    number: int
    time_s: float
    picture: Picture
    cut: bool = False
    repeats: bool = False


class Source(ABC):
    """A stream of pictures; iterate over it, or ask with `next_frame` and a deadline.

    `width` and `height` are pixels and `frame_rate` pictures a second, all 0 until the first
    picture of a live source; `frame_count` is None where nobody knows. `dropped` counts pictures
    that came and were never handed out because a newer one was there.
    """

    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    frame_count: int | None = None
    is_file: bool = False
    dropped: int = 0

    @property
    @abstractmethod
    def state(self) -> SourceState:
        """Whether pictures come, and if not, why."""

    @abstractmethod
    def next_frame(self, timeout_s: float) -> Frame | None:
        """Return the newest picture not yet handed out, or None when none came in time."""

    @abstractmethod
    def close(self) -> None:
        """Give camera or file back; safe to call twice."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield pictures until a file ends; those of a camera never end by themselves."""
        while self.state is not SourceState.ENDED:
            frame = self.next_frame(WAIT_S)
            if frame is not None:
                yield frame

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
