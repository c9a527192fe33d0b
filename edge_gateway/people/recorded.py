"""A video file as a source: picture by picture, or at its own pace like a camera."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from edge_gateway.links.errors import Misconfigured
from edge_gateway.people.boundary import SourceState
from edge_gateway.people.frame import Frame, Picture, Source

HIGHEST_FRAME_RATE: Final = 240.0
# Where a container does not say: FFmpeg's own default for raw streams.
UNSTATED_FRAME_RATE: Final = 25.0
_COUNT_LIMIT: Final = 2**31


class RecordedSource(Source):
    """A recording; the time of a picture is its place in it. For one thread.

    In real time, pictures whose moment has gone are dropped and counted, and the source does not
    leave `next_frame` before the next one is due. Played in a loop, numbers and times go on.
    """

    def __init__(
        self,
        open_capture: Callable[[], cv2.VideoCapture],
        name: str,
        *,
        realtime: bool,
        loop: bool,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.is_file = True
        self._open_capture = open_capture
        self._name = name
        self._realtime = realtime
        self._loop = loop
        self._clock = clock
        self._sleep = sleep
        self._number = 0
        self._cut = False
        self._state = SourceState.SEEING
        self._capture = open_capture()
        self._waiting: Picture | None = self._read()
        if self._waiting is None:
            raise Misconfigured(f"{name}: holds no picture that can be decoded")
        self.height, self.width = self._waiting.shape[:2]
        self.frame_rate = _frame_rate(self._capture.get(cv2.CAP_PROP_FPS))
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.frame_count = int(count) if 0 < count < _COUNT_LIMIT else None
        self._started_s = clock()

    @property
    def state(self) -> SourceState:
        """Seeing until the last picture was handed out."""
        return self._state

    def next_frame(self, timeout_s: float) -> Frame | None:
        """Return the next picture, in real time the one that is due; None at the end."""
        if self._state is SourceState.ENDED:
            self._sleep(timeout_s)
            return None
        if self._realtime and not self._wait_until_due(timeout_s):
            return None
        picture = self._next_picture()
        if picture is None:
            self._state = SourceState.ENDED
            return None
        self._number += 1
        cut, self._cut = self._cut, False
        return Frame(self._number, (self._number - 1) / self.frame_rate, picture, cut)

    def close(self) -> None:
        """Close the file."""
        self._state = SourceState.ENDED
        self._capture.release()

    def _wait_until_due(self, timeout_s: float) -> bool:
        """Stand at the picture that is due now; False when it is not due within the time."""
        played = (self._clock() - self._started_s) * self.frame_rate
        early_s = (self._number - played) / self.frame_rate
        if early_s > timeout_s:
            self._sleep(timeout_s)
            return False
        if early_s > 0:
            self._sleep(early_s)
        for _ in range(math.floor(played) - self._number):
            if self._waiting is not None:
                self._waiting = None
            elif not self._capture.grab():
                break
            self._number += 1
            self.dropped += 1
        return True

    def _next_picture(self) -> Picture | None:
        picture, self._waiting = self._waiting, None
        if picture is None:
            picture = self._read()
        if picture is None and self._loop:
            self._capture.release()
            self._capture = self._open_capture()
            self._cut = True
            picture = self._read()
        return picture

    def _read(self) -> Picture | None:
        there, image = self._capture.read()
        return np.asarray(image, np.uint8) if there else None


def _frame_rate(stated: float) -> float:
    return stated if 0 < stated <= HIGHEST_FRAME_RATE else UNSTATED_FRAME_RATE
