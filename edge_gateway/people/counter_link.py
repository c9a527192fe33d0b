"""The gateway's end of the boundary: it starts the counter, hears it, and outlives it."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

from edge_gateway.links.errors import BadFrame, LinkGone, Misconfigured
from edge_gateway.people.boundary import Decoder, Message
from edge_gateway.people.counter_settings import CounterSettings, encode_settings

# onnxruntime sends usage to its maker and keeps a device id on disk, both from the moment it is
# loaded; only this, set before, keeps it silent (measured on 1.32).
SILENCED: Final = ("/usr/bin/env", "ORT_DISABLE_TELEMETRY=1")
# numpy's library would start threads when it is loaded, before the sandbox that holds for threads
# to come; nothing here multiplies large matrices.
SINGLE: Final = ("OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1")
# -B: no compiled module is written beside the source.
COUNTER_COMMAND: Final = (*SILENCED, *SINGLE, sys.executable, "-B", "-m", "edge_gateway", "counter")
STOP_S: Final = 2.0
LONGEST_WORDS: Final = 300
SPEAKS: Final = "counter: "
"""How lines begin that the counter itself writes for people."""
UNPROTECTED: Final = "not fully protected on this machine: "
"""What follows `SPEAKS` where the kernel lacks a part of the counter's sandbox."""
# Exit codes of the command line: the configuration, or an input it names, cannot be used.
UNUSABLE: Final = frozenset({3, 4})
_READ_BYTES: Final = 65_536

_LOG = logging.getLogger(__name__)


class CounterLink:
    """A running counter process. Made from settings, which hold the permission to count.

    `command` is what starts the counter, to which `--fd N` is added: N is its end of a socket
    pair, its only door. Raises LinkGone when it cannot be started.
    """

    def __init__(
        self, settings: CounterSettings, *, command: Sequence[str] = COUNTER_COMMAND
    ) -> None:
        self._decoder = Decoder()
        self._messages: deque[Message] = deque()
        self._words = _Words()
        self._lock = threading.Lock()
        self._closing = False
        self._closed = False
        self._over = ""
        self.unprotected = ""
        """What of its sandbox the counter lacks here, in a sentence; empty when nothing."""
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._child = subprocess.Popen(  # noqa: S603 - our own command, no shell
                [*command, "--fd", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(theirs.fileno(),),
                # Ctrl-C in a terminal is for the gateway, which then stops the counter in order.
                process_group=0,
            )
        except OSError as error:
            self._socket.close()
            raise LinkGone(f"the counter does not start: {command[0]}: {error.strerror}") from None
        finally:
            theirs.close()
        assert self._child.stderr is not None
        self._stderr = self._child.stderr
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._selector.register(self._stderr, selectors.EVENT_READ)
        # Settings are far smaller than the socket's buffer: this never waits.
        with contextlib.suppress(OSError):
            self._socket.sendall(encode_settings(settings))

    @property
    def pid(self) -> int:
        """Process id of the counter."""
        return self._child.pid

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next message, or None when none came in `timeout_s`.

        Raises LinkGone when the counter has ended, Misconfigured when it ended because its
        source, lines or model cannot be used, BadFrame when it spoke nonsense; then it is ended.
        """
        with self._lock:
            if not self._messages:
                self._listen(time.monotonic() + timeout_s)
            return self._messages.popleft() if self._messages else None

    @property
    def last_words(self) -> str:
        """The newest line the counter wrote for people; empty when it wrote none."""
        return self._words.last

    def close(self) -> None:
        """End the counter and wait until it is gone; safe to call twice and from any thread."""
        self._closing = True
        # Wakes a `receive` on another thread, and is the counter's word to end.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._child.terminate()
            self._await_end()
            self._selector.close()
            self._socket.close()
            self._stderr.close()

    def _listen(self, deadline_s: float) -> None:
        while not self._messages:
            if self._closed or self._over:
                raise LinkGone(self._over or "the counter was closed")
            ready = self._selector.select(max(0.0, deadline_s - time.monotonic()))
            for key, _ in ready:
                if key.fileobj is self._socket:
                    self._hear()
                else:
                    self._overhear()
            if time.monotonic() >= deadline_s:
                return

    def _hear(self) -> None:
        try:
            data = self._socket.recv(_READ_BYTES)
        except ConnectionError:
            data = b""
        if not data:
            raise self._obituary()
        try:
            self._messages += self._decoder.feed(data)
        except BadFrame as error:
            self._over = f"the counter was ended: {error}"
            self._child.kill()
            self._await_end()
            raise

    def _overhear(self) -> None:
        data = os.read(self._stderr.fileno(), _READ_BYTES)
        if data:
            for line in self._words.add(data):
                if line.startswith(SPEAKS + UNPROTECTED):
                    self.unprotected = line.removeprefix(SPEAKS)
                    _LOG.warning("%s", line)
        else:
            self._selector.unregister(self._stderr)

    def _obituary(self) -> LinkGone | Misconfigured:
        code = self._await_end()
        while self._stderr in self._selector.get_map():
            self._overhear()
        if self._closing:
            self._over = "the counter was closed"
            return LinkGone(self._over)
        words = f": {self.last_words}" if self.last_words else ""
        if code in UNUSABLE:
            self._over = f"the counter cannot work{words}"
            return Misconfigured(self._over)
        how = f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
        self._over = f"the counter ended with {how}{words}"
        return LinkGone(self._over)

    def _await_end(self) -> int:
        try:
            return self._child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return self._child.wait()


class _Words:
    """Lines as they come, of which the newest is kept, and that only as far as a log bears it."""

    def __init__(self) -> None:
        self.last = ""
        self._begun = b""

    def add(self, data: bytes) -> list[str]:
        """Take in more; the lines that are whole now, cut to what a log bears."""
        *whole, self._begun = (self._begun + data).split(b"\n")
        self._begun = self._begun[-_READ_BYTES:]
        lines: list[str] = []
        for line in whole:
            text = "".join(c for c in line.decode("utf-8", "replace") if c.isprintable()).strip()
            # Codecs talk to the same stream; what the counter itself says goes before.
            if text.startswith(SPEAKS) or (text and not self.last.startswith(SPEAKS)):
                self.last = text[:LONGEST_WORDS]
            lines.append(text[:LONGEST_WORDS])
        return lines
