"""The uplink that can be cut: what passes is counted, and a cut is a cut."""

from __future__ import annotations

import multiprocessing
import socket
from collections.abc import Generator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from benchmarks.peers import proxy
from benchmarks.peers.board import Board, Tally
from edge_gateway.twins.broker import free_port


class Uplink:
    """A proxy in a thread, before a server that gives each byte back."""

    def __init__(self, folder: Path) -> None:
        self.board = Board(folder / "board", 1)
        self.port = free_port()
        self.server = socket.create_server(("127.0.0.1", 0))
        near, far = multiprocessing.Pipe()
        self._orders: Any = near
        upstream = int(self.server.getsockname()[1])
        arguments = (far, folder / "board", 1, self.port, upstream)
        self._thread = Thread(target=proxy.serve, args=arguments)
        self._thread.start()
        assert self._orders.recv() == proxy.MEND
        Thread(target=self._echo, daemon=True).start()

    def tell(self, order: str) -> None:
        self._orders.send(order)
        assert self._orders.recv() == order

    def end(self) -> None:
        self._orders.send(proxy.END)
        self._thread.join(10)
        self.server.close()

    def call(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def _echo(self) -> None:
        while True:
            try:
                connection, _ = self.server.accept()
                while data := connection.recv(4096):
                    connection.sendall(data)
            except OSError:
                return


@pytest.fixture
def uplink(tmp_path: Path) -> Generator[Uplink]:
    made = Uplink(tmp_path)
    yield made
    made.end()


def test_bytes_pass_both_ways_and_are_counted(uplink: Uplink) -> None:
    with uplink.call() as caller:
        caller.sendall(b"twelve bytes")
        assert caller.recv(100) == b"twelve bytes"
        caller.shutdown(socket.SHUT_WR)
        assert caller.recv(100) == b""
    assert (uplink.board[Tally.UP_BYTES], uplink.board[Tally.DOWN_BYTES]) == (12, 12)


def test_a_cut_ends_the_connection_and_refuses_the_next(uplink: Uplink) -> None:
    with uplink.call() as caller:
        caller.sendall(b"x")
        assert caller.recv(1) == b"x"
        uplink.tell(proxy.CUT)
        assert caller.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        uplink.call()


def test_a_mended_uplink_passes_again(uplink: Uplink) -> None:
    uplink.tell(proxy.CUT)
    uplink.tell(proxy.MEND)
    with uplink.call() as caller:
        caller.sendall(b"y")
        assert caller.recv(1) == b"y"
