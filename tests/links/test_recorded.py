"""A talk that was recorded says the same again, and a driver that strays from it is told where."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.links.errors import DeviceSilent, LinkGone
from edge_gateway.links.recorded import (
    BadTalk,
    Notebook,
    RecordedI2c,
    RecordedStream,
    ReplayedI2c,
    ReplayedStream,
    TalkOver,
    parse,
)


class Echo:
    """A stream that answers what was sent, and then nothing."""

    def __init__(self) -> None:
        self.waiting = b""

    def read(self, at_most: int, timeout_s: float) -> bytes:
        assert timeout_s > 0
        data, self.waiting = self.waiting[:at_most], self.waiting[at_most:]
        return data

    def write(self, data: bytes) -> None:
        self.waiting += data

    def discard_input(self) -> None:
        self.waiting = b""

    def close(self) -> None:
        pass


class Memory:
    """A chip at 0x44 that gives back what was written; nobody else answers."""

    def __init__(self) -> None:
        self.kept = b""

    def write(self, address: int, data: bytes) -> None:
        if address != 0x44:
            raise DeviceSilent("nothing acknowledges # here")
        self.kept = data

    def read(self, address: int, count: int) -> bytes:
        assert address == 0x44
        return self.kept[:count]

    def write_read(self, address: int, data: bytes, count: int) -> bytes:
        self.write(address, data)
        return self.read(address, count)

    def close(self) -> None:
        pass


def notebook(file: io.StringIO) -> Notebook:
    return Notebook(file, lambda: 1.25)


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5))
def test_a_recorded_stream_says_the_same_again(sent: list[bytes]) -> None:
    file = io.StringIO()
    stream = RecordedStream(Echo(), notebook(file))
    for data in sent:
        stream.write(data)
        assert stream.read(100, 1.0) == data
    assert stream.read(100, 1.0) == b""
    again = ReplayedStream(parse(file.getvalue().splitlines(), addressed=False))
    for data in sent:
        again.write(data)
        assert again.read(100, 1.0) == data
    assert again.read(100, 1.0) == b""
    with pytest.raises(TalkOver):
        again.read(1, 1.0)


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5))
def test_a_recorded_bus_says_the_same_again(sent: list[bytes]) -> None:
    file = io.StringIO()
    bus = RecordedI2c(Memory(), notebook(file))
    for data in sent:
        bus.write(0x44, data)
        bus.read(0x44, len(data))
    again = ReplayedI2c(parse(file.getvalue().splitlines(), addressed=True))
    for data in sent:
        again.write(0x44, data)
        assert again.read(0x44, len(data)) == data


def test_a_register_that_was_asked_for_is_asked_for_again() -> None:
    file = io.StringIO()
    RecordedI2c(Memory(), notebook(file)).write_read(0x44, b"\xd0", 1)
    again = ReplayedI2c(parse(file.getvalue().splitlines(), addressed=True))
    assert again.write_read(0x44, b"\xd0", 1) == b"\xd0"


def test_what_the_link_raised_is_raised_again() -> None:
    file = io.StringIO()
    bus = RecordedI2c(Memory(), notebook(file))
    with pytest.raises(DeviceSilent):
        bus.write(0x45, b"\xfd")
    again = ReplayedI2c(parse(file.getvalue().splitlines(), addressed=True))
    with pytest.raises(DeviceSilent, match="nothing acknowledges"):
        again.write(0x45, b"\xfd")


def test_a_driver_that_sends_something_else_is_told_the_line() -> None:
    stream = ReplayedStream(parse(["# a talk", "0.000 > 01 03"], addressed=False))
    with pytest.raises(BadTalk, match="line 2: the driver sent 01 04"):
        stream.write(b"\x01\x04")


def test_received_bytes_keep_their_chunks() -> None:
    stream = ReplayedStream(parse(["0.1 < 01 02", "0.2 < 03"], addressed=False))
    assert [stream.read(1, 1), stream.read(9, 1), stream.read(9, 1)] == [b"\x01", b"\x02", b"\x03"]


def test_bytes_that_were_never_read_are_skipped_before_the_next_request() -> None:
    stream = ReplayedStream(parse(["0.1 < 01 02", "0.2 > 05", "0.3 < 06"], addressed=False))
    stream.write(b"\x05")
    assert stream.read(9, 1) == b"\x06"


def test_a_lost_link_is_kept_in_the_talk() -> None:
    stream = ReplayedStream(parse(["0.1 ! gone: unplugged"], addressed=False))
    with pytest.raises(LinkGone, match="unplugged"):
        stream.read(1, 1)


@pytest.mark.parametrize("line", ["hello", "0.1 ? 00", "0.1 < 0", "0.1 ! maybe: so", "-1 < 00"])
def test_a_line_that_is_no_turn_is_named(line: str) -> None:
    with pytest.raises(BadTalk, match="line 1"):
        parse([line], addressed=False)


@given(st.lists(st.text(max_size=30), max_size=5), st.booleans())
def test_any_text_is_a_talk_or_a_bad_talk(lines: list[str], addressed: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    with contextlib.suppress(BadTalk):
        parse(lines, addressed=addressed)
