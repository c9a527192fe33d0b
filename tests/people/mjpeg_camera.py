"""A camera double: MJPEG over HTTP on loopback, with the ways cameras fail."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

import cv2
import numpy as np
from cv2.typing import MatLike

WIDTH: Final = 160
HEIGHT: Final = 120
BITS: Final = 16
_STRIPE: Final = WIDTH // BITS


class Mode(StrEnum):
    """What the camera does with the next picture."""

    WORKS = "works"
    SILENT = "silent"
    SAME = "same"
    BREAKS = "breaks"
    COVERED = "covered"
    HANGS_UP = "hangs up"
    REFUSES = "refuses"


class MjpegCamera:
    """Serves pictures at `frame_rate`; `paint` makes the picture of a number.

    `outage_s` is the time, by `clock`, between the last picture before a fault and the first one
    after it.
    """

    def __init__(
        self,
        *,
        frame_rate: float = 50.0,
        paint: Callable[[int], MatLike] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sent = 0
        self.connections = 0
        self._last_good_s = self._gone_s = self._back_s = 0.0
        self._mode = Mode.WORKS
        self._paint = paint or painted
        self._clock = clock
        self._closed = threading.Event()
        camera = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if camera.mode is Mode.REFUSES:
                    self.send_error(404)
                    return
                camera.connections += 1
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=cut")
                self.end_headers()
                while not camera.wait(1 / frame_rate):
                    if camera.mode in (Mode.HANGS_UP, Mode.REFUSES):
                        return
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

    @property
    def mode(self) -> Mode:
        """What it does now."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        if self._mode is Mode.WORKS:
            self._gone_s = self._last_good_s
        self._mode, self._back_s = mode, 0.0

    @property
    def outage_s(self) -> float:
        """How long there was nothing to see."""
        return self._back_s - self._gone_s

    def wait(self, seconds: float) -> bool:
        """Wait for the next picture; true when the camera is switched off."""
        return self._closed.wait(seconds)

    def next_part(self) -> bytes:
        """The next picture as a part of the stream."""
        if self.mode is not Mode.SAME:
            self.sent += 1
        if self.mode is Mode.WORKS:
            self._last_good_s = self._clock()
            self._back_s = self._back_s or self._last_good_s
        jpeg = self._jpeg()
        head = f"--cut\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
        return head.encode() + jpeg + b"\r\n"

    def close(self) -> None:
        """Switch it off."""
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()

    def _jpeg(self) -> bytes:
        picture = covered(self.sent) if self.mode is Mode.COVERED else self._paint(self.sent)
        jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
        return jpeg[:200] + bytes(len(jpeg) - 200) if self.mode is Mode.BREAKS else jpeg


def covered(number: int) -> MatLike:
    """What a lens under a hand shows: light, and noise."""
    noise = np.random.default_rng(number).integers(-4, 5, (HEIGHT, WIDTH, 3), np.int16)
    return np.asarray(150 + noise, np.uint8)


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
