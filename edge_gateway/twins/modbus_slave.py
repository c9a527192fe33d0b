"""Modbus RTU slaves at the far end of a line: what all of them have in common, faults included."""

from __future__ import annotations

import struct
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from random import Random
from typing import ClassVar

from edge_gateway.links.frames import has_modbus_crc, with_modbus_crc
from edge_gateway.twins.faults import cut, flipped, line_noise
from edge_gateway.twins.pty_line import LineTwin, PtyLine

READ_HOLDING, READ_INPUT = 0x03, 0x04
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
MOST_REGISTERS = 125
REQUEST_BYTES = 8
SHORTEST_REQUEST_BYTES = 4

FRAME_GAP_S = 0.002  # 3.5 characters at 19200 baud
LONGEST_BABBLE = 40


class ModbusTwin(LineTwin):
    """A slave that answers functions 03 and 04 as its `registers` say.

    It keeps silent for other addresses and wrong checksums. `late` answers after `late_s`,
    `babble` puts bytes that mean nothing in the place of an answer.
    """

    FAULTS: ClassVar[Sequence[str]] = (
        "crc",
        "silent",
        "half_frame",
        "split_frame",
        "joined_frames",
        "noise",
        "babble",
        "echo",
        "wrong_slave",
        "late",
        "exception_2",
        "exception_4",
        "exception_6",
    )

    def __init__(
        self,
        line: PtyLine,
        *,
        unit: int = 1,
        late_s: float = 0.7,
        chance: Random | None = None,
    ) -> None:
        super().__init__(line, chance)
        self.unit = unit
        self._late_s = late_s

    @abstractmethod
    def registers(self, function: int) -> Mapping[int, int]:
        """All registers this function reads, at this moment; none when it does not know it."""

    def run(self) -> None:
        """Answer until stopped."""
        while not self.stopped.is_set():
            for part in self.hear(read_request(self.line)):
                self.line.write(part)

    def hear(self, request: bytes) -> Iterator[bytes]:
        """What goes on the wire after a request, with the faults that were ordered."""
        if len(request) < SHORTEST_REQUEST_BYTES or request[0] != self.unit:
            return
        if has_modbus_crc(request):
            yield from self._talk(request)

    def answer(self, request: bytes) -> bytes:
        """The answer to a whole request for this slave, checksum included."""
        unit, function = request[0], request[1]
        known = self.registers(function) if function in {READ_HOLDING, READ_INPUT} else None
        if not known or len(request) != REQUEST_BYTES:
            return _exception(unit, function, ILLEGAL_FUNCTION)
        first, count = struct.unpack(">HH", request[2:6])
        if not 1 <= count <= MOST_REGISTERS:
            return _exception(unit, function, ILLEGAL_VALUE)
        wanted = range(first, first + count)
        if any(register not in known for register in wanted):
            return _exception(unit, function, ILLEGAL_ADDRESS)
        values = struct.pack(f">{count}H", *(known[register] for register in wanted))
        return with_modbus_crc(bytes((unit, function, len(values))) + values)

    def _talk(self, request: bytes) -> Iterator[bytes]:
        take, chance = self.faults.take, self.faults.chance
        answer = self._answer_or_exception(request)
        if take("echo"):
            yield request
        if take("silent") or (take("late") and self.stopped.wait(self._late_s)):
            return
        if take("noise"):
            yield line_noise(chance)
        if take("babble"):
            yield chance.randbytes(chance.randrange(1, LONGEST_BABBLE))
        elif take("crc"):
            yield flipped(answer, chance)
        elif take("half_frame"):
            yield cut(answer, chance)
        elif take("wrong_slave"):
            yield with_modbus_crc(bytes((self.unit + 1,)) + answer[1:-2])
        elif take("split_frame"):
            yield from (answer[at : at + 1] for at in range(len(answer)))
        elif take("joined_frames"):
            yield answer + answer
        else:
            yield answer

    def _answer_or_exception(self, request: bytes) -> bytes:
        for code in (2, 4, 6):
            if self.faults.take(f"exception_{code}"):
                return _exception(request[0], request[1], code)
        return self.answer(request)


class SharedLine(LineTwin):
    """Several slaves on one line; each hears every request and keeps its own faults and pace."""

    FAULTS: ClassVar[Sequence[str]] = ()

    def __init__(self, line: PtyLine, slaves: Sequence[ModbusTwin]) -> None:
        super().__init__(line)
        self._slaves = slaves

    def run(self) -> None:
        """Answer until stopped."""
        with ExitStack() as threads:
            mouths = [threads.enter_context(ThreadPoolExecutor(1)) for _ in self._slaves]
            while not self.stopped.is_set():
                request = read_request(self.line)
                for slave, mouth in zip(self._slaves, mouths, strict=True):
                    mouth.submit(self._say, slave, request)
            for slave in self._slaves:
                slave.stopped.set()

    def _say(self, slave: ModbusTwin, request: bytes) -> None:
        for part in slave.hear(request):
            self.line.write(part)


def read_request(line: PtyLine) -> bytes:
    """Bytes up to a silence of 3.5 characters; empty now and then, to let a stop be seen."""
    heard = line.read(0.5)
    while heard and (more := line.read(FRAME_GAP_S)):
        heard += more
    return heard


def _exception(unit: int, function: int, code: int) -> bytes:
    return with_modbus_crc(bytes((unit, (function | 0x80) & 0xFF, code)))
