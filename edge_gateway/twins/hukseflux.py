"""A Hukseflux SR05 as a Modbus RTU slave at the far end of a line."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import ClassVar

from edge_gateway.drivers.hukseflux import PV_VARIANT_OFFSET
from edge_gateway.links.frames import has_modbus_crc, with_modbus_crc
from edge_gateway.twins.pty_line import LineTwin, PtyLine
from edge_gateway.twins.weather import Seconds, WeatherScene, stopwatch

READ_HOLDING, READ_INPUT = 0x03, 0x04
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
MOST_REGISTERS = 125
REQUEST_BYTES = 8
SHORTEST_REQUEST_BYTES = 4

FRAME_GAP_S = 0.002  # 3.5 characters at 19200 baud
TURN_AROUND_NOISE = b"\x00\xff\x00"
HEATED_BY_SUN_K_PER_W_M2 = 0.004
SERIAL_19200_8E1 = 5
SERIAL_NUMBER = 4711
SENSITIVITY_UV_PER_W_M2 = 11.2


class HuksefluxTwin(LineTwin):
    """Answers functions 03 and 04 on registers 0-11 and 40-42 as the device does.

    It keeps silent for other addresses and wrong checksums. `late` answers after `late_s`.
    """

    FAULTS: ClassVar[Sequence[str]] = (
        "crc",
        "silent",
        "half_frame",
        "split_frame",
        "noise",
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
        scene: WeatherScene,
        *,
        unit: int = 1,
        pv_variant: bool = False,
        late_s: float = 0.7,
        seconds: Seconds | None = None,
    ) -> None:
        super().__init__(line)
        self._scene = scene
        self._unit = unit
        self._offset = PV_VARIANT_OFFSET if pv_variant else 0
        self._late_s = late_s
        self._seconds = seconds or stopwatch()

    def run(self) -> None:
        """Answer until stopped."""
        while not self.stopped.is_set():
            request = self._frame()
            for part in self._talk(request) if self._is_mine(request) else ():
                self.line.write(part)

    def answer(self, request: bytes) -> bytes:
        """The answer to a whole request for this slave, checksum included."""
        unit, function = request[0], request[1]
        if function not in {READ_HOLDING, READ_INPUT} or len(request) != REQUEST_BYTES:
            return _exception(unit, function, ILLEGAL_FUNCTION)
        first, count = struct.unpack(">HH", request[2:6])
        if not 1 <= count <= MOST_REGISTERS:
            return _exception(unit, function, ILLEGAL_VALUE)
        known = self._registers()
        wanted = range(first - self._offset, first - self._offset + count)
        if any(register not in known for register in wanted):
            return _exception(unit, function, ILLEGAL_ADDRESS)
        values = struct.pack(f">{count}H", *(known[register] for register in wanted))
        return with_modbus_crc(bytes((unit, function, len(values))) + values)

    def _frame(self) -> bytes:
        """Bytes up to a silence of 3.5 characters; wakes up now and then to see the stop."""
        heard = self.line.read(0.5)
        while heard and (more := self.line.read(FRAME_GAP_S)):
            heard += more
        return heard

    def _is_mine(self, request: bytes) -> bool:
        if len(request) < SHORTEST_REQUEST_BYTES or request[0] != self._unit:
            return False
        return has_modbus_crc(request)

    def _talk(self, request: bytes) -> Iterator[bytes]:
        take = self.faults.take
        answer = self._answer_or_exception(request)
        if take("echo"):
            yield request
        if take("silent") or (take("late") and self.stopped.wait(self._late_s)):
            return
        if take("noise"):
            yield TURN_AROUND_NOISE
        if take("crc"):
            yield answer[:4] + bytes((answer[4] ^ 0x10,)) + answer[5:]
        elif take("half_frame"):
            yield answer[: len(answer) // 2]
        elif take("wrong_slave"):
            yield with_modbus_crc(bytes((self._unit + 1,)) + answer[1:-2])
        elif take("split_frame"):
            yield from (answer[at : at + 1] for at in range(len(answer)))
        else:
            yield answer

    def _answer_or_exception(self, request: bytes) -> bytes:
        for code in (2, 4, 6):
            if self.faults.take(f"exception_{code}"):
                return _exception(request[0], request[1], code)
        return self.answer(request)

    def _registers(self) -> dict[int, int]:
        """Register table of the manual, at this moment."""
        weather = self._scene.at(self._seconds())
        sun = weather.global_irradiance
        body = weather.air_temperature + HEATED_BY_SUN_K_PER_W_M2 * sun
        irradiance = struct.unpack(">HH", struct.pack(">i", round(sun * 100)))
        voltage = struct.unpack(
            ">HH", struct.pack(">i", round(sun * SENSITIVITY_UV_PER_W_M2 * 1000))
        )
        sensitivity = struct.unpack(">HH", struct.pack(">f", SENSITIVITY_UV_PER_W_M2))
        first = (
            *(self._unit, SERIAL_19200_8E1),
            *irradiance,
            *irradiance,
            round(body * 100) & 0xFFFF,
            *(1000, 100, 100),
            *voltage,
        )
        return dict(enumerate(first)) | dict(enumerate((SERIAL_NUMBER, *sensitivity), start=40))


def _exception(unit: int, function: int, code: int) -> bytes:
    return with_modbus_crc(bytes((unit, (function | 0x80) & 0xFF, code)))
