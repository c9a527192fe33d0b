"""The simulated wire: raw, unplugged at will, never holding anybody."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest

from edge_gateway.twins.faults import Faults
from edge_gateway.twins.pty_line import LineTwin, PtyLine


class Echo(LineTwin):
    """Sends back what it hears."""

    FAULTS: ClassVar[Sequence[str]] = ("silent",)

    def run(self) -> None:
        while not self.stopped.is_set():
            self.line.write(self.line.read(30.0))


def test_bytes_pass_raw_in_both_directions() -> None:
    line = PtyLine()
    end = os.open(line.path, os.O_RDWR | os.O_NOCTTY)
    os.write(end, b"\x03\r\n\x00")
    assert line.read(1.0) == b"\x03\r\n\x00"
    line.write(b"\x04\x11\n")
    assert os.read(end, 10) == b"\x04\x11\n"
    os.close(end)
    line.close()


def test_nothing_sent_is_nothing_read() -> None:
    line = PtyLine()
    assert line.read(0.01) == b""
    line.close()


def test_what_nobody_reads_is_lost() -> None:
    line = PtyLine()
    for _ in range(100):
        line.write(bytes(1000))
    line.close()


def test_pulling_the_plug_does_not_wait_for_a_reader() -> None:
    line = PtyLine()
    with ThreadPoolExecutor() as threads:
        reading = threads.submit(line.read, 30.0)
        threads.submit(line.unplug).result(timeout=5)
        assert reading.result(timeout=5) == b""
    line.close()


def test_a_writer_does_not_wait_for_a_reader() -> None:
    line = PtyLine()
    with ThreadPoolExecutor() as threads:
        reading = threads.submit(line.read, 30.0)
        threads.submit(line.write, b"x").result(timeout=5)
        line.wake()
        assert reading.result(timeout=5) == b""
    line.close()


def test_an_unplugged_line_loses_its_path_and_gets_it_back(tmp_path: Path) -> None:
    line = PtyLine(by_id=tmp_path / "adapter")
    assert Path(line.path).is_char_device()
    line.unplug()
    line.write(b"into the air")
    assert not Path(line.path).exists()
    line.plug()
    assert Path(line.path).is_char_device()
    line.close()
    assert not Path(line.path).exists()


def test_a_line_plugged_in_again_is_another_device_node_behind_the_same_link(
    tmp_path: Path,
) -> None:
    line = PtyLine(by_id=tmp_path / "adapter")
    nodes = [Path(line.path).resolve()]
    for _ in range(3):
        line.unplug()
        line.plug()
        nodes.append(Path(line.path).resolve())
    line.close()
    assert line.path == str(tmp_path / "adapter")
    assert all(one != other for one, other in pairwise(nodes))


def test_a_closed_line_stays_closed() -> None:
    line = PtyLine()
    line.close()
    line.close()
    line.plug()
    assert line.path == ""
    assert line.read(0.0) == b""


def test_a_twin_lives_while_its_block_lasts() -> None:
    line = PtyLine()
    end = os.open(line.path, os.O_RDWR | os.O_NOCTTY)
    with Echo(line) as twin:
        os.write(end, b"hello")
        assert os.read(end, 10) == b"hello"
    assert twin.stopped.is_set()
    os.close(end)
    line.close()


def test_a_stopped_twin_can_be_started_again() -> None:
    line = PtyLine()
    end = os.open(line.path, os.O_RDWR | os.O_NOCTTY)
    twin = Echo(line)
    for _ in range(3):
        twin.start()
        twin.start()
        os.write(end, b"hello")
        assert os.read(end, 10) == b"hello"
        twin.stop()
        twin.stop()
    os.close(end)
    line.close()


def test_a_fault_happens_as_often_as_ordered() -> None:
    faults = Faults(("crc", "silent"))
    faults.order("crc", 2)
    assert [faults.take("crc") for _ in range(3)] == [True, True, False]


def test_a_fault_that_is_unknown_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"no fault 'crx'\. Did you mean 'crc'"):
        Faults(("crc", "silent")).order("crx", 1)
