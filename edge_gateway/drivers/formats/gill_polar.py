"""The ASCII polar frame of a Gill WindSonic, and its banner (manual 1405-PS-0019, section 9)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from edge_gateway.links.errors import BadFrame
from edge_gateway.links.frames import Deframer, shown, xor_checksum
from edge_gateway.reading import Flag

STX, ETX = b"\x02", b"\x03"
CHECKSUM_AND_LINE_END = 4
LONGEST_FRAME = 64
LONGEST_GAP = 2048  # the power-up banner is some ten lines without STX
RESETS = {
    b"WINDSONIC": "the WindSonic was powered up anew: its banner came",
    b"*FAIL*": "the WindSonic lost its settings and runs on factory defaults: set it up again",
}

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

_FRAME = re.compile(rb"\x02([^\x02\x03]*)\x03([0-9A-F]{2})(?:\r\n)?")
_POLAR = re.compile(
    r"(?P<node>[A-Z]),(?P<direction>\d{1,3})?,(?P<speed>\d{1,5}(?:\.\d{1,3})?)?"
    r",(?P<unit>[MNPKF]),(?P<status>\d\d),",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Polar:
    """What one frame says, whatever it is worth; None is a field that the device left empty."""

    node: str
    direction_deg: float | None
    speed_m_s: float | None
    status: str

    @property
    def fault(self) -> tuple[Flag, str] | None:
        """What its status makes of the values and why; None where it is good."""
        if self.status in GOOD_STATUS:
            return None
        new = (Flag.SUSPECT, f"status {self.status}: not in the manual")
        return STATUS.get(self.status, new)


def deframer() -> Deframer:
    """What cuts its bytes into frames, and knows its banner."""
    return Deframer(
        start=STX,
        end=ETX,
        trailer=CHECKSUM_AND_LINE_END,
        longest=LONGEST_FRAME,
        longest_gap=LONGEST_GAP,
        resets=RESETS,
    )


def parse(frame: bytes) -> Polar:
    """Read one frame, STX to checksum; BadFrame on a wrong checksum or another format."""
    parts = _FRAME.fullmatch(frame)
    if parts is None:
        raise BadFrame(f"no WindSonic frame: {shown(frame)}")
    body, checksum = parts.groups()
    if int(checksum, 16) != xor_checksum(body):
        raise BadFrame(f"WindSonic frame {body!r} fails its checksum {checksum.decode()}")
    fields = _POLAR.fullmatch(body.decode("latin-1"))
    if fields is None:
        raise BadFrame(f"WindSonic frame {body!r} is not polar: set output mode M2, or M4 polled")
    direction, speed = fields["direction"], fields["speed"]
    return Polar(
        fields["node"],
        float(direction) if direction else None,
        float(speed) * M_S_PER_UNIT[fields["unit"]] if speed else None,
        fields["status"],
    )


def frames_in(heard: bytes) -> list[Polar]:
    """All whole frames in a talk, with whatever else there is passed over."""
    frames: list[Polar] = []
    for part in heard.split(STX)[1:]:
        with suppress(BadFrame):
            frames.append(parse(STX + part))
    return frames
