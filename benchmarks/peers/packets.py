"""As much of MQTT 3.1.1 as a feeder and a collector need, in few instructions a message.

MQTT Version 3.1.1, OASIS Standard, chapters 2 and 3.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

CONNACK, PUBLISH, PUBACK, SUBACK = 2, 3, 4, 9
_QOS_1 = 0x02
_ANSWER_S = 10.0


class Refused(Exception):
    """The broker does not take the connection."""


def connect(client_id: str, *, clean: bool) -> bytes:
    """CONNECT without a keepalive: the caller owns both ends of the wire."""
    head = b"\x00\x04MQTT\x04" + (b"\x02" if clean else b"\x00") + b"\x00\x00"
    return _packet(0x10, head + _text(client_id))


def subscribe(topic: str) -> bytes:
    """SUBSCRIBE to one filter with QoS 1."""
    return _packet(0x82, b"\x00\x01" + _text(topic) + b"\x01")


def publish(topic: bytes, payload: bytes, number: int) -> bytes:
    """PUBLISH with QoS 1; `number` is 1 to 65535."""
    head = struct.pack(">H", len(topic)) + topic + struct.pack(">H", number)
    return _packet(0x30 | _QOS_1, head + payload)


def puback(number: int) -> bytes:
    """PUBACK."""
    return b"\x40\x02" + struct.pack(">H", number)


def message(flags: int, body: bytes) -> tuple[str, bytes, int]:
    """Topic, payload and number of a PUBLISH; the number is 0 with QoS 0."""
    length = int.from_bytes(body[:2])
    topic = body[2 : 2 + length].decode()
    rest = 2 + length
    if not flags & 0x06:
        return topic, body[rest:], 0
    return topic, body[rest + 2 :], int.from_bytes(body[rest : rest + 2])


class Stream:
    """Cuts a stream of bytes into packets."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Type, flags and body of each packet that is whole by now."""
        data = self._rest + data if self._rest else data
        place, end = 0, len(data)
        while True:
            head, length, shift = place + 1, 0, 0
            while head < end:
                byte = data[head]
                length |= (byte & 0x7F) << shift
                head, shift = head + 1, shift + 7
                if byte < 0x80:  # noqa: PLR2004 - the last byte of a length, section 2.2.3
                    break
            else:
                break
            if head + length > end:
                break
            yield data[place] >> 4, data[place] & 0x0F, data[head : head + length]
            place = head + length
        self._rest = data[place:]


def dial(port: int, client_id: str, *, clean: bool = True) -> socket.socket:
    """A connection to the broker at a loopback port, accepted. Raises OSError or Refused."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=_ANSWER_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(connect(client_id, clean=clean))
    answer = connection.recv(4)
    if len(answer) != 4 or answer[0] >> 4 != CONNACK or answer[3]:  # noqa: PLR2004 - section 3.2
        raise Refused(f"the broker at port {port} answers {answer.hex() or 'nothing'}")
    return connection


def _packet(first: int, body: bytes) -> bytes:
    length, head = len(body), bytearray([first])
    while True:
        length, low = length >> 7, length & 0x7F
        head.append(low | (0x80 if length else 0))
        if not length:
            return bytes(head) + body


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw
