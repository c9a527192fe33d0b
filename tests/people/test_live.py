"""Live sources on a camera double: MJPEG over HTTP on loopback, with the ways cameras fail."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Final

import cv2
import numpy as np
import pytest
from cv2.typing import MatLike

from edge_gateway.links.errors import LinkGone
from edge_gateway.people.boundary import SourceState
from edge_gateway.people.frame import Frame, Source
from edge_gateway.people.live import MOST_MISSES, RETRY_FIRST_S, LiveSource, same_picture
from edge_gateway.people.sources import capture_opener, open_source

WIDTH: Final = 160
HEIGHT: Final = 120
BITS: Final = 16
_STRIPE: Final = WIDTH // BITS


class Mode(StrEnum):
    """What the camera does with the next picture."""

    WORKS = "works"
    SILENT = "silent"
    SAME = "same"
    HANGS_UP = "hangs up"
    REFUSES = "refuses"


class MjpegCamera:
    """Serves pictures at `frame_rate`, each with its number painted in black and white stripes."""

    def __init__(self, *, frame_rate: float = 50.0) -> None:
        self.mode = Mode.WORKS
        self.sent = 0
        self._closed = threading.Event()
        camera = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if camera.mode is Mode.REFUSES:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=cut")
                self.end_headers()
                while camera.mode is not Mode.HANGS_UP and not camera.wait(1 / frame_rate):
                    if camera.mode is Mode.SILENT:
                        continue
                    try:
                        self.wfile.write(camera.next_part())
                    except OSError:
                        return

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                del format, args

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/live"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Wait for the next picture; true when the camera is switched off."""
        return self._closed.wait(seconds)

    def next_part(self) -> bytes:
        """The next picture as a part of the stream."""
        if self.mode is not Mode.SAME:
            self.sent += 1
        jpeg = cv2.imencode(".jpg", painted(self.sent))[1].tobytes()
        head = f"--cut\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
        return head.encode() + jpeg + b"\r\n"

    def close(self) -> None:
        """Switch it off."""
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()


def painted(number: int) -> MatLike:
    """A picture that shows `number`: bit k is the stripe k, white for one."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for bit in range(BITS):
        picture[:, bit * _STRIPE : (bit + 1) * _STRIPE] = 255 * (number >> bit & 1)
    return picture


def number_in(picture: MatLike) -> int:
    """Read the number of a painted picture, also after compression."""
    row = picture[HEIGHT // 2, _STRIPE // 2 :: _STRIPE, 1]
    return sum(1 << bit for bit, level in enumerate(row) if level > 127)


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
        _until(lambda: source.dropped >= 10)
        newest = _next(source)
        assert number_in(newest.picture) - number_in(first.picture) > 10
        assert newest.number - first.number == source.dropped + 1


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


def test_pictures_that_differ_in_one_pixel_are_not_the_same() -> None:
    one = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    other = one.copy()
    other[7, 7, 1] = 1
    assert (same_picture(one, one.copy()), same_picture(one, other)) == (True, False)


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
