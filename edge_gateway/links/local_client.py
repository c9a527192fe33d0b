"""One program at the local socket: its lines are cut and counted, and each is answered for."""

from __future__ import annotations

import socket
from collections import deque
from dataclasses import dataclass

from edge_gateway.links.urgency import Urgency

LONGEST_LINE = 256 << 10
# No more than a line at once, so that only a line that began earlier can be longer than allowed.
CHUNK = 128 << 10
# Who does not read so many bytes of answers is not read from either.
MOST_UNSENT = 64 << 10


@dataclass(frozen=True, slots=True)
class Cut:
    """Whole lines in one piece, without the last newline; None when there is no whole line.

    `is_too_long`: before them a line went over the limit, and is left out.
    """

    lines: bytes | None = None
    is_too_long: bool = False


class LineCutter:
    """Cuts a stream at its newlines, in memory that no line can make grow."""

    def __init__(self) -> None:
        self._tail = bytearray()
        self._is_skipping = False

    def feed(self, data: bytes) -> Cut:
        """Take at most CHUNK bytes in."""
        if self._is_skipping:
            _, newline, data = data.partition(b"\n")
            if not newline:
                return Cut()
            self._is_skipping = False
        last = data.rfind(b"\n")
        if last < 0:
            return self._keep(data)
        if not self._tail:
            self._tail += data[last + 1 :]
            return Cut(data[:last])
        first = data.find(b"\n")
        is_too_long = len(self._tail) + first > LONGEST_LINE
        lines = bytes(self._tail) + data[:last]
        if is_too_long:
            lines = data[first + 1 : last] if first < last else None
        self._tail[:] = data[last + 1 :]
        return Cut(lines, is_too_long)

    def end(self) -> Cut:
        """The stream is over: what has no newline is a line too."""
        tail, self._tail = bytes(self._tail), bytearray()
        return Cut(tail) if tail else Cut()

    def _keep(self, data: bytes) -> Cut:
        self._tail += data
        if len(self._tail) <= LONGEST_LINE:
            return Cut()
        self._tail.clear()
        self._is_skipping = True
        return Cut(is_too_long=True)


class Client:
    """A connection. Lines count from 1; all calls come from the thread of its socket."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(0)
        self.connection = connection
        self.urgency = Urgency()
        self.is_over = False
        """Nothing more comes from it; what it handed in is answered for all the same."""
        self._cutter = LineCutter()
        self._lines = 0
        self._owed: deque[tuple[int, int, int]] = deque()
        self._answered = self._told = 0
        self._unsent = bytearray()
        self._is_deaf = False

    @property
    def is_readable(self) -> bool:
        """Whether it may hand in more: not while it leaves its answers unread."""
        return not self.is_over and len(self._unsent) < MOST_UNSENT

    @property
    def has_unsent(self) -> bool:
        """Whether answers wait until it reads."""
        return bool(self._unsent)

    @property
    def is_done(self) -> bool:
        """Whether nothing is owed to it any more, in either direction."""
        return self.is_over and not self._owed and (self._is_deaf or not self._unsent)

    def read(self) -> tuple[int, int, bytes] | None:
        """Whole lines that came, after the numbers of the first and the last; None without any."""
        try:
            data = self.connection.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            self._is_deaf = True
            data = b""
        if not data:
            self.is_over = True
        cut = self._cutter.feed(data) if data else self._cutter.end()
        if cut.is_too_long:
            self._lines += 1
            self.refuse(self._lines, f"the line is longer than {LONGEST_LINE} bytes")
            self.owe(self._lines, 0, 0, 0)
        if cut.lines is None:
            return None
        first = self._lines + 1
        self._lines += cut.lines.count(b"\n") + 1
        return first, self._lines, cut.lines

    def refuse(self, line: int, why: str) -> None:
        """Say what is wrong with a line."""
        self._unsent += f"E{line} {why}\n".encode()

    def owe(self, line: int, readings: int, ticket: int, now_ns: int) -> None:
        """All lines up to this one are answered when the outbox has come to `ticket`."""
        self._owed.append((ticket, line, readings))
        if readings:
            self.urgency.took(readings, now_ns)

    def settle(self, through: int, now_ns: int) -> bool:
        """The outbox has come so far; whether that answered anything. Call `send` after it."""
        settled = 0
        was = self._answered
        while self._owed and self._owed[0][0] <= through:
            _, self._answered, readings = self._owed.popleft()
            settled += readings
        if settled:
            self.urgency.answered(settled, now_ns)
        return self._answered > was

    def send(self) -> None:
        """Say what is to be said, as far as it reads."""
        if self._told < self._answered and not self._unsent:
            self._unsent += b"A%d\n" % self._answered
            self._told = self._answered
        while self._unsent and not self._is_deaf:
            try:
                sent = self.connection.send(self._unsent)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self._is_deaf = self.is_over = True
                return
            del self._unsent[:sent]
            if not self._unsent and self._told < self._answered:
                self._unsent += b"A%d\n" % self._answered
                self._told = self._answered
