"""Wires whose other end is a string of hostile bytes: what a driver hears, cut up and repaired.

Random bytes seldom pass a checksum, so a byte of the string decides for each answer whether its
checksum is made right: then the content behind it is what is tested.
"""

from __future__ import annotations

from collections.abc import Callable

from edge_gateway.clock import WallTime
from edge_gateway.links.contract import Advert
from edge_gateway.links.errors import DeviceSilent, LinkGone
from edge_gateway.links.frames import crc8, crc16_letters, with_modbus_crc, xor_checksum
from edge_gateway.reading import Stamp

# So many reads find nothing before the line is gone: a driver that waits for ever would hang here.
EMPTY_READS = 8
REPAIRS = 4


class RunningClock:
    """Time that passes by being asked for, so that no wait is endless."""

    def __init__(self) -> None:
        self.monotonic_ns = 1_000_000_000

    def now(self) -> Stamp:
        """The present; a millisecond later each time."""
        self.monotonic_ns += 1_000_000
        return Stamp("boot", self.monotonic_ns)

    def wall(self, stamp: Stamp) -> WallTime | None:
        """No date."""
        del stamp

    def sleep(self, seconds: float) -> None:
        """Pass at once."""
        self.monotonic_ns += round(max(seconds, 0.0) * 1e9)


class Bytes:
    """A string that is used up from the front."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def __len__(self) -> int:
        """What is left."""
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """The next bytes; fewer at the end."""
        part = self._data[self._at : self._at + count]
        self._at += len(part)
        return part

    def number(self) -> int:
        """The next byte as a number; 0 behind the end."""
        return next(iter(self.take(1)), 0)


class HostileLine:
    """A serial line on which a talking device, or something else, talks."""

    def __init__(self, data: bytes, clock: RunningClock) -> None:
        self._left, self._clock, self._empty = Bytes(data), clock, 0
        self._most = 1 + self._left.number()
        self.asked = b""

    def read(self, at_most: int, timeout_s: float) -> bytes:
        """The next chunk, of a length the string itself decides."""
        part = self._left.take(min(at_most, self._most))
        if not part:
            self._empty += 1
            self._clock.sleep(timeout_s)
            if self._empty > EMPTY_READS:
                raise LinkGone("the string is over")
        return part

    def write(self, data: bytes) -> None:
        """Nobody hears it."""
        self.asked = data

    def discard_input(self) -> None:
        """It keeps coming."""

    def close(self) -> None:
        """Nothing to close."""


class HostileAnswers(HostileLine):
    """A line on which each request gets an answer made of the string's next bytes."""

    def __init__(self, data: bytes, clock: RunningClock, repair: Callable[[bytes, bytes], bytes]):
        super().__init__(b"", clock)
        self._string, self._repair = Bytes(data), repair
        self._most = 1 << 16

    def write(self, data: bytes) -> None:
        """Make the answer to this request: as the string has it, or repaired."""
        super().write(data)
        if not len(self._string):
            raise LinkGone("the string is over")
        how = self._string.number()
        body = self._string.take(self._string.number())
        answer = self._repair(data, body) if how % REPAIRS else body
        if how & 0x40:
            answer = data + answer  # an echo before it
        self._left, self._empty = Bytes(answer), 0


class HostileI2c:
    """An I2C bus on which whatever is asked answers with the string's next bytes."""

    def __init__(self, data: bytes, *, crc: bool) -> None:
        self._string, self._crc = Bytes(data), crc

    def write(self, address: int, data: bytes) -> None:
        """Taken, unless the string is over."""
        del data
        if not len(self._string):
            raise LinkGone(f"the string is over at 0x{address:02x}")

    def read(self, address: int, count: int) -> bytes:
        """So many bytes of the string, words with Sensirion's checksum where that is asked for."""
        self.write(address, b"")
        how = self._string.number()
        if how % 16 == 1:
            raise DeviceSilent("NAK")
        data = self._string.take(count).ljust(count, b"\x00")
        if self._crc and how % REPAIRS:
            words = (data[at : at + 2] for at in range(0, count, 3))
            data = b"".join(
                word + bytes([crc8(word, polynomial=0x31, start=0xFF)]) for word in words
            )[:count]
        return data

    def write_read(self, address: int, data: bytes, count: int) -> bytes:
        """As a write and a read."""
        self.write(address, data)
        return self.read(address, count)

    def close(self) -> None:
        """Nothing to close."""


class HostileW1:
    """A 1-Wire slave whose file holds the string, once."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, slave: str) -> bytes:
        """The text, never empty, as the link promises."""
        data, self._data = self._data, b""
        if not data:
            raise LinkGone(f"the string is over at {slave}")
        return data

    def close(self) -> None:
        """Nothing to close."""


class HostileAdverts:
    """Advertisements whose data are pieces of the string."""

    def __init__(self, data: bytes, address: str) -> None:
        self._string, self._address, self._heard_s = Bytes(data), address, 0.0

    def read(self, timeout_s: float) -> Advert | None:
        """The next one; LinkGone at the end of the string."""
        if not len(self._string):
            raise LinkGone("the string is over")
        self._heard_s += timeout_s / 10
        how = self._string.number()
        if how % 16 == 1:
            return None
        data = self._string.take(self._string.number() % 48)
        services = {f"0000{short}-0000-1000-8000-00805f9b34fb": data for short in ("fcd2", "181a")}
        return Advert(self._address, -60, {0x0499: data}, services, self._heard_s, "random")

    def close(self) -> None:
        """Nothing to close."""


def modbus_repaired(request: bytes, body: bytes) -> bytes:
    """An answer to this request with these registers and a right checksum."""
    count = 2 * int.from_bytes(request[4:6], "big")
    return with_modbus_crc(request[:2] + bytes([count & 0xFF]) + body.ljust(count, b"\x00")[:count])


def vaisala_repaired(request: bytes, body: bytes) -> bytes:
    """A line with a right checksum, addressed as the request was."""
    line = request[:1] + body.replace(b"\r", b"").replace(b"\n", b"")
    return line + crc16_letters(line) + b"\r\n"


def gill_repaired(request: bytes, body: bytes) -> bytes:
    """A Gill frame around this content."""
    del request
    content = body.translate(None, b"\x02\x03\r\n")
    return b"\x02" + content + b"\x03" + f"{xor_checksum(content):02X}\r\n".encode()


def nmea_repaired(request: bytes, body: bytes) -> bytes:
    """A sentence around this content."""
    del request
    content = body.translate(None, b"$*\r\n")
    return b"$" + content + b"*" + f"{xor_checksum(content):02X}\r\n".encode()
