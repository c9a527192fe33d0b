"""Modbus RTU master for one line: one request at a time, every fault told apart.

Sources: Modbus application protocol V1.1b3 (functions 03 and 04, exception codes, section 7);
Modbus over serial line V1.02 (frame gap of 3.5 characters, section 2.5.1.1).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from threading import Lock

from edge_gateway.clock import Clock
from edge_gateway.links.contract import ByteStream
from edge_gateway.links.errors import BadFrame, DeviceError, DeviceSilent, Misconfigured
from edge_gateway.links.frames import has_modbus_crc, shown, with_modbus_crc

READ_HOLDING = 0x03
READ_INPUT = 0x04
EXCEPTION = 0x80
ANSWER_TIMEOUT_S = 0.5

MOST_REGISTERS = 125
BITS_PER_CHARACTER = 11
LEAST_GAP_S = 0.00175  # above 19200 baud the gap is fixed, section 2.5.1.1

# The longest answer is 255 bytes, and an echo and noise may come before it.
_MOST_HEARD = 600
_EXCEPTION_BYTES = 5
_HEAD_BYTES = 3
_NOISE = b"\x00\xff"

# What a slave says no with, and what that costs: a request that it will never understand is a
# wrong setting or a wrong device; "later" is like no answer; the rest is nonsense for now.
_EXCEPTIONS: dict[int, tuple[str, type[DeviceError]]] = {
    1: ("illegal function", Misconfigured),
    2: ("illegal data address", Misconfigured),
    3: ("illegal data value", Misconfigured),
    4: ("device failure", BadFrame),
    5: ("acknowledge, working on it", DeviceSilent),
    6: ("device busy", DeviceSilent),
    8: ("memory parity error", BadFrame),
    10: ("gateway path unavailable", DeviceSilent),
    11: ("gateway target does not answer", DeviceSilent),
}


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a slave: `count` registers from `first`, by `function`."""

    unit: int
    function: int
    first: int
    count: int

    def __post_init__(self) -> None:
        if not (1 <= self.count <= MOST_REGISTERS and 0 <= self.first <= 0x10000 - self.count):
            raise ValueError(f"no {self.count} registers can be read from {self.first}")

    @property
    def frame(self) -> bytes:
        """The eight bytes that go on the wire."""
        body = struct.pack(">BBHH", self.unit, self.function, self.first, self.count)
        return with_modbus_crc(body)

    @property
    def answer_bytes(self) -> int:
        """Length of the answer that belongs to it."""
        return 5 + 2 * self.count

    @property
    def answer_head(self) -> bytes:
        """The three bytes that answer begins with."""
        return bytes((self.unit, self.function, 2 * self.count))

    def __str__(self) -> str:
        last = self.first + self.count - 1
        return f"slave {self.unit}, registers {self.first}-{last}"


class ModbusLine:
    """Master of the line behind `stream`, shared by its slaves: one exchange at a time.

    A slave gets `timeout_s` and the time the bytes take at `baud`. One that let it pass is not
    asked again before as much time again has gone by: its late answer, which nothing in a Modbus
    frame tells from the answer to a newer question, has then come and is thrown away.
    """

    def __init__(
        self,
        stream: ByteStream,
        clock: Clock,
        *,
        baud: int = 19200,
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._timeout_s = timeout_s
        self._character_s = BITS_PER_CHARACTER / baud
        self._gap_s = max(LEAST_GAP_S, 3.5 * self._character_s)
        self._quiet_from_s = 0.0
        self._late_until_s: dict[int, float] = {}
        self._lock = Lock()

    def read_holding(self, unit: int, first: int, count: int) -> tuple[int, ...]:
        """Read `count` (at most 125) registers from `first` of slave `unit` (function 03).

        Raises DeviceSilent (no answer, busy), BadFrame (checksum, half frame, wrong slave, device
        failure), Misconfigured (it knows no such function or register) or LinkGone.
        """
        return self._exchange(Request(unit, READ_HOLDING, first, count))

    def read_input(self, unit: int, first: int, count: int) -> tuple[int, ...]:
        """The same for input registers (function 04)."""
        return self._exchange(Request(unit, READ_INPUT, first, count))

    def close(self) -> None:
        """Give the line back; a request that waits for its answer ends with LinkGone."""
        self._stream.close()

    def _exchange(self, request: Request) -> tuple[int, ...]:
        with self._lock:
            self._await_turn(request.unit)
            self._stream.discard_input()
            self._stream.write(request.frame)
            heard, answer = self._listen(request)
            self._quiet_from_s = self._seconds()
            if answer is None:
                if request.answer_head not in heard:
                    self._late_until_s[request.unit] = self._seconds() + self._timeout_s
                raise diagnose(heard, request)
        return registers(answer, request)

    def _await_turn(self, unit: int) -> None:
        turn_s = max(self._quiet_from_s + self._gap_s, self._late_until_s.pop(unit, 0.0))
        wait_s = turn_s - self._seconds()
        if wait_s > 0:
            self._clock.sleep(wait_s)

    def _listen(self, request: Request) -> tuple[bytes, bytes | None]:
        on_the_wire_s = (len(request.frame) + request.answer_bytes) * self._character_s
        deadline_s = self._seconds() + self._timeout_s + on_the_wire_s
        heard = b""
        while len(heard) < _MOST_HEARD:
            left_s = deadline_s - self._seconds()
            if left_s <= 0:
                break
            known = len(heard)
            heard += self._stream.read(_MOST_HEARD - known, left_s)
            answer = find_answer(heard, request, known)
            if answer is not None:
                return heard, answer
        return heard, None

    def _seconds(self) -> float:
        return self._clock.now().monotonic_ns / 1e9


def find_answer(heard: bytes, request: Request, known: int = 0) -> bytes | None:
    """The whole answer to `request` in what was heard, whatever stands before it; else None.

    The first `known` bytes were looked through before.
    """
    exception = bytes((request.unit, request.function | EXCEPTION))
    return _whole(heard, request.answer_head, request.answer_bytes, known) or _whole(
        heard, exception, _EXCEPTION_BYTES, known
    )


def registers(answer: bytes, request: Request) -> tuple[int, ...]:
    """The registers of a whole answer; raise what an exception code means."""
    if answer[1] & EXCEPTION:
        name, kind = _EXCEPTIONS.get(answer[2], ("unknown to the standard", BadFrame))
        raise kind(f"{request}: the slave answers exception {answer[2]} ({name})")
    return struct.unpack(f">{request.count}H", answer[3:-2])


def diagnose(heard: bytes, request: Request) -> DeviceError:
    """Say what was wrong with what was heard, when no answer was in it."""
    rest = heard.replace(request.frame, b"", 1)
    if not rest.strip(_NOISE):
        also = " (only its own echo or noise was heard)" if heard else ""
        return DeviceSilent(f"{request}: no answer{also}")
    other = _other_unit(rest, request)
    if other is not None:
        return BadFrame(f"{request}: slave {other} answered instead")
    at = rest.find(bytes((request.unit, request.function)))
    if at < 0:
        return BadFrame(f"{request}: only noise came: {shown(rest)}")
    got = rest[at : at + request.answer_bytes]
    if len(got) >= _HEAD_BYTES and not got.startswith(request.answer_head):
        return BadFrame(f"{request}: the answer is of another length: {shown(got)}")
    if len(got) < request.answer_bytes:
        return BadFrame(
            f"{request}: the answer ends after {len(got)} of {request.answer_bytes} bytes"
        )
    return BadFrame(f"{request}: wrong checksum: {shown(got)}")


def _whole(heard: bytes, head: bytes, length: int, known: int) -> bytes | None:
    at = heard.find(head, max(0, known - length + 1))
    while 0 <= at <= len(heard) - length:
        frame = heard[at : at + length]
        if has_modbus_crc(frame):
            return frame
        at = heard.find(head, at + 1)
    return None


def _other_unit(heard: bytes, request: Request) -> int | None:
    for at in range(len(heard) - _EXCEPTION_BYTES + 1):
        unit, function = heard[at], heard[at + 1]
        length = {
            request.function: 5 + heard[at + 2],
            request.function | EXCEPTION: _EXCEPTION_BYTES,
        }.get(function)
        frame = heard[at : at + (length or 0)]
        if length == len(frame) and unit != request.unit and has_modbus_crc(frame):
            return unit
    return None
