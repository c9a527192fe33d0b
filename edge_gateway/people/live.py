"""A camera that never waits: a thread reads all it sends and keeps only the newest picture."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
from cv2.typing import MatLike

from edge_gateway.links.errors import LinkGone
from edge_gateway.people.boundary import SourceState
from edge_gateway.people.frame import Frame, Picture, Source

# One broken JPEG costs one read; a dead capture fails for ever, and at once.
MOST_MISSES: Final = 5
MISS_WAIT_S: Final = 0.1
# A read that failed only after this has run into its timeout. Over RTSP the next one would too, and
# over HTTP none ever comes back.
TIMED_OUT_S: Final = 1.0
RETRY_FIRST_S: Final = 0.5
RETRY_LONGEST_S: Final = 10.0
# A lens never gives the same noise twice, but a thrifty encoder repeats a still picture until its
# next key frame, which comes every few seconds.
FREEZE_AFTER_S: Final = 10.0
CLOSE_WAIT_S: Final = 1.0
_SAMPLE: Final = 4
_RATE_MEMORY: Final = 0.1


class Capture(Protocol):
    """What is used of cv2.VideoCapture."""

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        """Whether it was opened at all; stays true when the camera dies."""
        ...

    def read(self) -> tuple[bool, MatLike]:
        """The next picture, or False."""
        ...

    def release(self) -> None:
        """Close it."""
        ...


class LiveSource(Source):
    """A live camera; `name` is how messages call it. Its thread ends with `close`.

    A picture that stays the same to the bit for `freeze_after_s` is no picture: the source is
    frozen and hands out nothing until it changes.
    """

    def __init__(
        self,
        open_capture: Callable[[], Capture],
        name: str,
        *,
        freeze_after_s: float = FREEZE_AFTER_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_capture = open_capture
        self._name = name
        self._freeze_after_s = freeze_after_s
        self._clock = clock
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._state = SourceState.OPENING
        self._newest: Frame | None = None
        self._previous: Picture | None = None
        self._number = 0
        self._cut = False
        self._first_s = self._last_s = self._moved_s = 0.0
        self._thread = threading.Thread(target=self._grab, name=f"grab {name}", daemon=True)
        self._thread.start()

    @property
    def state(self) -> SourceState:
        """As the last read found it."""
        return SourceState.ENDED if self._stop.is_set() else self._state

    def wait(self, timeout_s: float) -> None:
        """Wait for the first picture; LinkGone when the first attempt or the time is over."""
        with self._changed:
            self._changed.wait_for(
                lambda: self.width > 0 or self._state is SourceState.LOST, timeout_s
            )
            if self.width == 0:
                raise LinkGone(
                    f"{self._name}: gives no picture; "
                    "check that the camera is on, its name or address, and the way to it"
                )

    def next_frame(self, timeout_s: float) -> Frame | None:
        """Return the newest picture not yet handed out, or None when none came in time."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._newest is not None or self._stop.is_set(), timeout_s
            )
            frame, self._newest = self._newest, None
            return frame

    def close(self) -> None:
        """Stop reading; a read that hangs ends at its own timeout, behind our back."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(CLOSE_WAIT_S)

    def _grab(self) -> None:
        wait_s = RETRY_FIRST_S
        while not self._stop.is_set():
            before = self._number
            capture = self._open_capture()
            if capture.isOpened():
                self._read_until_lost(capture)
            capture.release()
            with self._changed:
                self._state = SourceState.LOST
                self._cut = self._number > 0
                self._changed.notify_all()
            if self._number > before:
                wait_s = RETRY_FIRST_S
            self._stop.wait(wait_s)
            wait_s = min(2 * wait_s, RETRY_LONGEST_S)

    def _read_until_lost(self, capture: Capture) -> None:
        misses = 0
        while misses < MOST_MISSES and not self._stop.is_set():
            began_s = time.monotonic()
            there, image = capture.read()
            if there:
                misses = 0
                self._take(np.asarray(image, np.uint8))
            elif time.monotonic() - began_s >= TIMED_OUT_S:
                return
            else:
                misses += 1
                self._stop.wait(MISS_WAIT_S)

    def _take(self, picture: Picture) -> None:
        now = self._clock()
        previous, self._previous = self._previous, sample(picture)
        if previous is None:
            self._first_s = self._last_s = now
        repeats = previous is not None and np.array_equal(previous, self._previous)
        if not repeats:
            self._moved_s = now
        with self._changed:
            self._number += 1
            self.height, self.width = picture.shape[:2]
            self._learn_rate(now - self._last_s)
            self._last_s = now
            if now - self._moved_s >= self._freeze_after_s:
                self._state = SourceState.FROZEN
                self._cut = True
                return
            self._state = SourceState.SEEING
            self.dropped += self._newest is not None
            # A cut stays a cut until it is handed out.
            cut = self._cut or (self._newest is not None and self._newest.cut)
            self._newest = Frame(self._number, now - self._first_s, picture, cut, repeats)
            self._cut = False
            self._changed.notify_all()

    def _learn_rate(self, interval_s: float) -> None:
        """Measure the camera's rate: what it states of itself is often a default."""
        if interval_s <= 0 or self._cut:
            return
        rate = 1 / interval_s
        if self.frame_rate:
            rate = self.frame_rate + _RATE_MEMORY * (rate - self.frame_rate)
        self.frame_rate = rate


def sample(picture: Picture) -> Picture:
    """Each fourth pixel both ways: no noise and no block of a codec changes without some of them.

    A copy, as the picture itself is handed out and may be changed.
    """
    return picture[::_SAMPLE, ::_SAMPLE].copy()
