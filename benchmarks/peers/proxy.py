"""The uplink: a loopback proxy that counts bytes and can be cut. A process of its own.

One thread with the least to do for each piece: a gateway that waits for acknowledgements pays for
every microsecond here.
"""

from __future__ import annotations

import select
import socket
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.peers.board import Board, Tally

CUT, MEND, END = "cut", "mend", "end"
_PIECE = 256 << 10
# Whoever does not read for so long is gone.
_STUCK_S = 30.0


def serve(orders: Connection, board: Path, capacity: int, port: int, upstream: int) -> None:
    """Pass bytes between `port` and `upstream` until told to end; every order is answered."""
    proxy = _Proxy(Board(board, capacity), port, upstream, orders.fileno())
    proxy.mend()
    orders.send(MEND)
    while True:
        proxy.turn()
        if not orders.poll():
            continue
        order = orders.recv()
        if order == MEND:
            proxy.mend()
        else:
            proxy.cut()
        if order == END:
            return
        orders.send(order)


class _Proxy:
    def __init__(self, board: Board, port: int, upstream: int, orders: int) -> None:
        self._board = board
        self._port = port
        self._upstream = upstream
        self._listener: socket.socket | None = None
        # By descriptor: where from, where to, and what it counts in.
        self._ways: dict[int, tuple[socket.socket, socket.socket, Tally]] = {}
        self._epoll = select.epoll()
        self._epoll.register(orders, select.EPOLLIN)

    def turn(self) -> None:
        """Wait until something is to do, and do it."""
        for descriptor, _ in self._epoll.poll():
            if self._listener is not None and descriptor == self._listener.fileno():
                self._accept(self._listener)
            elif descriptor in self._ways:
                self._pass(*self._ways[descriptor])

    def mend(self) -> None:
        """Take connections from now on."""
        self._listener = socket.create_server(("127.0.0.1", self._port), backlog=16)
        self._epoll.register(self._listener, select.EPOLLIN)

    def cut(self) -> None:
        """Drop every connection and refuse new ones."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for near, far, _ in list(self._ways.values()):
            self._part(near, far)

    def _accept(self, listener: socket.socket) -> None:
        near, _ = listener.accept()
        far = socket.create_connection(("127.0.0.1", self._upstream))
        for one in (near, far):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.settimeout(_STUCK_S)
            self._epoll.register(one, select.EPOLLIN)
        self._ways[near.fileno()] = (near, far, Tally.UP_BYTES)
        self._ways[far.fileno()] = (far, near, Tally.DOWN_BYTES)

    def _pass(self, source: socket.socket, target: socket.socket, tally: Tally) -> None:
        data = b""
        with suppress(OSError):
            data = source.recv(_PIECE)
            self._board.tallies[tally] += len(data)
            target.sendall(data)
        if not data:
            self._part(source, target)

    def _part(self, *pair: socket.socket) -> None:
        for one in pair:
            if one.fileno() >= 0:
                del self._ways[one.fileno()]
                one.close()
