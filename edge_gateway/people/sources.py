"""Where pictures come from: a file, an HTTP, RTSP or V4L2 camera, the Pi's own connector."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import cv2

from edge_gateway.links.errors import LinkGone, Misconfigured
from edge_gateway.people.frame import Source
from edge_gateway.people.live import Capture, LiveSource
from edge_gateway.people.picamera import PREFIX, picamera_opener
from edge_gateway.people.recorded import RecordedSource
from edge_gateway.people.v4l2 import V4l2Opener

OPEN_TIMEOUT_MS: Final = 4000
READ_TIMEOUT_MS: Final = 3000
FIRST_PICTURE_S: Final = 10.0

CAMERA_FOLDERS: Final = ("/dev/video", "/dev/v4l/")
LIVE_SCHEMES: Final = frozenset({"http", "https", "rtsp", "rtsps"})
# A URL that ends like this is a recording behind a web server, not a camera.
RECORDING_SUFFIXES: Final = frozenset(
    {".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".ts", ".webm"}
)


def open_source(
    source: str,
    *,
    realtime: bool,
    loop: bool = False,
    first_picture_s: float = FIRST_PICTURE_S,
) -> Source:
    """Open a file path, an http(s) or rtsp(s) URL, a camera under /dev, or `picamera2:0`.

    `realtime` plays a recording at its own pace and drops what comes too late, `loop` plays it
    again at its end; a camera is always live. Waits up to `first_picture_s` for a camera's first
    picture; 0 does not wait and lets the source go on trying.
    Raises Misconfigured when no retry can help, LinkGone when a camera does not answer.
    """
    scheme = urlsplit(source).scheme.lower() if "://" in source else ""
    if scheme and scheme not in LIVE_SCHEMES:
        raise Misconfigured(
            f"{shown(source)}: {scheme}:// is not a kind of source; "
            f"use a file, a name under /dev/v4l/by-id/, {PREFIX}0 "
            f"or one of {', '.join(sorted(LIVE_SCHEMES))}"
        )
    is_camera = source.startswith((*CAMERA_FOLDERS, PREFIX))
    if not scheme and not is_camera:
        return RecordedSource(lambda: _open_file(source), source, realtime=realtime, loop=loop)
    if scheme.startswith("http") and Path(urlsplit(source).path).suffix in RECORDING_SUFFIXES:
        return RecordedSource(
            lambda: _open_recording(source), shown(source), realtime=realtime, loop=loop
        )
    live = LiveSource(capture_opener(source), shown(source))
    try:
        if first_picture_s:
            live.wait(first_picture_s)
    except LinkGone:
        live.close()
        raise
    return live


def shown(source: str) -> str:
    """Name a source for people: a URL without its user, password and query."""
    if "://" not in source:
        return source
    parts = urlsplit(source)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def capture_opener(source: str) -> Callable[[], Capture]:
    """Return what opens the camera named `source`, to be called again after every loss.

    Raises Misconfigured when no such camera can be.
    """
    if "://" in source:
        return lambda: _open_url(source)
    if source.startswith(PREFIX):
        return picamera_opener(source)
    return V4l2Opener(source)


def _open_url(url: str) -> cv2.VideoCapture:
    # Without both a silent camera blocks for good: OpenCV states -1 for either.
    timeouts = [
        *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS),
        *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS),
    ]
    return cv2.VideoCapture(url, cv2.CAP_FFMPEG, timeouts)


def _open_recording(url: str) -> cv2.VideoCapture:
    capture = _open_url(url)
    if not capture.isOpened():
        raise LinkGone(f"{shown(url)}: gives no video; check the address and the way to it")
    return capture


def _open_file(path: str) -> cv2.VideoCapture:
    try:
        with Path(path).open("rb") as file:
            empty = not file.read(1)
    except IsADirectoryError:
        raise Misconfigured(f"{path}: is a folder; name one video file in it") from None
    except FileNotFoundError:
        raise Misconfigured(f"{path}: there is no such file; check the path") from None
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be read: {error.strerror}") from None
    if empty:
        raise Misconfigured(f"{path}: is empty; record or fetch it again")
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise Misconfigured(
            f"{path}: no decoder knows it as a video; use for example MP4 with H.264, AVI or MKV"
        )
    return capture
