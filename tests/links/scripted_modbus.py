"""A Modbus line that answers as its script says, in its own time."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from edge_gateway.clock import WallTime
from edge_gateway.links.frames import with_modbus_crc
from edge_gateway.links.modbus import ModbusLine
from edge_gateway.reading import Stamp

# devices.md 2.3: registers 2-6 of an SR05 by day, the answer.
DAY = bytes.fromhex("01 03 0a 00 01 3d 52 00 00 00 00 09 e6 1f b4")
DAY_REGISTERS = (0x0001, 0x3D52, 0, 0, 0x09E6)

Script = Callable[[bytes], Iterable[tuple[float, bytes]]]


class Line:
    """A stream and its clock: each request brings parts, each so many seconds later."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.now_s = 100.0
        self.coming: list[tuple[float, bytes]] = []
        self.sent: list[bytes] = []
        self.sent_at_s: list[float] = []
        self.closed = False

    def now(self) -> Stamp:
        return Stamp("boot", round(self.now_s * 1e9))

    def wall(self, stamp: Stamp) -> WallTime | None:
        del stamp

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def write(self, data: bytes) -> None:
        self.sent.append(data)
        self.sent_at_s.append(self.now_s)
        self.coming += [(self.now_s + after_s, part) for after_s, part in self.script(data)]
        self.coming.sort(key=lambda part: part[0])

    def read(self, at_most: int, timeout_s: float) -> bytes:
        if not self.coming or self.coming[0][0] > self.now_s + timeout_s:
            self.now_s += timeout_s
            return b""
        due_s, part = self.coming.pop(0)
        self.now_s = max(self.now_s, due_s)
        if part[at_most:]:
            self.coming.insert(0, (due_s, part[at_most:]))
        return part[:at_most]

    def discard_input(self) -> None:
        self.coming = [(due_s, part) for due_s, part in self.coming if due_s > self.now_s]

    def close(self) -> None:
        self.closed = True


def talking(*parts: bytes) -> tuple[ModbusLine, Line]:
    line = Line(lambda _: [(0.01 * at, part) for at, part in enumerate(parts, start=1)])
    return ModbusLine(line, line), line


def read_sr05(*parts: bytes) -> tuple[int, ...]:
    master, _ = talking(*parts)
    return master.read_holding(1, 2, 5)


def exception(code: int, unit: int = 1) -> bytes:
    return with_modbus_crc(bytes((unit, 0x83, code)))
