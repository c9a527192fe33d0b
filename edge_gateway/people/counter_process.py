"""What makes the counter a good child: it never outlives the gateway, never blocks, never dumps."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import socket
import threading
import time
from typing import Final

from edge_gateway.people.boundary import Counts, Coverage, Message, encode

# The gateway gives a stopping counter two seconds; a main thread that hangs gets less.
GRACE_S: Final = 1.5
EXIT_STUCK: Final = 70
# Two pictures of the largest kind; a gateway that left more unread has hung.
MOST_PENDING: Final = 16 * 1024 * 1024
# Beyond this nobody listens at the moment: only counts are worth keeping for them.
BUSY_PENDING: Final = 64 * 1024
_PR_SET_DUMPABLE: Final = 4  # linux/prctl.h


class GatewayHung(Exception):
    """The gateway has not read for very long; the message says how much waits."""


class Lifeline:
    """Waits on a thread for the gateway to close the socket, or to die; then ends the process.

    A death signal from the kernel would come when the thread that started us ends, which is not
    the gateway; the socket closes with the gateway and no sooner.
    """

    def __init__(self, connection: socket.socket, *, grace_s: float = GRACE_S) -> None:
        self._connection = connection
        self._grace_s = grace_s
        self._cut = threading.Event()
        threading.Thread(target=self._hold, name="lifeline", daemon=True).start()

    def is_cut(self) -> bool:
        """Whether it is time to end."""
        return self._cut.is_set()

    def cut(self) -> None:
        """End as if the gateway had closed the socket; for signal handlers."""
        self._cut.set()

    def _hold(self) -> None:
        # After the settings the gateway says nothing: a byte is as good as the end.
        with contextlib.suppress(OSError):
            self._connection.recv(1)
        self._cut.set()
        time.sleep(self._grace_s)
        os._exit(EXIT_STUCK)


class Outgoing:
    """Messages on their way to the gateway. Never waits: counting goes on while nobody reads.

    Then pulses and pictures are dropped; counts and coverage are kept until they are read.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._pending = bytearray()
        self.closed = False
        """Whether the gateway has closed its end: nothing goes out any more."""

    @property
    def waiting(self) -> int:
        """Bytes not yet sent."""
        return len(self._pending)

    def send(self, message: Message) -> None:
        """Send a message, as far as it goes; raises GatewayHung."""
        self.flush()
        kept = isinstance(message, (Counts, Coverage))
        if kept or len(self._pending) <= BUSY_PENDING:
            self._pending += encode(message)
        self.flush()

    def flush(self) -> None:
        """Send what waits, as far as it goes; raises GatewayHung."""
        while self._pending and not self.closed:
            try:
                sent = self._connection.send(self._pending, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError:
                self.closed = True
            else:
                del self._pending[:sent]
        if len(self._pending) > MOST_PENDING:
            raise GatewayHung(f"the gateway has left {len(self._pending)} bytes unread")


def hide_memory() -> None:
    """Let no core dump and no debugger of the same user have the pictures in this memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
