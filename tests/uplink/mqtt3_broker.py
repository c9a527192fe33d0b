"""The least broker of MQTT 3.1.1 (OASIS, 2014) that a gateway can deliver to; written for tests."""

from __future__ import annotations

import socket
from threading import Event, Thread
from types import TracebackType
from typing import Self

CONNECT, PUBLISH, PINGREQ, DISCONNECT = 1, 3, 12, 14
CONNACK_TAKEN, CONNACK_VERSION = b"\x20\x02\x00\x00", b"\x20\x02\x00\x01"
PINGRESP = b"\xd0\x00"
LEVEL_3_1_1 = 4


class Mqtt3Broker:
    """Acknowledges what it gets, one connection after the other.

    `says_so`: it answers another version with return code 1; otherwise it closes without a word.
    """

    def __init__(self, *, says_so: bool = True) -> None:
        self.levels: list[int] = []
        self.published: list[tuple[str, bytes]] = []
        self._says_so = says_so
        self._is_closed = Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self.port = int(self._listener.getsockname()[1])
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._is_closed.set()
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        while not self._is_closed.is_set():
            try:
                connection = self._listener.accept()[0]
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(0.05)
                try:
                    self._serve(connection)
                except (EOFError, ConnectionError):
                    continue

    def _serve(self, connection: socket.socket) -> None:
        while not self._is_closed.is_set():
            head = self._exactly(connection, 1)[0]
            body = self._exactly(connection, self._length(connection))
            if head >> 4 == CONNECT:
                # Section 3.1.2: two bytes of length, MQTT, and the level.
                self.levels.append(body[6])
                if body[6] != LEVEL_3_1_1:
                    connection.sendall(CONNACK_VERSION if self._says_so else b"")
                    return
                connection.sendall(CONNACK_TAKEN)
            elif head >> 4 == PUBLISH:
                end = 2 + int.from_bytes(body[:2])
                self.published.append((body[2:end].decode(), body[end + 2 :]))
                connection.sendall(b"\x40\x02" + body[end : end + 2])
            elif head >> 4 == PINGREQ:
                connection.sendall(PINGRESP)
            elif head >> 4 == DISCONNECT:
                return

    def _length(self, connection: socket.socket) -> int:
        length = shift = 0
        while True:
            byte = self._exactly(connection, 1)[0]
            length |= (byte & 0x7F) << shift
            if byte < 0x80:
                return length
            shift += 7

    def _exactly(self, connection: socket.socket, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                part = connection.recv(count - len(data))
            except TimeoutError:
                if self._is_closed.is_set():
                    raise EOFError from None
                continue
            if not part:
                raise EOFError
            data += part
        return data
