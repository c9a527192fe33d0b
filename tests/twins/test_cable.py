"""The cable forwards, counts, and drops everything when it is pulled out."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from threading import Thread

import pytest

from edge_gateway.twins.cable import Cable


class Echo:
    """Sends back what it gets, twice."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(65_536):
                    connection.sendall(data * 2)
            except OSError:
                return


@pytest.fixture
def cable() -> Iterator[Cable]:
    echo = Echo()
    with Cable(echo.port) as made:
        yield made
    echo.close()


def connect(cable: Cable) -> socket.socket:
    return socket.create_connection(("127.0.0.1", cable.port), timeout=10.0)


def receive(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        got = connection.recv(count - len(data))
        if not got:
            break
        data += got
    return data


def test_what_goes_in_comes_out_both_ways(cable: Cable) -> None:
    with connect(cable) as connection:
        connection.sendall(b"hello")
        assert receive(connection, 10) == b"hellohello"


def test_the_bytes_of_each_way_are_counted(cable: Cable) -> None:
    with connect(cable) as connection:
        connection.sendall(b"x" * 1000)
        receive(connection, 2000)
    assert (cable.bytes_up, cable.bytes_down) == (1000, 2000)


def test_more_than_any_buffer_holds_gets_through(cable: Cable) -> None:
    payload = bytes(range(256)) * 40_000
    with connect(cable) as connection:
        sender = Thread(target=connection.sendall, args=(payload,))
        sender.start()
        assert len(receive(connection, 2 * len(payload))) == 2 * len(payload)
        sender.join()
    assert cable.bytes_up == len(payload)


def test_pulled_out_it_drops_what_is_connected(cable: Cable) -> None:
    with connect(cable) as connection:
        connection.sendall(b"hello")
        receive(connection, 10)
        cable.unplug()
        assert cable.unplugged
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""


def test_pulled_out_it_refuses_new_connections(cable: Cable) -> None:
    cable.unplug()
    with pytest.raises(ConnectionRefusedError):
        connect(cable)


def test_plugged_in_again_it_works_at_the_same_port(cable: Cable) -> None:
    for _ in range(5):
        cable.unplug()
        cable.plug()
        with connect(cable) as connection:
            connection.sendall(b"again")
            assert receive(connection, 10) == b"againagain"
    assert not cable.unplugged


def test_unplugging_and_plugging_twice_is_the_same_as_once(cable: Cable) -> None:
    cable.unplug()
    cable.unplug()
    cable.plug()
    cable.plug()
    with connect(cable) as connection:
        connection.sendall(b"ok")
        assert receive(connection, 4) == b"okok"


def test_with_nothing_behind_it_a_connection_ends_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port: int = gone.getsockname()[1]
    with Cable(port) as cable, connect(cable) as connection:
        assert connection.recv(1) == b""


def test_a_closed_cable_can_be_closed_again(cable: Cable) -> None:
    cable.close()
    cable.close()
