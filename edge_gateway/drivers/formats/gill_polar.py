"""The ASCII polar frame of a Gill WindSonic (manual 1405-PS-0019, section 9)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from edge_gateway.links.errors import BadFrame
from edge_gateway.links.frames import shown, xor_checksum
from edge_gateway.reading import Flag, Flagged, Measured, Quantity

STX, ETX = b"\x02", b"\x03"
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
    r"(?P<node>[A-Z]),(?P<direction>\d{1,3})?,(?P<speed>\d{1,5}(?:\.\d{1,3})?)?"
    r",(?P<unit>[MNPKF]),(?P<status>\d\d),",
    re.ASCII,
)


def decode(frame: bytes, node: str | None = None) -> Measured:
    """Turn one frame, STX to checksum, into m/s and degrees the wind comes from.

    Raises BadFrame on a wrong checksum, another format or, where `node` is given, another node.
    A value the device leaves out is MISSING with the reason; a status that is not good flags the
    values beside it.
    """
    parts = _FRAME.fullmatch(frame)
    if parts is None:
        raise BadFrame(f"no WindSonic frame: {shown(frame)}")
    body, checksum = parts.groups()
    if int(checksum, 16) != xor_checksum(body):
        raise BadFrame(f"WindSonic frame {body!r} fails its checksum {checksum.decode()}")
    fields = _POLAR.fullmatch(body.decode("latin-1"))
    if fields is None:
        raise BadFrame(f"WindSonic frame {body!r} is not polar: set output mode M2, or M4 polled")
    if node is not None and fields["node"] != node:
        raise BadFrame(f"WindSonic node {fields['node']} answered where {node} was asked")
    scale, status = M_S_PER_UNIT[fields["unit"]], fields["status"]
    speed = _flagged(fields["speed"], scale, HIGHEST_SPEED_M_S, status, "no speed")
    no_direction = CALM if fields["speed"] else "no direction"
    direction = _flagged(fields["direction"], 1.0, HIGHEST_DIRECTION_DEG, status, no_direction)
    return {Quantity.WIND_SPEED: speed, Quantity.WIND_DIRECTION: direction}


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
