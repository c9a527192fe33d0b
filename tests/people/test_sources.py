"""Sources on files written here and on a camera double: MJPEG over HTTP on loopback."""

from __future__ import annotations

import http.server
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pytest
from cv2.typing import MatLike

from edge_gateway.links.errors import LinkGone, Misconfigured
from edge_gateway.people.boundary import SourceState
from edge_gateway.people.frame import Frame, Source
from edge_gateway.people.live import MOST_MISSES, RETRY_FIRST_S, LiveSource, same_picture
from edge_gateway.people.recorded import RecordedSource
from edge_gateway.people.sources import capture_opener, open_source, shown

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


class HandClock:
    """Time passes only by hand, or while somebody sleeps on it."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """20 pictures at 10 a second, numbered from 0."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (WIDTH, HEIGHT))
    for number in range(20):
        writer.write(painted(number))
    writer.release()
    return path


@pytest.fixture
def camera() -> Iterator[MjpegCamera]:
    camera = MjpegCamera()
    yield camera
    camera.close()


def test_a_file_gives_every_picture_with_its_time_in_the_file(clip: Path) -> None:
    with open_source(str(clip), realtime=False) as source:
        frames = list(source)
    assert [frame.number for frame in frames] == list(range(1, 21))
    assert [frame.time_s for frame in frames] == pytest.approx([k / 10 for k in range(20)])
    assert [number_in(frame.picture) for frame in frames] == list(range(20))


def test_a_file_says_how_large_fast_and_long_it_is(clip: Path) -> None:
    with open_source(str(clip), realtime=False) as source:
        facts = (source.width, source.height, source.frame_rate, source.frame_count, source.is_file)
    assert facts == (WIDTH, HEIGHT, 10.0, 20, True)


def test_an_mp4_is_read_like_an_avi(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (WIDTH, HEIGHT))
    for number in range(5):
        writer.write(painted(number))
    writer.release()
    with open_source(str(path), realtime=False) as source:
        assert [number_in(frame.picture) for frame in source] == list(range(5))


def test_in_real_time_a_picture_comes_when_it_is_due_and_not_before(clip: Path) -> None:
    clock = HandClock()
    source = _played(clip, clock)
    first = source.next_frame(0.05)
    early = source.next_frame(0.05)
    second = source.next_frame(0.06)
    assert first is not None
    assert early is None
    assert second is not None
    assert (second.number, clock.now_s) == (2, pytest.approx(0.1))


def test_in_real_time_what_is_late_is_dropped_and_counted(clip: Path) -> None:
    clock = HandClock()
    source = _played(clip, clock)
    source.next_frame(1.0)
    clock.now_s = 0.55
    late = source.next_frame(1.0)
    assert late is not None
    assert (late.number, number_in(late.picture), late.time_s) == (6, 5, pytest.approx(0.5))
    assert source.dropped == 4


def test_in_real_time_the_file_ends_where_it_ends(clip: Path) -> None:
    clock = HandClock()
    source = _played(clip, clock)
    frames = list(source)
    assert (len(frames), clock.now_s) == (20, pytest.approx(1.9, abs=0.3))
    assert source.state is SourceState.ENDED


def test_a_loop_goes_on_counting_and_marks_the_cut(clip: Path) -> None:
    source = open_source(str(clip), realtime=False, loop=True)
    frames = list(itertools.islice(source, 45))
    assert [frame.number for frame in frames] == list(range(1, 46))
    assert [frame.number for frame in frames if frame.cut] == [21, 41]
    assert [number_in(frame.picture) for frame in frames[20:23]] == [0, 1, 2]


def test_a_loop_in_real_time_passes_over_its_end_when_late(clip: Path) -> None:
    clock = HandClock()
    source = _played(clip, clock, loop=True)
    source.next_frame(1.0)
    clock.now_s = 2.35
    frame = source.next_frame(1.0)
    assert frame is not None
    assert frame.cut


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("absent.avi", None, "no such file"),
        ("empty.avi", b"", "is empty"),
        ("noise.avi", bytes(range(256)) * 64, "no decoder"),
    ],
)
def test_a_file_that_is_no_video_is_named_with_what_to_do(
    tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Misconfigured, match=says) as error:
        open_source(str(path), realtime=False)
    assert name in str(error.value)


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="is a folder"):
        open_source(str(tmp_path), realtime=False)


def test_an_unknown_kind_of_address_names_the_known_ones() -> None:
    with pytest.raises(Misconfigured, match=r"ftp://.*rtsp"):
        open_source("ftp://camera/clip.avi", realtime=True)


def test_a_camera_that_is_not_plugged_in_is_a_gone_link() -> None:
    with pytest.raises(LinkGone, match="/dev/video77"):
        open_source("/dev/video77", realtime=True)


def test_an_address_is_shown_without_user_password_and_query() -> None:
    url = "rtsp://admin:secret@camera.example:554/stream?token=1"
    assert shown(url) == "rtsp://camera.example:554/stream"


def test_a_refusing_camera_is_a_gone_link_at_once(camera: MjpegCamera) -> None:
    camera.mode = Mode.REFUSES
    with pytest.raises(LinkGone, match="gives no picture"):
        open_source(camera.url, realtime=True)


def test_a_camera_gives_its_pictures_and_its_size(camera: MjpegCamera) -> None:
    with open_source(camera.url, realtime=True) as source:
        frame = next(iter(source))
        assert (frame.number, frame.time_s >= 0, source.is_file) == (1, True, False)
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


def _played(clip: Path, clock: HandClock, *, loop: bool = False) -> RecordedSource:
    return RecordedSource(
        lambda: cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG),
        str(clip),
        realtime=True,
        loop=loop,
        clock=clock,
        sleep=clock.sleep,
    )


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
