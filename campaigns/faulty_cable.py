"""A TCP cable with the faults that a street has: half-open, acknowledgements lost, reset."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Coroutine
from enum import Enum
from threading import Thread
from types import TracebackType
from typing import Self, TypeVar

_CHUNK_BYTES = 65_536
_HOST = "127.0.0.1"
_RESET = struct.pack("ii", 1, 0)

T = TypeVar("T")


class Mode(Enum):
    """What becomes of the bytes. `DEAF` loses those from the broker: nothing is acknowledged."""

    WELL = 0
    HALF_OPEN = 1
    DEAF = 2
    MUTE = 3


class FaultyCable:
    """Forwards `port` of loopback to `target_port`. In `HALF_OPEN` both ends stay connected."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._mode = Mode.WELL
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="faulty-cable", daemon=True)
        self._thread.start()
        self._server = self._do(lambda: asyncio.start_server(self._join, _HOST, 0))
        self.port = int(self._server.sockets[0].getsockname()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.reset()
        self._do(self._end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def become(self, mode: Mode) -> None:
        """From now on, also for connections that stand. What was swallowed does not come back."""
        self._mode = mode

    def reset(self) -> None:
        """End every connection with a TCP reset, as a router does that has forgotten it."""
        self._do(self._reset)

    async def _reset(self) -> None:
        for writer in self._writers:
            link: socket.socket | None = writer.get_extra_info("socket")
            if link is not None and link.fileno() >= 0:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                writer.transport.abort()

    async def _end(self) -> None:
        self._server.close()

    async def _join(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            far, onward = await asyncio.open_connection(_HOST, self._target_port)
        except OSError:
            back.transport.abort()
            return
        self._writers |= {back, onward}
        await asyncio.gather(
            self._carry(near, onward, Mode.MUTE), self._carry(far, back, Mode.DEAF)
        )
        for writer in (back, onward):
            self._writers.discard(writer)
            writer.close()

    async def _carry(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, loses: Mode
    ) -> None:
        try:
            while data := await source.read(_CHUNK_BYTES):
                if self._mode not in {Mode.HALF_OPEN, loses}:
                    sink.write(data)
                    await sink.drain()
        except OSError:
            sink.transport.abort()
        # Of a half-open line neither side hears that the other is gone.
        if self._mode is not Mode.HALF_OPEN:
            sink.close()

    def _do(self, work: Callable[[], Coroutine[object, object, T]]) -> T:
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result()
