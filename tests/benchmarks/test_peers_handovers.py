"""How readings are handed in, and what counts as accepted."""

from __future__ import annotations

import json
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.peers import ours, thingsboard
from benchmarks.peers.handovers import Lines


@contextmanager
def at_the_socket(lines: Lines) -> Generator[socket.socket]:
    """The gateway's end of the connection."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(lines.path))
        listener.listen(1)
        lines.connect()
        connection, _ = listener.accept()
        with connection:
            yield connection


def test_a_line_of_ours_says_quantity_channel_value_and_time(tmp_path: Path) -> None:
    lines = Lines(tmp_path / "s", ours.LINE)
    with at_the_socket(lines) as gateway:
        lines.send(57, [1785733200.25])
        said = json.loads(gateway.recv(4096))
    assert said == {"quantity": "number", "channel": "s07", "value": 57, "time": 1785733200.25}


def test_the_last_whole_answer_counts(tmp_path: Path) -> None:
    lines = Lines(tmp_path / "s", ours.LINE)
    with at_the_socket(lines) as gateway:
        gateway.sendall(b"A10\nA25\nA3")
        assert lines.receive() == 25
        gateway.sendall(b"0\n")
        assert lines.receive() == 30


def test_a_refused_line_ends_the_feed(tmp_path: Path) -> None:
    lines = Lines(tmp_path / "s", ours.LINE)
    with at_the_socket(lines) as gateway:
        gateway.sendall(b"E3 not JSON\n")
        with pytest.raises(ConnectionError, match="E3 not JSON"):
            lines.receive()


def test_stamps_of_one_sensor_are_a_millisecond_apart_where_equal_ones_are_merged(
    tmp_path: Path,
) -> None:
    lines = Lines(tmp_path / "s", thingsboard.LINE, in_ms=True)
    with at_the_socket(lines) as gateway:
        lines.send(0, [1785733200.25] * 101)
        said = [json.loads(line) for line in gateway.recv(1 << 16).splitlines()]
    assert [one["ts"] for one in said if one["device"] == "s00"] == [
        1785733200250,
        1785733200251,
        1785733200252,
    ]
