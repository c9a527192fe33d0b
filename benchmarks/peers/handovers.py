"""The two ways readings go into a gateway here: lines through a Unix socket, or MQTT."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers.contract import SENSORS
from benchmarks.peers.packets import PUBACK, Stream, dial, publish

_PIECE = 64 << 10
_CHANNELS = tuple(f"s{number:02d}" for number in range(SENSORS))


@dataclass(slots=True)
class Lines:
    """Lines of `form`, a %-format of sensor, number and time; `A<n>` accepts the first n.

    Times are seconds; or, with `in_ms`, milliseconds, and never twice the same of one sensor.
    """

    path: Path
    form: str
    in_ms: bool = False
    _socket: socket.socket = field(init=False)
    _rest: bytes = b""
    _accepted: int = 0
    _latest_ms: list[int] = field(default_factory=lambda: [0] * SENSORS)

    def connect(self) -> None:
        """Connect to the socket."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(str(self.path))

    def fileno(self) -> int:
        """The socket."""
        return self._socket.fileno()

    def send(self, first: int, unix_s: Sequence[float]) -> None:
        """A line for each."""
        form, channels = self.form, _CHANNELS
        if self.in_ms:
            unix_s = self._apart_ms(first, unix_s)
        lines = [
            form % (channels[number % SENSORS], number, at_s)
            for number, at_s in enumerate(unix_s, start=first)
        ]
        self._socket.sendall("".join(lines).encode())

    def receive(self) -> int:
        """The n of the last `A<n>`. Raises ConnectionError when a line was refused."""
        data = self._socket.recv(_PIECE)
        if not data:
            raise ConnectionError("the gateway has closed its socket")
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if not line.startswith(b"A"):
                raise ConnectionError(f"the gateway says {line.decode()!r}")
        if lines:
            self._accepted = int(lines[-1][1:])
        return self._accepted

    def _apart_ms(self, first: int, unix_s: Sequence[float]) -> list[int]:
        apart: list[int] = []
        for number, at_s in enumerate(unix_s, start=first):
            sensor = number % SENSORS
            self._latest_ms[sensor] = max(int(at_s * 1000), self._latest_ms[sensor] + 1)
            apart.append(self._latest_ms[sensor])
        return apart


@dataclass(slots=True)
class Published:
    """One message a reading, QoS 1, topic `sensors/sNN`; a PUBACK accepts it."""

    port: int
    _socket: socket.socket = field(init=False)
    _stream: Stream = field(default_factory=Stream)
    _accepted: int = 0

    def connect(self) -> None:
        """Connect to the local broker."""
        self._socket = dial(self.port, "feeder")

    def fileno(self) -> int:
        """The socket."""
        return self._socket.fileno()

    def send(self, first: int, unix_s: Sequence[float]) -> None:
        """A message for each."""
        packets = [
            publish(
                b"sensors/" + _CHANNELS[number % SENSORS].encode(),
                b'{"v":%d,"t":%d}' % (number, at_s * 1000),
                number % 65535 + 1,
            )
            for number, at_s in enumerate(unix_s, start=first)
        ]
        self._socket.sendall(b"".join(packets))

    def receive(self) -> int:
        """Count acknowledgements; a broker gives them in the order of the messages (4.6)."""
        data = self._socket.recv(_PIECE)
        if not data:
            raise ConnectionError("the broker has closed the connection")
        self._accepted += sum(kind == PUBACK for kind, _, _ in self._stream.feed(data))
        return self._accepted
