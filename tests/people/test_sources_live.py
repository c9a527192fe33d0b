"""Cameras by RTSP, under /dev and on the Pi's connector, on doubles of what reads them."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from cv2.typing import MatLike
from numpy.typing import NDArray

from edge_gateway.links.errors import LinkGone, Misconfigured
from edge_gateway.people.boundary import SourceState
from edge_gateway.people.frame import Frame, Source
from edge_gateway.people.live import Capture, LiveSource
from edge_gateway.people.picamera import PIXELS, PicameraCapture, picamera_opener
from edge_gateway.people.sources import open_source
from edge_gateway.people.v4l2 import V4l2Opener, fixed_name
from tests.people.mjpeg_camera import HEIGHT, WIDTH, number_in, painted
from tests.people.rtsp_camera import RtspCamera


@pytest.fixture
def rtsp() -> Iterator[RtspCamera]:
    camera = RtspCamera()
    yield camera
    camera.close()


def test_rtsp_gives_pictures_and_they_come_by_tcp(rtsp: RtspCamera) -> None:
    with open_source(rtsp.url, realtime=True) as source:
        first, second = _next(source), _next(source)
        assert (source.width, source.height) == (WIDTH, HEIGHT)
        assert number_in(second.picture) > number_in(first.picture) > 0
    assert "RTP/AVP/TCP" in rtsp.transports[0]


def test_an_rtsp_camera_that_hangs_up_is_opened_again_and_its_first_picture_is_cut(
    rtsp: RtspCamera,
) -> None:
    with open_source(rtsp.url, realtime=True) as source:
        _next(source)
        rtsp.hang_up()
        _until(lambda: source.state is SourceState.LOST)
        while source.next_frame(0) is not None:
            pass
        assert _next(source).cut
    assert rtsp.connections == 2


def test_a_silent_rtsp_camera_is_lost_within_its_timeout_and_found_again(rtsp: RtspCamera) -> None:
    with open_source(rtsp.url, realtime=True) as source:
        _next(source)
        rtsp.is_silent = True
        started_s = time.monotonic()
        _until(lambda: source.state is SourceState.LOST)
        assert time.monotonic() - started_s < 6.0
        while source.next_frame(0) is not None:
            pass
        rtsp.is_silent = False
        assert _next(source).cut


class FakePicamera:
    """The public methods of picamera2.Picamera2 that are used, as its manual describes them."""

    def __init__(self, number: int = 0) -> None:
        self.number = number
        self.calls: list[str] = []
        self.pictures = 0
        self.is_stuck = False

    def create_video_configuration(self, main: Mapping[str, object]) -> dict[str, Any]:
        self.calls.append("create_video_configuration")
        return {"main": dict(main)}

    def configure(self, camera_config: dict[str, Any]) -> None:
        self.calls.append(f"configure {camera_config['main']['format']}")

    def start(self) -> None:
        self.calls.append("start")

    def capture_array(self, name: str, wait: float) -> NDArray[np.uint8]:
        assert name == "main"
        assert wait > 0
        if self.is_stuck:
            raise TimeoutError
        self.pictures += 1
        return np.asarray(painted(self.pictures), np.uint8)

    def close(self) -> None:
        self.calls.append("close")


def test_the_connector_is_read_like_any_capture() -> None:
    camera = FakePicamera()
    capture = PicameraCapture(lambda: camera)
    there, picture = capture.read()
    assert (capture.isOpened(), there, number_in(picture)) == (True, True, 1)
    assert camera.calls == ["create_video_configuration", f"configure {PIXELS}", "start"]
    capture.release()
    capture.release()
    assert camera.calls.count("close") == 1


def test_a_connector_that_gives_nothing_in_time_is_a_failed_read() -> None:
    camera = FakePicamera()
    capture = PicameraCapture(lambda: camera)
    camera.is_stuck = True
    assert not capture.read()[0]


@pytest.mark.parametrize("error", [IndexError, RuntimeError])
def test_a_connector_without_a_camera_is_not_opened(error: type[Exception]) -> None:
    def absent() -> FakePicamera:
        raise error

    capture = PicameraCapture(absent)
    assert not capture.isOpened()
    assert not capture.read()[0]


def test_the_connector_is_a_source_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("picamera2")
    module.__dict__["Picamera2"] = FakePicamera
    module.__spec__ = sys.__spec__
    monkeypatch.setitem(sys.modules, "picamera2", module)
    with open_source("picamera2:0", realtime=True) as source:
        assert number_in(_next(source).picture) >= 1


def test_without_picamera2_it_is_said_what_to_install() -> None:
    with pytest.raises(Misconfigured, match="sudo apt install python3-picamera2"):
        open_source("picamera2:0", realtime=True)


@pytest.mark.parametrize("name", ["picamera2:", "picamera2:front", "picamera2:-1"])
def test_a_connector_is_named_by_its_number(name: str) -> None:
    with pytest.raises(Misconfigured, match="picamera2:0"):
        picamera_opener(name)


class Node(Capture):
    """An opened device node that paints its own path's last digit."""

    def __init__(self, node: str) -> None:
        self._node = Path(node)

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self._node.exists()

    def read(self) -> tuple[bool, MatLike]:
        threading.Event().wait(0.005)
        return self._node.exists(), painted(int(self._node.name[-1]))

    def release(self) -> None:
        pass


@pytest.fixture
def by_id(tmp_path: Path) -> Path:
    """A /dev with one camera, video1, and the link udev makes to it."""
    links = tmp_path / "v4l/by-id"
    links.mkdir(parents=True)
    plug(tmp_path, 1)
    return links


def plug(dev: Path, number: int) -> None:
    """Plug the camera in as /dev/videoN."""
    node = dev / f"video{number}"
    node.touch()
    (dev / "v4l/by-id/usb-Maker_Camera_0042-video-index0").symlink_to(node)


def unplug(dev: Path, number: int) -> None:
    """Pull it."""
    (dev / f"video{number}").unlink()
    (dev / "v4l/by-id/usb-Maker_Camera_0042-video-index0").unlink()


def test_a_node_is_exchanged_for_the_name_that_stays(by_id: Path, tmp_path: Path) -> None:
    name = fixed_name(str(tmp_path / "video1"), by_id)
    assert name.endswith("usb-Maker_Camera_0042-video-index0")


def test_a_node_without_such_a_name_stays_itself(tmp_path: Path) -> None:
    (tmp_path / "video3").touch()
    assert fixed_name(str(tmp_path / "video3"), tmp_path / "v4l/by-id") == str(tmp_path / "video3")


@pytest.mark.parametrize("named", ["video1", "v4l/by-id/usb-Maker_Camera_0042-video-index0"])
def test_a_camera_that_comes_back_under_another_number_is_found(
    by_id: Path, tmp_path: Path, named: str
) -> None:
    opener = V4l2Opener(str(tmp_path / named), by_id=by_id, open_device=Node)
    with LiveSource(opener, named) as source:
        assert number_in(_next(source).picture) == 1
        unplug(tmp_path, 1)
        _until(lambda: source.state is SourceState.LOST)
        while source.next_frame(0) is not None:
            pass
        (tmp_path / "video1").touch()
        (tmp_path / "video1").unlink()
        plug(tmp_path, 4)
        frame = _next(source)
        assert (number_in(frame.picture), frame.cut) == (4, True)


def test_a_camera_of_this_machine_gives_a_picture() -> None:
    nodes = sorted(Path("/dev/v4l/by-id").glob("*-index0")) or sorted(Path("/dev").glob("video*"))
    if not nodes:
        pytest.skip("no camera is plugged in here: vivid or a USB camera would make /dev/video0")
    try:
        with open_source(str(nodes[0]), realtime=True) as source:
            assert _next(source).picture.ndim == 3
    except LinkGone:
        pytest.skip(f"{nodes[0]} gives no picture")


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
