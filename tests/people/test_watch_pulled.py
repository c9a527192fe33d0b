"""The camera is pulled in four ways, and the counter says how long it saw nothing, and recovers.

The counter's clock runs four times as fast as the wall's, and so does the camera's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
import pytest
from cv2.typing import MatLike

from edge_gateway.config import PrivacyConfig
from edge_gateway.people.boundary import Coverage, Health, Message, SourceState
from edge_gateway.people.counter_settings import CounterSettings, LineConfig
from edge_gateway.people.detect import Boxes
from edge_gateway.people.eyes import Eyes, Scene
from edge_gateway.people.frame import Picture
from edge_gateway.people.lines import Crossing
from edge_gateway.people.live import Capture, LiveSource
from edge_gateway.people.sight import Sight
from edge_gateway.people.track import Track
from edge_gateway.people.watch import run_counter
from tests.people.mjpeg_camera import HEIGHT, WIDTH, MjpegCamera, Mode

FASTER: Final = 4.0
WINDOW_S: Final = 6
DEADLINE_S: Final = 40.0
READ_TIMEOUT_MS: Final = 500
SETTINGS: Final = CounterSettings(
    permission=PrivacyConfig(
        purpose="width of the footway",
        operator="City",
        contact="city@example",
        legal_basis="ordinance 7",
        retention="counts: 5 years",
        notice_posted=True,
    ),
    source="double",
    line=(LineConfig(name="gate", start=(30, 60), end=(130, 60)),),
    interval_s=WINDOW_S,
)
_STREET: Final = cv2.resize(
    np.random.default_rng(7).integers(40, 220, (30, 40, 3), np.uint8),
    (WIDTH, HEIGHT),
    interpolation=cv2.INTER_NEAREST,
)


def clock() -> float:
    """The counter's clock."""
    return FASTER * time.monotonic()


def street(number: int) -> MatLike:
    """A place with edges, never twice the same: the light flickers."""
    return cv2.convertScaleAbs(_STREET, alpha=1.0, beta=number % 7)


@dataclass(frozen=True)
class Nobody:
    boxes: Boxes = field(default_factory=lambda: np.zeros((0, 5), np.float32))
    tracks: tuple[Track, ...] = ()
    crossings: tuple[Crossing, ...] = ()


class Chain:
    """Counting that sees nobody."""

    def update(self, picture: Picture, frame_number: int, time_s: float, /) -> Nobody:
        del picture, frame_number, time_s
        return Nobody()


class Run:
    """A counter on a thread, before a camera double."""

    def __init__(self, camera: MjpegCamera) -> None:
        self._camera = camera
        self.messages: list[Message] = []
        self.said: list[str] = []
        self._over = threading.Event()
        self._source = LiveSource(self._open, "camera", freeze_after_s=4.0, clock=clock)
        self._thread = threading.Thread(target=self._count, daemon=True)
        self._thread.start()

    def state(self) -> SourceState | None:
        """As the last pulse said."""
        pulses = [message for message in tuple(self.messages) if isinstance(message, Health)]
        return pulses[-1].source if pulses else None

    def until(self, state: SourceState) -> None:
        """Wait for a pulse of this state."""
        deadline_s = time.monotonic() + DEADLINE_S
        while self.state() is not state:
            assert time.monotonic() < deadline_s, (state, self.state(), self.said)
            threading.Event().wait(0.02)

    def coverages(self, windows: int) -> list[Coverage]:
        """Wait for so many windows more, and return all."""
        enough = len(self._sent()) + windows
        deadline_s = time.monotonic() + DEADLINE_S
        while len(self._sent()) < enough:
            assert time.monotonic() < deadline_s
            threading.Event().wait(0.02)
        return self._sent()

    def close(self) -> None:
        """End it."""
        self._over.set()
        self._thread.join(10)
        self._source.close()

    def _sent(self) -> list[Coverage]:
        return [message for message in tuple(self.messages) if isinstance(message, Coverage)]

    def _count(self) -> None:
        run_counter(
            SETTINGS,
            self.messages.append,
            source=self._source,
            eyes=Eyes(Chain, _no_scene, "ab" * 32, sight=Sight),
            stop=self._over.is_set,
            say=self.said.append,
            clock=clock,
        )

    def _open(self) -> Capture:
        timeouts = [
            *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, READ_TIMEOUT_MS),
            *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS),
        ]
        return cv2.VideoCapture(self._camera.url, cv2.CAP_FFMPEG, timeouts)


@pytest.fixture
def camera() -> Iterator[MjpegCamera]:
    camera = MjpegCamera(frame_rate=40.0, paint=street, clock=clock)
    yield camera
    camera.close()


@pytest.mark.parametrize(
    ("pulled", "found"),
    [
        (Mode.REFUSES, SourceState.LOST),
        (Mode.SILENT, SourceState.LOST),
        (Mode.SAME, SourceState.FROZEN),
        (Mode.COVERED, SourceState.BLOCKED),
    ],
)
def test_a_pulled_camera_costs_the_coverage_its_time_and_comes_back(
    camera: MjpegCamera, pulled: Mode, found: SourceState
) -> None:
    run = Run(camera)
    try:
        run.until(SourceState.SEEING)
        seeing = len(run.coverages(1))
        camera.mode = pulled
        run.until(found)
        run.coverages(2)
        camera.mode = Mode.WORKS
        run.until(SourceState.SEEING)
        windows = run.coverages(2)[seeing:]
    finally:
        run.close()
    lost_s = sum(window.window_s - window.observed_s for window in windows)
    named_s = sum(part.seconds for w in windows for part in w.unseen_s)
    assert lost_s == pytest.approx(camera.outage_s, abs=1.0)
    assert named_s == pytest.approx(lost_s, abs=1.0)
    assert 0.0 in [window.observed_s for window in windows]
    assert windows[-1].ratio > 0.9
    assert found in [part.state for window in windows for part in window.unseen_s]


def _no_scene(width: int, height: int) -> Scene:
    raise AssertionError(f"no picture of {width} x {height} was to leave")
