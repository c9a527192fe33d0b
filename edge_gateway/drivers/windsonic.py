"""Gill WindSonic wind speed and direction, ASCII polar continuous (manual 1405-PS-0019)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import ByteStream, SerialConfig, TalkingDriver, Waiter
from edge_gateway.links.errors import BadFrame, DeviceSilent, LinkGone
from edge_gateway.links.frames import Deframer, shown, xor_checksum
from edge_gateway.reading import Flag, Flagged, Measured, Quantity

STX, ETX = b"\x02", b"\x03"
CHECKSUM_DIGITS = 2
SILENT_AFTER_S = 3.0  # the factory rhythm is 1 Hz: three frames missed
LONGEST_FRAME = 64
LONGEST_GAP = 2048  # the power-up banner is some ten lines without STX
HIGHEST_SPEED_M_S = 60.0  # specified range 0-60 m/s
HIGHEST_DIRECTION_DEG = 359.0

M_S_PER_UNIT: Mapping[str, float] = {
    "M": 1.0,
    "N": 1852 / 3600,  # knots
    "P": 0.44704,  # miles an hour
    "K": 1 / 3.6,  # kilometres an hour
    "F": 0.00508,  # feet a minute
}

# What a status that is not good makes of the values beside it.
GOOD_STATUS = frozenset({"00", "51"})  # 51: averaging not complete, valid
STATUS: Mapping[str, tuple[Flag, str]] = {
    "01": (Flag.FAIL, "status 01: U axis failed"),
    "02": (Flag.FAIL, "status 02: V axis failed"),
    "04": (Flag.FAIL, "status 04: both axes failed"),
    "08": (Flag.FAIL, "status 08: settings memory failed"),
    "09": (Flag.FAIL, "status 09: program memory failed"),
    "10": (Flag.SUSPECT, "status 10: gain at its maximum"),
}
CALM = "calm: the device gives no direction"

_FRAME = re.compile(rb"\x02([^\x02\x03]*)\x03([0-9A-F]{2})(?:\r\n)?")
_POLAR = re.compile(
    r"[A-Z],(?P<direction>\d{1,3})?,(?P<speed>\d{1,5}(?:\.\d{1,3})?)?"
    r",(?P<unit>[MNPKF]),(?P<status>\d\d),",
    re.ASCII,
)


class WindSonicConfig(SerialConfig):
    """A WindSonic set to continuous polar output (mode M2), any unit, up to 4 Hz."""

    baud: Annotated[int, Field(ge=2400, le=38400, description="bits per second")] = 9600
    rate_hz: Annotated[
        float, Field(gt=0, le=4, description="frames a second it is set to; gusts need 4")
    ] = 4.0

    @property
    def samples_per_s(self) -> float:
        """Its own rate; `period_s` is for devices that are asked."""
        return self.rate_hz


def decode(frame: bytes) -> Measured:
    """Turn one frame, STX to checksum, into m/s and degrees the wind comes from.

    Raises BadFrame on a wrong checksum or another format. A value the device leaves out is
    MISSING with the reason; a status that is not good flags the values beside it.
    """
    parts = _FRAME.fullmatch(frame)
    if parts is None:
        raise BadFrame(f"no WindSonic frame: {shown(frame)}")
    body, checksum = parts.groups()
    if int(checksum, 16) != xor_checksum(body):
        raise BadFrame(f"WindSonic frame {body!r} fails its checksum {checksum.decode()}")
    fields = _POLAR.fullmatch(body.decode("latin-1"))
    if fields is None:
        raise BadFrame(f"WindSonic frame {body!r} is not polar: set output mode M2")
    scale, status = M_S_PER_UNIT[fields["unit"]], fields["status"]
    speed = _flagged(fields["speed"], scale, HIGHEST_SPEED_M_S, status, "no speed")
    no_direction = CALM if fields["speed"] else "no direction"
    direction = _flagged(fields["direction"], 1.0, HIGHEST_DIRECTION_DEG, status, no_direction)
    return {Quantity.WIND_SPEED: speed, Quantity.WIND_DIRECTION: direction}


class WindSonic(TalkingDriver[WindSonicConfig, ByteStream]):
    """Listens to the frames a WindSonic sends by itself; it never sends a byte."""

    title: ClassVar[str] = "Gill WindSonic, ASCII polar continuous (manual 1405-PS-0019)"
    config_model: ClassVar[type[DeviceConfig]] = WindSonicConfig
    quantities: ClassVar[tuple[Quantity, ...]] = (Quantity.WIND_SPEED, Quantity.WIND_DIRECTION)

    def __init__(self, config: WindSonicConfig, link: ByteStream, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        self._frames = Deframer(
            start=STX,
            end=ETX,
            trailer=CHECKSUM_DIGITS,
            longest=LONGEST_FRAME,
            longest_gap=LONGEST_GAP,
        )

    def listen(self) -> Iterator[Measured]:
        """Yield each frame; the power-up banner and line ends between frames are passed over."""
        while True:
            frame = self._frames.take()
            if frame is not None:
                yield decode(frame)
                continue
            try:
                heard = self.link.read(LONGEST_FRAME, SILENT_AFTER_S)
            except LinkGone:
                self._frames.clear()
                raise
            if not heard:
                self._frames.clear()
                raise DeviceSilent(f"no byte from the WindSonic in {SILENT_AFTER_S:g} s")
            self._frames.feed(heard)


def _flagged(
    text: str | None, scale: float, highest: float, status: str, missing: str
) -> float | Flagged:
    good = status in GOOD_STATUS
    flag, reason = STATUS.get(status, (Flag.SUSPECT, f"status {status}: not in the manual"))
    if not text:
        return Flagged(math.nan, Flag.MISSING, missing if good else reason)
    value = float(text) * scale
    if not good:
        return Flagged(value, flag, reason)
    if value > highest:
        return Flagged(value, Flag.FAIL, "outside the device's range")
    return value
