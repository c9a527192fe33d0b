"""The talk on a wire as a readable text file: recorded beside a live device, replayed without it.

A talk is lines of `SECONDS SIGN [ADDRESS] HEX...`, `#` begins a comment:

    0.000 > 44 fd                  sent (to I2C address 0x44)
    0.010 < 44 66 66 93 7f ff 8f   received
    0.500 ! 44 silent: text        DeviceSilent; `gone` is LinkGone
    0.750 .                        nothing came in time

Serial talks have no address. Received bytes keep the chunks in which they came.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TextIO

from edge_gateway.links.contract import ByteStream, I2c
from edge_gateway.links.errors import BadFrame, DeviceError, DeviceSilent, LinkGone

Sign = Literal[">", "<", "!", "."]
Seconds = Callable[[], float]

_LINE = re.compile(
    r"(?P<at>\d+(?:\.\d+)?) (?P<sign>[><!.])(?: (?P<rest>[^#]*?))?\s*(?:#.*)?", re.ASCII
)
_ERRORS: dict[str, type[DeviceError]] = {"silent": DeviceSilent, "gone": LinkGone}


class TalkOver(LinkGone):
    """The talk has no more turns."""


class BadTalk(ValueError):
    """A file that is no talk, or a driver that does not follow it; the message names the line."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One line of a talk: when (seconds), what, for which address (None on a serial line)."""

    line: int
    at_s: float
    sign: Sign
    address: int | None
    data: bytes
    error: DeviceError | None = None


def parse(lines: Iterable[str], *, addressed: bool) -> list[Turn]:
    """Read a talk; `addressed` for I2C. Raises BadTalk with the number of the bad line."""
    turns: list[Turn] = []
    for number, raw in enumerate(lines, start=1):
        text = raw.split("#", maxsplit=1)[0].strip()
        if text:
            turns.append(_turn(number, text, addressed=addressed))
    return turns


def _turn(number: int, text: str, *, addressed: bool) -> Turn:
    match = _LINE.fullmatch(text)
    if match is None:
        raise BadTalk(f"line {number}: not `SECONDS >|<|!|. ...`: {text!r}")
    sign: Sign = match["sign"]  # pyright: ignore[reportAssignmentType] - the pattern allows no other
    at_s, rest = float(match["at"]), (match["rest"] or "").strip()
    address: int | None = None
    try:
        if addressed and sign != ".":
            first, _, rest = rest.partition(" ")
            address = int(first, 16)
        if sign == "!":
            kind, _, said = rest.partition(":")
            return Turn(number, at_s, sign, address, b"", _ERRORS[kind.strip()](said.strip()))
        return Turn(number, at_s, sign, address, bytes.fromhex(rest))
    except (ValueError, KeyError) as error:
        raise BadTalk(f"line {number}: {error} in {text!r}") from error


class Notebook:
    """Writes a talk while it happens; `seconds` counts from its beginning."""

    def __init__(self, file: TextIO, seconds: Seconds) -> None:
        self._file, self._seconds = file, seconds

    def note(self, sign: Sign, data: bytes = b"", address: int | None = None) -> None:
        """Write one turn."""
        where = "" if address is None else f"{address:02x} "
        self._line(f"{sign} {where}{data.hex(' ')}", data)

    def failed(self, error: DeviceError, address: int | None = None) -> None:
        """Write what the link raised."""
        where = "" if address is None else f"{address:02x} "
        kind = "gone" if isinstance(error, LinkGone) else "silent"
        self._line(f"! {where}{kind}: {' '.join(str(error).replace('#', '').split())}", b"")

    def _line(self, text: str, data: bytes) -> None:
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F and byte != 0x23 else "." for byte in data)  # noqa: PLR2004 - printable ASCII but #
        remark = f"  # {shown}" if any(character != "." for character in shown) else ""
        self._file.write(f"{self._seconds():.3f} {text.rstrip()}{remark}\n")


class RecordedStream:
    """A byte stream that writes down what passes until it is closed."""

    def __init__(self, stream: ByteStream, notebook: Notebook) -> None:
        self._stream, self._notebook = stream, notebook
        self._closed = False

    def read(self, at_most: int, timeout_s: float) -> bytes:
        """As the stream's, noted."""
        try:
            data = self._stream.read(at_most, timeout_s)
        except DeviceError as error:
            if not self._closed:
                self._notebook.failed(error)
            raise
        self._notebook.note("<" if data else ".", data)
        return data

    def write(self, data: bytes) -> None:
        """As the stream's, noted."""
        self._notebook.note(">", data)
        self._stream.write(data)

    def discard_input(self) -> None:
        """As the stream's."""
        self._stream.discard_input()

    def close(self) -> None:
        """As the stream's."""
        self._closed = True
        self._stream.close()


class RecordedI2c:
    """An I2C bus that writes down what passes for one address, and lets the rest pass."""

    def __init__(self, bus: I2c, notebook: Notebook) -> None:
        self._bus, self._notebook = bus, notebook

    def write(self, address: int, data: bytes) -> None:
        """As the bus's, noted."""
        self._notebook.note(">", data, address)
        try:
            self._bus.write(address, data)
        except DeviceError as error:
            self._notebook.failed(error, address)
            raise

    def read(self, address: int, count: int) -> bytes:
        """As the bus's, noted."""
        try:
            data = self._bus.read(address, count)
        except DeviceError as error:
            self._notebook.failed(error, address)
            raise
        self._notebook.note("<", data, address)
        return data

    def write_read(self, address: int, data: bytes, count: int) -> bytes:
        """As the bus's, noted as a write and a read."""
        self._notebook.note(">", data, address)
        try:
            answer = self._bus.write_read(address, data, count)
        except DeviceError as error:
            self._notebook.failed(error, address)
            raise
        self._notebook.note("<", answer, address)
        return answer

    def close(self) -> None:
        """As the bus's."""
        self._bus.close()


class _Script:
    """The turns of a talk, taken one by one."""

    def __init__(self, turns: Iterable[Turn]) -> None:
        self._turns = list(turns)
        self._next = 0

    def peek(self) -> Turn | None:
        return self._turns[self._next] if self._next < len(self._turns) else None

    def take(self) -> Turn:
        turn = self.peek()
        if turn is None:
            raise TalkOver("the talk is over")
        self._next += 1
        return turn

    def expect_sent(self, data: bytes, address: int | None) -> None:
        turn = self.take()
        if turn.sign != ">" or (turn.address, turn.data) != (address, data):
            raise BadTalk(f"line {turn.line}: the driver sent {data.hex(' ')} instead")


class ReplayedStream:
    """A byte stream that says what a talk says and insists on hearing what it says was sent."""

    def __init__(self, turns: Iterable[Turn]) -> None:
        self._script = _Script(turns)
        self._left = b""

    def read(self, at_most: int, timeout_s: float) -> bytes:
        """The next chunk, at once; empty where nothing came in time. LinkGone at the end."""
        del timeout_s
        if not self._left:
            turn = self._script.peek()
            if turn is not None and turn.sign == ">":
                return b""
            turn = self._script.take()
            if turn.error is not None:
                raise turn.error
            self._left = turn.data
        data, self._left = self._left[:at_most], self._left[at_most:]
        return data

    def write(self, data: bytes) -> None:
        """Check it against the talk; BadTalk when it differs. What is left unread is skipped."""
        while (turn := self._script.peek()) is not None and turn.sign in "<.":
            self._script.take()
        self._left = b""
        self._script.expect_sent(data, None)

    def discard_input(self) -> None:
        """Forget what is left of the present chunk."""
        self._left = b""

    def close(self) -> None:
        """Nothing is open."""


class ReplayedI2c:
    """An I2C bus that answers as a talk says."""

    def __init__(self, turns: Iterable[Turn]) -> None:
        self._script = _Script(turns)

    def write(self, address: int, data: bytes) -> None:
        """Check it against the talk; BadTalk when it differs."""
        self._script.expect_sent(data, address)
        self._raise_what_failed()

    def read(self, address: int, count: int) -> bytes:
        """What was received then. Raises what the link raised then."""
        self._raise_what_failed()
        turn = self._script.take()
        if turn.sign != "<" or turn.address != address or len(turn.data) != count:
            raise BadFrame(f"line {turn.line}: the driver reads {count} bytes from 0x{address:02x}")
        return turn.data

    def write_read(self, address: int, data: bytes, count: int) -> bytes:
        """Both, one after the other."""
        self.write(address, data)
        return self.read(address, count)

    def close(self) -> None:
        """Nothing is open."""

    def _raise_what_failed(self) -> None:
        turn = self._script.peek()
        if turn is not None and turn.error is not None:
            self._script.take()
            raise turn.error
