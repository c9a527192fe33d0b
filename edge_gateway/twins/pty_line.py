"""A pseudo-terminal as the wire of a simulated serial device, and the thread at its far end."""

from __future__ import annotations

import contextlib
import math
import os
import pty
import select
import time
import tty
from collections.abc import Generator, Sequence
from pathlib import Path
from random import Random
from threading import Lock
from typing import ClassVar

from edge_gateway.twins.faults import Faults
from edge_gateway.twins.powered import Powered

_CHUNK = 4096


class PtyLine:
    """A raw line: the gateway opens `path`, the simulated device reads and writes here.

    With `by_id` that path is a link, as udev makes it, which goes at `unplug` and comes back at
    `plug`, pointing to a device node of another name. Like a real wire it loses what nobody reads.
    All methods may be called from any thread.
    """

    def __init__(self, by_id: Path | None = None) -> None:
        self._by_id = by_id
        self._reading = Lock()
        self._writing = Lock()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._waking = Lock()
        self._moving = False
        self._closed = False
        self._node = ""
        # Master and slave end; the slave's is kept open, or the master reads EIO between two
        # openings by the gateway.
        self._ends: tuple[int, int] | None = None
        self.plug()

    @property
    def path(self) -> str:
        """What the gateway opens; empty while unplugged without a `by_id` link."""
        if self._by_id is not None:
            return str(self._by_id)
        return os.ttyname(self._ends[1]) if self._ends else ""

    def plug(self) -> None:
        """Connect, under a device node of the system's choice; nothing happens when plugged."""
        with self._plug_in_hand():
            if self._ends is not None or self._closed:
                return
            master, slave = self._new_ends()
            tty.setraw(slave)
            os.set_blocking(master, False)
            self._ends = master, slave
            self._node = os.ttyname(slave)
            if self._by_id is not None:
                self._by_id.symlink_to(self._node)

    def unplug(self) -> None:
        """Pull the plug: the gateway's end hangs up, and its path is gone."""
        with self._plug_in_hand():
            ends, self._ends = self._ends, None
            for end in ends or ():
                os.close(end)
            if ends and self._by_id is not None:
                self._by_id.unlink(missing_ok=True)

    def read(self, timeout_s: float) -> bytes:
        """What the gateway sent; empty when nothing came in time or the plug is out."""
        with self._reading:
            if self._closed:
                time.sleep(timeout_s)
                return b""
            poll = select.poll()
            poll.register(self._wake, select.POLLIN)
            if self._ends is not None:
                poll.register(self._ends[0], select.POLLIN)
            ready = dict(poll.poll(math.ceil(timeout_s * 1000)))
            if ready.pop(self._wake, None) and not self._moving:
                os.eventfd_read(self._wake)
            if self._ends is None or not ready:
                return b""
            with contextlib.suppress(OSError):
                return os.read(self._ends[0], _CHUNK)
            return b""

    def write(self, data: bytes) -> None:
        """Send to the gateway; lost where nobody listens."""
        with self._writing, contextlib.suppress(OSError):
            if self._ends is not None:
                os.write(self._ends[0], data)

    def wake(self) -> None:
        """End a `read` that waits in another thread."""
        with self._waking:
            if not self._closed:
                os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Unplug for good."""
        self.unplug()
        with self._reading, self._waking:
            if not self._closed:
                self._closed = True
                os.close(self._wake)

    def _new_ends(self) -> tuple[int, int]:
        ends = pty.openpty()
        if self._by_id is None or os.ttyname(ends[1]) != self._node:
            return ends
        # The kernel gives the free number again; to an adapter whose old node a program still
        # holds open it gives the next.
        others = pty.openpty()
        for end in ends:
            os.close(end)
        return others

    @contextlib.contextmanager
    def _plug_in_hand(self) -> Generator[None]:
        # A reader that is woken meanwhile leaves the wake-up standing, so that it cannot wait for
        # a whole timeout again before this gets its lock.
        self._moving = True
        self.wake()
        with self._reading, self._writing:
            self._moving = False
            yield


class LineTwin(Powered):
    """A simulated device at the far end of a line, in a thread of its own.

    The line stays its owner's.
    """

    FAULTS: ClassVar[Sequence[str]]
    """Kinds of fault it can have."""

    def __init__(self, line: PtyLine, chance: Random | None = None) -> None:
        super().__init__()
        self.line = line
        self.faults = Faults(self.FAULTS, chance)

    def fail(self, kind: str, times: int = 1) -> None:
        """Have a fault of `FAULTS` the next `times` times."""
        self.faults.order(kind, times)

    def wake(self) -> None:
        """End a read that waits on the line."""
        self.line.wake()
