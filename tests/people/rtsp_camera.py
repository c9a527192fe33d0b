"""A camera double: RTSP (RFC 2326) with JPEG in RTP (RFC 2435) within the same TCP connection.

It refuses any other transport, as a camera behind a firewall does.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Final

import cv2
import numpy as np

from tests.people.mjpeg_camera import HEIGHT, WIDTH, painted

PAYLOAD_TYPE: Final = 26
CLOCK_HZ: Final = 90_000
LONGEST_FRAGMENT: Final = 1200
_START_OF_SCAN: Final = b"\xff\xda"
_TABLES: Final = b"\xff\xdb"


class RtspCamera:
    """Serves painted pictures, 25 a second; `is_silent` stops them on open connections."""

    def __init__(self) -> None:
        self.is_silent = False
        self.transports: list[str] = []
        self.connections = 0
        self._closed = threading.Event()
        self._hang_up = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"rtsp://127.0.0.1:{self._server.getsockname()[1]}/live"
        threading.Thread(target=self._accept, daemon=True).start()

    def hang_up(self) -> None:
        """Close every connection; the next one is served again."""
        self._hang_up.set()
        self._hang_up = threading.Event()

    def close(self) -> None:
        """Switch it off."""
        self._closed.set()
        self._hang_up.set()
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _address = self._server.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError), connection.makefile("rb") as lines:
            while request := lines.readline().decode():
                headers: dict[str, str] = {}
                while (line := lines.readline().decode().strip()) != "":
                    name, _, value = line.partition(":")
                    headers[name.strip().lower()] = value.strip()
                method = request.split()[0]
                connection.sendall(self._answer(method, headers))
                if method == "PLAY":
                    self._play(connection, self._hang_up)
                    return

    def _answer(self, method: str, headers: dict[str, str]) -> bytes:
        status, extra, body = "200 OK", "Session: 1\r\n", ""
        if method == "OPTIONS":
            extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        elif method == "DESCRIBE":
            body = (
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
                f"m=video 0 RTP/AVP {PAYLOAD_TYPE}\r\na=control:track\r\n"
            )
            extra = f"Content-Type: application/sdp\r\nContent-Base: {self.url}/\r\n"
        elif method == "SETUP":
            transport = headers.get("transport", "")
            self.transports.append(transport)
            extra += f"Transport: {transport}\r\n"
            status = status if "RTP/AVP/TCP" in transport else "461 Unsupported Transport"
        head = f"RTSP/1.0 {status}\r\nCSeq: {headers.get('cseq', '0')}\r\n{extra}"
        return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()

    def _play(self, connection: socket.socket, hang_up: threading.Event) -> None:
        number = sequence = 0
        while not hang_up.wait(0.04):
            if self.is_silent:
                continue
            number += 1
            for packet in _packets(number):
                sequence = (sequence + 1) % 65536
                last = 0x80 if packet[0] else 0
                rtp = struct.pack(
                    ">BBHII", 0x80, last | PAYLOAD_TYPE, sequence, number * CLOCK_HZ // 25, 1
                )
                data = rtp + packet[1]
                connection.sendall(b"$\x00" + struct.pack(">H", len(data)) + data)


def _packets(number: int) -> list[tuple[bool, bytes]]:
    """Cut the picture of a number into payloads, each with whether it is the last."""
    jpeg = cv2.imencode(".jpg", np.asarray(painted(number)))[1].tobytes()
    tables = b"".join(part[1:65] for part in _segments(jpeg, _TABLES))
    start = jpeg.index(_START_OF_SCAN)
    scan = jpeg[start + 2 + int.from_bytes(jpeg[start + 2 : start + 4]) : -2]
    quantization = struct.pack(">BBH", 0, 0, len(tables)) + tables
    packets: list[tuple[bool, bytes]] = []
    for offset in range(0, len(scan), LONGEST_FRAGMENT):
        fragment = scan[offset : offset + LONGEST_FRAGMENT]
        # Type 1: 4:2:0, as OpenCV encodes; Q of 255: the tables come with the first fragment.
        head = struct.pack(">IBBBB", offset, 1, 255, WIDTH // 8, HEIGHT // 8)
        body = head + (quantization if offset == 0 else b"") + fragment
        packets.append((offset + LONGEST_FRAGMENT >= len(scan), body))
    return packets


def _segments(jpeg: bytes, marker: bytes) -> list[bytes]:
    """The contents of the segments of a kind; a table segment may hold several tables."""
    found: list[bytes] = []
    place = jpeg.find(marker)
    while place >= 0:
        length = int.from_bytes(jpeg[place + 2 : place + 4])
        content = jpeg[place + 4 : place + 2 + length]
        found += [content[k : k + 65] for k in range(0, len(content), 65)]
        place = jpeg.find(marker, place + 2 + length)
    return found
