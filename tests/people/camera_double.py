"""A camera of the tests that sends given JPEGs, byte for byte: MJPEG over HTTP on loopback."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Sequence
from typing import Self


class JpegCamera:
    """Serves `jpegs` at `frame_rate` to who asks; `sent` counts them."""

    def __init__(self, jpegs: Sequence[bytes], *, frame_rate: float = 15.0) -> None:
        self.sent = 0
        self._closed = threading.Event()
        camera = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=cut")
                self.end_headers()
                while not camera._closed.wait(1 / frame_rate):
                    jpeg = jpegs[camera.sent % len(jpegs)]
                    head = f"--cut\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}"
                    try:
                        self.wfile.write(head.encode() + b"\r\n\r\n" + jpeg + b"\r\n")
                    except OSError:
                        return
                    camera.sent += 1

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                del format, args

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/live"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
