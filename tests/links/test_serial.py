"""The port on real pseudo-terminals: unplugged, closed from elsewhere, taken, absent."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import serial

from edge_gateway.links import serial as serial_link
from edge_gateway.links.errors import LinkGone, Misconfigured
from edge_gateway.links.serial import SerialPort
from edge_gateway.twins.pty_line import PtyLine


@pytest.fixture
def line(tmp_path: Path) -> Iterator[PtyLine]:
    line = PtyLine(by_id=tmp_path / "usb-adapter")
    yield line
    line.close()


@pytest.fixture
def port(line: PtyLine) -> Iterator[SerialPort]:
    port = SerialPort(line.path, 9600)
    port.discard_input()
    yield port
    port.close()


def test_bytes_pass_both_ways_as_they_are(line: PtyLine, port: SerialPort) -> None:
    everything = bytes(range(256))
    port.write(everything)
    assert line.read(1.0) == everything
    line.write(everything)
    assert port.read(256, 1.0) == everything


def test_a_read_returns_what_there_is_and_not_more_than_asked(
    line: PtyLine, port: SerialPort
) -> None:
    line.write(b"abcdef")
    assert port.read(4, 1.0) == b"abcd"
    assert port.read(100, 1.0) == b"ef"


def test_a_silent_line_gives_nothing_after_the_timeout(port: SerialPort) -> None:
    began = time.monotonic()
    assert port.read(1, 0.05) == b""
    assert time.monotonic() - began >= 0.05


def test_discarded_input_is_forgotten(line: PtyLine, port: SerialPort) -> None:
    line.write(b"old")
    assert port.read(1, 1.0) == b"o"
    port.discard_input()
    line.write(b"new")
    assert port.read(10, 1.0) == b"new"


@pytest.mark.parametrize("action", ["read", "write", "discard_input"])
def test_an_unplugged_port_is_gone(line: PtyLine, port: SerialPort, action: str) -> None:
    line.unplug()
    arguments: dict[str, tuple[Any, ...]] = {"read": (1, 1.0), "write": (b"x",)}
    with pytest.raises(LinkGone, match="usb-adapter"):
        getattr(port, action)(*arguments.get(action, ()))


def test_a_waiting_read_ends_when_the_plug_is_pulled(line: PtyLine, port: SerialPort) -> None:
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(port.read, 1, 30.0)
        line.unplug()
        with pytest.raises(LinkGone):
            waiting.result(timeout=5)


def test_a_port_comes_back_under_another_device_node(line: PtyLine, port: SerialPort) -> None:
    old = Path(line.path).resolve()
    line.unplug()
    with pytest.raises(LinkGone):
        port.read(1, 1.0)
    keeper = PtyLine()  # takes the node that became free
    line.plug()
    assert Path(line.path).resolve() != old
    port.discard_input()
    line.write(b"back")
    assert port.read(10, 1.0) == b"back"
    keeper.close()


def test_an_absent_port_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(LinkGone, match="ls /dev/serial/by-id"):
        SerialPort(str(tmp_path / "usb-adapter"), 9600).read(1, 0)


def test_a_port_in_use_is_said_to_be_so(line: PtyLine, port: SerialPort) -> None:
    port.discard_input()
    with pytest.raises(LinkGone, match="in use by another program"):
        SerialPort(line.path, 9600).read(1, 0)


def test_what_is_no_port_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="not a serial port"):
        SerialPort(str(tmp_path / "file"), 9600).read(1, 0)


def test_a_character_device_that_is_no_terminal_is_a_wrong_setting() -> None:
    with pytest.raises(Misconfigured, match="no serial port"):
        SerialPort("/dev/null", 9600).read(1, 0)


def test_a_missing_permission_names_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise serial.SerialException(errno.EACCES, "could not open port")

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(Misconfigured, match="group dialout"):
        SerialPort("/dev/null", 9600).read(1, 0)


def test_parity_reaches_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {}

    def note(path: str, baud: int, **others: Any) -> None:
        settings.update(others, path=path, baud=baud)
        raise serial.SerialException(errno.ENOENT, "enough seen")

    monkeypatch.setattr(serial, "Serial", note)
    with pytest.raises(LinkGone):
        SerialPort("/dev/null", 19200, "E", 8).read(1, 0)
    wanted = {"path": "/dev/null", "baud": 19200, "parity": "E", "bytesize": 8, "exclusive": True}
    assert wanted.items() <= settings.items()


def test_a_port_with_parity_can_be_opened_twice_on_a_pseudo_terminal(line: PtyLine) -> None:
    for _ in range(2):
        port = SerialPort(line.path, 19200, "E")
        line.write(b"x")
        port.write(b"y")
        assert line.read(1.0) == b"y"
        port.close()


def test_a_peer_that_takes_no_bytes_does_not_hold_the_writer(
    port: SerialPort, line: PtyLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serial_link, "WRITE_TIMEOUT_S", 0.05)
    port.close()
    with pytest.raises(LinkGone, match="took no bytes"):
        SerialPort(line.path, 9600).write(bytes(100_000))


def test_closing_ends_a_read_that_waits_in_another_thread(port: SerialPort) -> None:
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(port.read, 1, 30.0)
        port.close()
        with pytest.raises(LinkGone, match="was closed"):
            waiting.result(timeout=5)


def test_a_closed_port_stays_closed(port: SerialPort) -> None:
    port.close()
    port.close()
    with pytest.raises(LinkGone, match="was closed"):
        port.write(b"x")
