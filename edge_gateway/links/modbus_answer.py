"""Modbus RTU requests, the answers that belong to them, and what else may come instead.

Source: Modbus application protocol V1.1b3 (functions 03 and 04, exception codes, section 7).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from edge_gateway.links.errors import BadFrame, DeviceError, DeviceSilent, Misconfigured
from edge_gateway.links.frames import has_modbus_crc, shown, with_modbus_crc

READ_HOLDING = 0x03
READ_INPUT = 0x04
EXCEPTION = 0x80
MOST_REGISTERS = 125

_EXCEPTION_BYTES = 5
_HEAD_BYTES = 3
_NOISE = b"\x00\xff"
_TEXT_LETTERS = 5  # with fewer different ones, noise may look like text by chance

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

    @property
    def exception_head(self) -> bytes:
        """The two bytes a refusal of it begins with."""
        return bytes((self.unit, self.function | EXCEPTION))

    def __str__(self) -> str:
        last = self.first + self.count - 1
        return f"slave {self.unit}, registers {self.first}-{last}"


def find_answer(heard: bytes, request: Request, known: int = 0) -> bytes | None:
    """The whole answer to `request` in what was heard, whatever stands before it; else None.

    The first `known` bytes were looked through before.
    """
    return _whole(heard, request.answer_head, request.answer_bytes, known) or _whole(
        heard, request.exception_head, _EXCEPTION_BYTES, known
    )


def registers(answer: bytes, request: Request) -> tuple[int, ...]:
    """The registers of a whole answer; raise what an exception code means."""
    if answer[1] & EXCEPTION:
        name, kind = _EXCEPTIONS.get(answer[2], ("unknown to the standard", BadFrame))
        raise kind(f"{request}: the slave answers exception {answer[2]} ({name})")
    return struct.unpack(f">{request.count}H", answer[3:-2])


def answers_begun(heard: bytes, request: Request) -> int:
    """How many answers to `request` have begun in what was heard, whole or not."""
    rest = _without_echo(heard, request)
    return rest.count(request.answer_head) + rest.count(request.exception_head)


def diagnose(heard: bytes, request: Request) -> DeviceError:
    """Say what was wrong with what was heard, when no answer was in it."""
    rest = _without_echo(heard, request)
    if not rest.strip(_NOISE):
        also = " (only its own echo or noise was heard)" if heard else ""
        return DeviceSilent(f"{request}: no answer{also}")
    wrong = whole_but_wrong(heard, request)
    if wrong is not None:
        return wrong
    got = _from_its_head(rest, request)
    if len(got) >= _HEAD_BYTES and not got.startswith(request.answer_head):
        return BadFrame(f"{request}: the answer is of another length: {shown(got)}")
    if got:
        return BadFrame(
            f"{request}: the answer ends after {len(got)} of {request.answer_bytes} bytes"
        )
    text = rest.strip(_NOISE).decode("latin-1").strip()
    if len(set(text)) >= _TEXT_LETTERS and text.isascii() and "".join(text.split()).isprintable():
        return BadFrame(f"{request}: text came, not Modbus: {text[:40]!r}; set the slave to Modbus")
    return BadFrame(f"{request}: only noise came: {shown(rest)}")


def whole_but_wrong(heard: bytes, request: Request) -> BadFrame | None:
    """What is wrong with an answer that came to its end; None while it may still be coming."""
    rest = _without_echo(heard, request)
    other = _other_unit(rest, request)
    if other is not None:
        return BadFrame(f"{request}: slave {other} answered instead")
    got = _from_its_head(rest, request)
    if got.startswith(request.answer_head):
        if len(got) == request.answer_bytes:
            return BadFrame(f"{request}: wrong checksum: {shown(got)}")
    elif len(got) >= _HEAD_BYTES and has_modbus_crc(got[: 5 + got[2]]):
        return BadFrame(f"{request}: the answer is of another length: {shown(got)}")
    refusal_at = rest.find(request.exception_head)
    refusal = rest[refusal_at : refusal_at + _EXCEPTION_BYTES] if refusal_at >= 0 else b""
    if not got and len(refusal) == _EXCEPTION_BYTES:
        return BadFrame(f"{request}: wrong checksum of a refusal: {shown(refusal)}")
    return None


def _without_echo(heard: bytes, request: Request) -> bytes:
    return heard.replace(request.frame, b"")


def _from_its_head(rest: bytes, request: Request) -> bytes:
    """From the head of the answer on, at most as long as it should be; empty without a head."""
    at = rest.find(request.answer_head)
    if at < 0:
        at = rest.find(request.answer_head[:2])
    return rest[at : at + request.answer_bytes] if at >= 0 else b""


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
