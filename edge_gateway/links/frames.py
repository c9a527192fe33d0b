"""Checksums and framing: what a driver and its simulated device agree on before any number."""

from __future__ import annotations

from collections.abc import Mapping

from edge_gateway.links.errors import BadFrame, DeviceReset

_MODBUS_POLYNOMIAL = 0xA001  # Modbus over serial line V1.02, section 6.2.2: reflected 0x8005
_CRC_BYTES = 2
_SHOWN_BYTES = 40


def crc8(data: bytes, *, polynomial: int, start: int) -> int:
    """CRC-8, most significant bit first, no final xor.

    Sensirion: polynomial 0x31, start 0xFF; the data sheet's example is BE EF -> 92.
    """
    register = start
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register << 1) ^ (polynomial if register & 0x80 else 0)
        register &= 0xFF
    return register


def crc16(data: bytes, *, start: int) -> int:
    """CRC-16, polynomial 0xA001 reflected: Modbus RTU (start 0xFFFF), SDI-12 and Vaisala (0)."""
    register = start
    for byte in data:
        register = (register >> 8) ^ _CRC16_OF[(register ^ byte) & 0xFF]
    return register


def crc16_modbus(data: bytes) -> int:
    """CRC-16 of Modbus RTU; it goes on the wire low byte first."""
    return crc16(data, start=0xFFFF)


def crc16_letters(data: bytes) -> bytes:
    """The CRC-16 of SDI-12 V1.4 section 4.4.12.2 as its three letters; Vaisala's ASCII uses it.

    Its start is 0; the example is `0+3.14` -> `OqZ`.
    """
    crc = crc16(data, start=0)
    return bytes(0x40 | part for part in (crc >> 12, (crc >> 6) & 0x3F, crc & 0x3F))


def with_modbus_crc(body: bytes) -> bytes:
    """Close a Modbus RTU frame: `body` from the slave address on, then its CRC."""
    return body + crc16_modbus(body).to_bytes(2, "little")


def has_modbus_crc(frame: bytes) -> bool:
    """Whether `frame` ends in the CRC of what stands before it."""
    body, crc = frame[:-_CRC_BYTES], frame[-_CRC_BYTES:]
    return bool(body) and crc16_modbus(body) == int.from_bytes(crc, "little")


def xor_checksum(data: bytes) -> int:
    """Exclusive or of all bytes: NMEA 0183 and Gill's ASCII frames."""
    register = 0
    for byte in data:
        register ^= byte
    return register


class Deframer:
    """Cuts a byte stream into frames `start ... end` plus `trailer` bytes after the end.

    It never holds more than `longest` bytes and what one `feed` brings. Bytes between frames (line
    ends, a power-up banner, noise) are dropped; more than `longest_gap` of them is a BadFrame, for
    then nothing on the line looks like this device. `resets` are words of the banner, each with
    what it says: one of them between frames is a DeviceReset. The frames depend on the bytes
    alone, not on how they were cut up by the line.
    """

    def __init__(
        self,
        *,
        start: bytes,
        end: bytes,
        trailer: int,
        longest: int,
        longest_gap: int,
        resets: Mapping[bytes, str] | None = None,
    ) -> None:
        self._start = start
        self._end = end
        self._trailer = trailer
        self._longest = longest
        self._longest_gap = longest_gap
        self._resets = resets or {}
        self._word = max((len(word) for word in self._resets), default=1)
        self._heard = bytearray()
        self._passed = b""
        self._gap = 0

    def feed(self, data: bytes) -> None:
        """Take what the line brought."""
        self._heard += data

    def __len__(self) -> int:
        """How many bytes it holds of a frame that is not complete."""
        return len(self._heard)

    def clear(self) -> None:
        """Forget a half frame: after a silence nothing can complete it."""
        self._heard.clear()
        self._passed = b""
        self._gap = 0

    def take(self) -> bytes | None:
        """Give the next frame, start to trailer; None when more bytes are needed.

        Raises BadFrame on a half frame, one that is too long, or a gap without any start, and
        DeviceReset; the bytes behind it are then gone and the next call goes on behind them.
        """
        self._drop_gap()
        if not self._heard:
            return None
        end_at = self._heard.find(self._end, 1, self._longest)
        stop = end_at + 1 + self._trailer if end_at >= 0 else self._longest
        restart = self._heard.find(self._start, 1, stop)
        if restart > 0:
            raise BadFrame(f"half a frame: {shown(self._cut_broken(restart))}")
        if len(self._heard) < stop:
            return None
        if end_at < 0:
            raise BadFrame(f"a frame without an end: {shown(self._cut_broken(stop))}")
        self._gap = 0
        return self._cut(stop)

    def _drop_gap(self) -> None:
        start_at = self._heard.find(self._start)
        dropped = self._cut(start_at if start_at >= 0 else len(self._heard))
        self._gap += len(dropped)
        self._look_for_resets(dropped)
        if self._gap > self._longest_gap:
            gap, self._gap = self._gap, 0
            raise BadFrame(
                f"{gap} bytes without the start of a frame, the last {shown(dropped[-16:])}:"
                " is this the right port, baud rate and output format?"
            )

    def _look_for_resets(self, dropped: bytes) -> None:
        self._passed += dropped
        found = [(at, word) for word in self._resets if (at := self._passed.find(word)) >= 0]
        if found:
            at, word = min(found)
            self._passed = self._passed[at + len(word) :]
            raise DeviceReset(self._resets[word])
        # A word may be cut in two by the line, but not by a frame.
        kept = 0 if self._heard else self._word - 1
        self._passed = self._passed[max(len(self._passed) - kept, 0) :]

    def _cut_broken(self, count: int) -> bytes:
        # A device that lost power in the middle of a frame puts its banner behind the half of it.
        self._passed = self._cut(count)
        return self._passed

    def _cut(self, count: int) -> bytes:
        head = bytes(self._heard[:count])
        del self._heard[:count]
        return head


class Lines:
    r"""Cuts a byte stream into lines that end with \n, which stays on them.

    It never holds more than `longest` bytes and what one `feed` brings. The lines depend on the
    bytes alone, not on how they were cut up by the line.
    """

    def __init__(self, *, longest: int) -> None:
        self._longest = longest
        self._heard = bytearray()
        self._rest_is_dropped = False

    def feed(self, data: bytes) -> None:
        """Take what the line brought."""
        self._heard += data

    def __len__(self) -> int:
        """How many bytes it holds."""
        return len(self._heard)

    def clear(self) -> None:
        """Forget a half line: after a silence nothing can complete it."""
        self._heard.clear()
        self._rest_is_dropped = False

    def take(self) -> bytes | None:
        """Give the next line; None when more bytes are needed.

        Raises BadFrame once for a line that is too long; it is then dropped up to its end.
        """
        length = self._heard.find(b"\n") + 1
        if self._rest_is_dropped:
            del self._heard[: length or len(self._heard)]
            if not length:
                return None
            self._rest_is_dropped = False
            length = self._heard.find(b"\n") + 1
        line = bytes(self._heard[: length or self._longest + 1])
        if len(line) > self._longest:
            self._rest_is_dropped = not length
            del self._heard[: length or len(self._heard)]
            raise BadFrame(f"more than {self._longest} bytes without a line end: {shown(line)}")
        if not length:
            return None
        del self._heard[:length]
        return line


def shown(data: bytes) -> str:
    """Bytes as a person can read them in a message: hex, cut when long."""
    text = data[:_SHOWN_BYTES].hex(" ") or "nothing"
    return text if len(data) <= _SHOWN_BYTES else f"{text} ... ({len(data)} bytes)"


def _crc16_of_byte(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (_MODBUS_POLYNOMIAL if byte & 1 else 0)
    return byte


_CRC16_OF = tuple(_crc16_of_byte(byte) for byte in range(256))
