"""Links that say what a talk says, and insist on hearing what it says was sent.

At the end of the talk every read raises `TalkOver`.
"""

from __future__ import annotations

from collections.abc import Iterable

from edge_gateway.clock import WallTime
from edge_gateway.links.contract import Advert
from edge_gateway.links.errors import DeviceError, DeviceSilent, LinkGone, Misconfigured
from edge_gateway.links.talk import BadTalk, Turn
from edge_gateway.reading import Stamp

_ERRORS: dict[str, type[DeviceError]] = {
    "silent": DeviceSilent,
    "gone": LinkGone,
    "misconfigured": Misconfigured,
}
# A wait that took its time has taken a little more: no deadline is left open by a rounding.
_A_LITTLE_NS = 1000


class TalkOver(LinkGone):
    """The talk has no more turns."""


class TalkClock:
    """The time of a talk: it goes on with its turns, and with every wait, which takes no time."""

    def __init__(self) -> None:
        self._ns = 0

    def now(self) -> Stamp:
        """Since the talk began."""
        return Stamp("talk", self._ns)

    def wall(self, stamp: Stamp) -> WallTime | None:
        """A talk has no date."""
        del stamp

    def sleep(self, seconds: float) -> None:
        """Over at once."""
        self._ns += round(seconds * 1e9) + _A_LITTLE_NS

    def reach(self, at_s: float) -> None:
        """Go on to `at_s`, where it is not there yet."""
        self._ns = max(self._ns, round(at_s * 1e9))


class Script:
    """The turns of a talk, taken one by one; the clock goes with them."""

    def __init__(self, turns: Iterable[Turn], clock: TalkClock) -> None:
        self._turns = list(turns)
        self._next = 0
        self.clock = clock

    def peek(self) -> Turn | None:
        """The next turn; None at the end."""
        return self._turns[self._next] if self._next < len(self._turns) else None

    def take(self) -> Turn:
        """The next turn, which raises what the link raised then. TalkOver at the end."""
        turn = self.peek()
        if turn is None:
            raise TalkOver("the talk is over")
        self._next += 1
        self.clock.reach(turn.at_s)
        if turn.failure and turn.sign == "!":
            raise _ERRORS[turn.failure](turn.text)
        return turn

    def go_on(self) -> None:
        """Go to the time of the next turn: what asked for it was not asked earlier."""
        turn = self.peek()
        if turn is not None:
            self.clock.reach(turn.at_s)

    def send(self, data: bytes, address: str = "") -> None:
        """Check what the driver sends; BadTalk when it differs. Raises what sending it raised."""
        turn = self.take()
        if turn.sign != ">" or (turn.address, turn.data) != (address, data):
            to = f" to {address}" if address else ""
            raise BadTalk(f"line {turn.line}: the driver sent {data.hex(' ')}{to} instead")
        if turn.failure:
            raise _ERRORS[turn.failure](turn.text)

    def receive(self, address: str) -> Turn:
        """What came then; BadTalk when something else happened, or it came from another."""
        turn = self.take()
        if turn.sign != "<" or turn.address != address:
            raise BadTalk(f"line {turn.line}: the driver reads from {address} instead")
        return turn


class ReplayedStream:
    """A byte stream as in a talk of a serial line."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._left = b""

    def read(self, at_most: int, timeout_s: float) -> bytes:
        """The next chunk, at once; empty, and `timeout_s` later, where nothing came in time."""
        if not self._left:
            turn = self._script.peek()
            if turn is not None and turn.sign == ">":
                self._script.clock.sleep(timeout_s)
                return b""
            if turn is not None and turn.sign == ".":
                self._script.clock.sleep(timeout_s)
            self._left = self._script.take().data
        data, self._left = self._left[:at_most], self._left[at_most:]
        return data

    def write(self, data: bytes) -> None:
        """Check it against the talk; BadTalk when it differs. What is left unread is skipped."""
        while (turn := self._script.peek()) is not None and turn.sign in "<.":
            self._script.take()
        self._left = b""
        self._script.send(data)

    def discard_input(self) -> None:
        """Forget what is left of the present chunk."""
        self._left = b""

    def close(self) -> None:
        """Nothing is open."""


class ReplayedI2c:
    """An I2C bus as in a talk."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def write(self, address: int, data: bytes) -> None:
        """Check it against the talk; BadTalk when it differs."""
        self._script.send(data, f"{address:02x}")

    def read(self, address: int, count: int) -> bytes:
        """What was received then; BadTalk when it was not as many bytes."""
        turn = self._script.receive(f"{address:02x}")
        if len(turn.data) != count:
            raise BadTalk(f"line {turn.line}: the driver reads {count} bytes")
        return turn.data

    def write_read(self, address: int, data: bytes, count: int) -> bytes:
        """Both, one after the other."""
        self.write(address, data)
        return self.read(address, count)

    def close(self) -> None:
        """Nothing is open."""


class ReplayedW1:
    """A 1-Wire bus as in a talk."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def read(self, slave: str) -> bytes:
        """The text that the slave's file held then."""
        return self._script.receive(slave).data

    def close(self) -> None:
        """Nothing is open."""


class ReplayedRadio:
    """A Bluetooth adapter that hears what a talk says."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def listen(self, address: str) -> ReplayedAdverts:
        """What the device with this address advertised."""
        return ReplayedAdverts(self._script, address)

    def close(self) -> None:
        """Nothing is open."""


class ReplayedAdverts:
    """The advertisements of one device as in a talk."""

    def __init__(self, script: Script, address: str) -> None:
        self._script, self._address = script, address

    def read(self, timeout_s: float) -> Advert | None:
        """The next one; None, and `timeout_s` later, where nothing came in time."""
        turn = self._script.peek()
        if turn is None or turn.sign != ".":
            return self._script.receive(self._address).advert
        self._script.clock.sleep(timeout_s)
        self._script.take()
        return None

    def close(self) -> None:
        """Nothing is open."""
