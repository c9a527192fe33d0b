"""A line for simulated devices: a pseudo-terminal, and the port at its other end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edge_gateway.links.serial import SerialPort
from edge_gateway.twins.pty_line import PtyLine


@pytest.fixture
def line() -> Iterator[PtyLine]:
    line = PtyLine()
    yield line
    line.close()


@pytest.fixture
def port(line: PtyLine) -> Iterator[SerialPort]:
    """At 9600 baud, as most devices that talk come."""
    port = SerialPort(line.path, 9600)
    port.discard_input()
    yield port
    port.close()
