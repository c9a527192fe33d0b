"""A program on the pole that hands in numbers through the `local` driver and notes the answers."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from threading import Event, Lock, Thread

_LOOK_S = 0.02
_CHUNK_BYTES = 65_536
_ANSWER_S = 20.0

# Numbers that follow each other go to channels far apart and have fractions far apart.
_SPREAD = 7_654_321
_FINE = 999_983


class Ledger:
    """The numbers given out over all connections, and those that were answered for.

    Over many `channels` they are spread, with fractions, so that they pack badly.
    """

    def __init__(self, channels: int = 1) -> None:
        self._lock = Lock()
        self._channels = channels
        self.next = 0
        self.acknowledged: set[int] = set()
        self.refused: list[str] = []

    def draw(self, count: int) -> range:
        """New numbers that nobody had before."""
        with self._lock:
            numbers = range(self.next, self.next + count)
            self.next += count
        return numbers

    def lines(self, numbers: range) -> bytes:
        """Even numbers are counts of people, odd ones raw; where they are to pack badly all are."""
        return b"".join(json.dumps(self._line(number)).encode() + b"\n" for number in numbers)

    def _line(self, number: int) -> dict[str, str | float]:
        if self._channels == 1:
            return {"quantity": "number" if number % 2 else "people", "value": number}
        scattered = number * _SPREAD
        # Less than a half: rounded, it is the number again.
        value = number + scattered % _FINE / _FINE / 2.5
        return {"quantity": "number", "value": value, "channel": f"c{scattered % self._channels}"}


class Feeder:
    """Hands in `burst` lines every `pause_s` to whoever listens at `path`, until `stop`.

    A broken connection is made anew, with new numbers: what was not answered is owed by nobody.
    No more than `window` lines wait for their answer.
    """

    def __init__(
        self,
        path: Path,
        ledger: Ledger,
        *,
        burst: int = 10,
        pause_s: float = 0.05,
        window: int = 5_000,
    ) -> None:
        self.ledger = ledger
        self.answered = Event()
        self._path = path
        self._burst = burst
        self._pause_s = pause_s
        self._window = window
        self._stopping = Event()
        self._pausing = Event()
        self._open = 0
        self._thread = Thread(target=self._run, name="feeder", daemon=True)
        self._thread.start()

    def finish(self) -> bool:
        """Hand in no more and wait for the answers; whether all came."""
        self._pausing.set()
        ends_s = time.monotonic() + _ANSWER_S
        while (is_owed := self._open > 0) and time.monotonic() < ends_s:
            time.sleep(_LOOK_S)
        self.stop()
        return not is_owed

    def stop(self) -> None:
        """Hand in no more; what was not answered by now is not waited for."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with socket.socket(socket.AF_UNIX) as link:
                    link.connect(str(self._path))
                    link.settimeout(self._pause_s)
                    self._talk(link)
            except OSError:
                # The gateway is not there, or not any more.
                self._stopping.wait(_LOOK_S)

    def _talk(self, link: socket.socket) -> None:
        sent: list[int] = []
        done = 0
        heard = b""
        while not self._stopping.is_set():
            if len(sent) - done < self._window and not self._pausing.is_set():
                numbers = self.ledger.draw(self._burst)
                sent += numbers
                self._open = len(sent) - done
                _send(link, self.ledger.lines(numbers))
            due_s = time.monotonic() + self._pause_s
            while (left_s := due_s - time.monotonic()) > 0:
                link.settimeout(left_s)
                try:
                    came = link.recv(_CHUNK_BYTES)
                except TimeoutError:
                    break
                if not came:
                    raise ConnectionError
                *lines, heard = (heard + came).split(b"\n")
                done = self._hear(lines, sent, done)
                self._open = len(sent) - done

    def _hear(self, lines: list[bytes], sent: list[int], done: int) -> int:
        for line in lines:
            if line[:1] == b"A":
                upto = int(line[1:])
                self.ledger.acknowledged.update(sent[done:upto])
                done = upto
                self.answered.set()
            else:
                self.ledger.refused.append(line.decode(errors="replace"))
        return done


def _send(link: socket.socket, data: bytes) -> None:
    """Send all of it, as long as it may take: a gateway that cannot store stops reading."""
    link.settimeout(None)
    link.sendall(data)
