"""A TCP cable that can be unplugged: forwards a loopback port to another, and counts the bytes."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

from edge_gateway.twins.broker import free_port

_CHUNK_BYTES = 65_536
_HOST = "127.0.0.1"


class Cable:
    """Forwards `port`, a free one, to `target_port`, both on loopback.

    `bytes_up` flowed towards the target, `bytes_down` back; both count over all connections.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._lock = Lock()
        self._ends: dict[socket.socket, _End] = {}
        self._selector = selectors.DefaultSelector()
        self._listener: socket.socket | None = None
        self._orders: list[tuple[bool, Event]] = []
        self._is_closed = False
        self.port = free_port()
        self.bytes_up = 0
        self.bytes_down = 0
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._listen()
        self._thread = Thread(target=self._run, name="cable", daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        """Drop every connection and refuse new ones, until `plug`; done when it returns."""
        self._order(plugged=False)

    def plug(self) -> None:
        """Take new connections again; done when it returns."""
        self._order(plugged=True)

    @property
    def unplugged(self) -> bool:
        """Whether the cable is out."""
        return self._listener is None

    def close(self) -> None:
        """Drop everything and end the thread; safe to call twice."""
        self._is_closed = True
        os.eventfd_write(self._wake, 1)
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def _order(self, *, plugged: bool) -> None:
        done = Event()
        with self._lock:
            self._orders.append((plugged, done))
        os.eventfd_write(self._wake, 1)
        done.wait()

    def _run(self) -> None:
        while not self._is_closed:
            for key, events in self._selector.select():
                if key.fd == self._wake:
                    os.eventfd_read(self._wake)
                    self._obey()
                elif self._listener is not None and key.fileobj is self._listener:
                    self._accept(self._listener)
                else:
                    self._move(key.fileobj, events)
        self._drop_all()
        self._stop_listening()
        self._selector.close()

    def _obey(self) -> None:
        with self._lock:
            orders, self._orders = self._orders, []
        for plugged, done in orders:
            if not plugged:
                self._stop_listening()
                self._drop_all()
            elif self._listener is None:
                self._listen()
            done.set()

    def _listen(self) -> None:
        # Connections of before the unplugging linger on the port: without this it is taken.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_HOST, self.port))
        listener.listen()
        listener.settimeout(0.0)
        self._listener = listener
        self._selector.register(listener, selectors.EVENT_READ)

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        try:
            near = listener.accept()[0]
        except OSError:
            return  # who knocked has gone again
        try:
            far = socket.create_connection((_HOST, self._target_port), timeout=5.0)
        except OSError:
            near.close()
            return
        for end, other, is_near in ((near, far, True), (far, near, False)):
            end.settimeout(0.0)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._ends[end] = _End(other, is_near=is_near)
            self._selector.register(end, selectors.EVENT_READ)

    def _move(self, fileobj: object, events: int) -> None:
        if not isinstance(fileobj, socket.socket) or fileobj not in self._ends:
            return  # dropped in this same round
        end = self._ends[fileobj]
        try:
            if events & selectors.EVENT_WRITE:
                self._flush(fileobj)
            if events & selectors.EVENT_READ:
                data = fileobj.recv(_CHUNK_BYTES)
                if not data:
                    self._drop(fileobj)
                    return
                self._count(len(data), is_up=end.is_near)
                self._ends[end.other].waiting += data
                self._flush(end.other)
        except BlockingIOError:
            return
        except OSError:
            self._drop(fileobj)

    def _flush(self, sink: socket.socket) -> None:
        """Send what waits; read no more from the other side while some is left."""
        end = self._ends[sink]
        with contextlib.suppress(BlockingIOError):
            while end.waiting:
                del end.waiting[: sink.send(end.waiting)]
        other = self._ends[end.other]
        wants = selectors.EVENT_WRITE if end.waiting else 0
        self._watch(sink, wants | (0 if other.waiting else selectors.EVENT_READ))
        sink_full = 0 if end.waiting else selectors.EVENT_READ
        self._watch(end.other, sink_full | (selectors.EVENT_WRITE if other.waiting else 0))

    def _watch(self, end: socket.socket, events: int) -> None:
        if events:
            if end.fileno() in self._selector.get_map():
                self._selector.modify(end, events)
            else:
                self._selector.register(end, events)
        elif end.fileno() in self._selector.get_map():
            self._selector.unregister(end)

    def _count(self, size: int, *, is_up: bool) -> None:
        if is_up:
            self.bytes_up += size
        else:
            self.bytes_down += size

    def _drop(self, end: socket.socket) -> None:
        other = self._ends[end].other
        for side in (end, other):
            self._ends.pop(side, None)
            if side.fileno() in self._selector.get_map():
                self._selector.unregister(side)
            side.close()

    def _drop_all(self) -> None:
        while self._ends:
            self._drop(next(iter(self._ends)))


@dataclass(slots=True)
class _End:
    other: socket.socket
    is_near: bool = field(kw_only=True)
    waiting: bytearray = field(default_factory=bytearray)
