"""Live sources on a camera double: MJPEG over HTTP on loopback, with the ways cameras fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from cv2.typing import MatLike

from edge_gateway.links.errors import LinkGone
from edge_gateway.people.boundary import SourceState
from edge_gateway.people.frame import Frame, Source
from edge_gateway.people.live import MOST_MISSES, RETRY_FIRST_S, LiveSource, sample
from edge_gateway.people.sources import capture_opener, open_source
from tests.people.mjpeg_camera import HEIGHT, WIDTH, MjpegCamera, Mode, number_in, painted


@pytest.fixture
def camera() -> Iterator[MjpegCamera]:
    camera = MjpegCamera()
    yield camera
    camera.close()


def test_a_refusing_camera_is_a_gone_link_at_once(camera: MjpegCamera) -> None:
    camera.mode = Mode.REFUSES
    with pytest.raises(LinkGone, match="gives no picture"):
        open_source(camera.url, realtime=True)


def test_a_camera_gives_its_pictures_and_its_size(camera: MjpegCamera) -> None:
    with open_source(camera.url, realtime=True) as source:
        frame = next(iter(source))
        assert (frame.number >= 1, frame.time_s >= 0, source.is_file) == (True, True, False)
        assert (source.width, source.height) == (WIDTH, HEIGHT)


def test_a_slow_reader_gets_the_newest_picture_and_the_others_are_counted(
    camera: MjpegCamera,
) -> None:
    with open_source(camera.url, realtime=True) as source:
        first = _next(source)
        # Some may have been dropped before the first was asked for.
        before = source.dropped
        _until(lambda: source.dropped >= before + 10)
        newest = _next(source)
        passed = newest.number - first.number
        assert number_in(newest.picture) - number_in(first.picture) == passed
        assert passed > 10


def test_a_camera_that_comes_back_is_found_again_and_its_first_picture_is_cut(
    camera: MjpegCamera,
) -> None:
    with open_source(camera.url, realtime=True) as source:
        _next(source)
        camera.mode = Mode.HANGS_UP
        _until(lambda: source.state is SourceState.LOST)
        while source.next_frame(0) is not None:
            pass
        camera.mode = Mode.WORKS
        assert _next(source).cut
        assert source.state is SourceState.SEEING


def test_a_silent_camera_is_not_waited_for(camera: MjpegCamera) -> None:
    with open_source(camera.url, realtime=True) as source:
        _next(source)
        camera.mode = Mode.SILENT
        started = time.monotonic()
        while source.next_frame(0.1) is not None:
            pass
        assert time.monotonic() - started < 2.0


def test_the_same_picture_for_ever_is_no_picture(camera: MjpegCamera) -> None:
    live = LiveSource(capture_opener(camera.url), "camera", freeze_after_s=0.3)
    with live as source:
        _next(source)
        camera.mode = Mode.SAME
        _until(lambda: source.state is SourceState.FROZEN)
        while source.next_frame(0) is not None:
            pass
        assert source.next_frame(0.2) is None
        camera.mode = Mode.WORKS
        assert _next(source).cut


def test_one_broken_picture_does_not_lose_the_camera() -> None:
    capture = Playback([True, False, True])
    with LiveSource(capture.open, "camera"):
        _until(lambda: capture.reads >= 3)
        assert capture.opened == 1


def test_a_dead_capture_is_opened_again_with_a_pause() -> None:
    capture = Playback([])
    started = time.monotonic()
    with LiveSource(capture.open, "camera"):
        _until(lambda: capture.opened == 2)
    assert capture.reads <= 2 * MOST_MISSES
    assert time.monotonic() - started >= RETRY_FIRST_S


def test_a_closed_camera_has_ended(camera: MjpegCamera) -> None:
    source = open_source(camera.url, realtime=True)
    source.close()
    source.close()
    assert source.state is SourceState.ENDED


def test_a_repeated_picture_says_so_and_a_new_one_does_not(camera: MjpegCamera) -> None:
    with open_source(camera.url, realtime=True) as source:
        assert not _next(source).repeats
        camera.mode = Mode.SAME
        _until(lambda: _next(source).repeats)
        camera.mode = Mode.WORKS
        _until(lambda: not _next(source).repeats)


def test_a_picture_changed_after_it_was_handed_out_does_not_hide_a_freeze(
    camera: MjpegCamera,
) -> None:
    live = LiveSource(capture_opener(camera.url), "camera", freeze_after_s=0.3)
    with live as source:
        _next(source)
        camera.mode = Mode.SAME
        while source.state is not SourceState.FROZEN:
            frame = source.next_frame(1.0)
            if frame is not None:
                frame.picture[:] = 0


def test_broken_jpegs_lose_no_more_than_themselves(camera: MjpegCamera) -> None:
    with open_source(camera.url, realtime=True) as source:
        before = _next(source)
        camera.mode = Mode.BREAKS
        sent = camera.sent
        _until(lambda: camera.sent >= sent + 3)
        camera.mode = Mode.WORKS
        _until(lambda: number_in(_next(source).picture) > sent)
        assert _next(source).number > before.number


def test_the_sample_of_a_picture_changes_with_any_block_of_it() -> None:
    one = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    other = one.copy()
    other[40:44, 80:84] = 1
    assert not np.array_equal(sample(one), sample(other))


class Playback:
    """A capture that succeeds and fails as told, and then fails for ever."""

    def __init__(self, answers: list[bool]) -> None:
        self._answers = answers
        self.reads = 0
        self.opened = 0

    def open(self) -> Playback:
        self.opened += 1
        return self

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def read(self) -> tuple[bool, MatLike]:
        self.reads += 1
        there = self.reads <= len(self._answers) and self._answers[self.reads - 1]
        return there, painted(self.reads)

    def release(self) -> None:
        pass


def _next(source: Source) -> Frame:
    """The next picture, within ten seconds."""
    frame = source.next_frame(10.0)
    assert frame is not None, source.state
    return frame


def _until(reached: Callable[[], bool]) -> None:
    """Wait for an event of another thread, ten seconds at most."""
    deadline_s = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < deadline_s
        threading.Event().wait(0.01)
