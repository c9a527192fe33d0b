"""NMEA 0183 sentences, and the fields of one of them: MWV, wind speed and angle."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, cast

from edge_gateway.drivers.formats.circle import FULL_CIRCLE_DEG
from edge_gateway.links.errors import BadFrame
from edge_gateway.links.frames import Deframer, shown, xor_checksum

LONGEST_SENTENCE = 82  # from $ to line end
LONGEST_GAP = 1024

M_S_PER_UNIT: Mapping[str, float] = {
    "K": 1 / 3.6,  # kilometres an hour
    "M": 1.0,
    "N": 1852 / 3600,  # knots
    "S": 0.44704,  # statute miles an hour
}

_SENTENCE = re.compile(rb"\$(?P<body>[\x20-\x23\x25-\x29\x2b-\x7e]*)(?:\*(?P<sum>[0-9A-Fa-f]{2}))?")
_WIND = re.compile(r"[A-Z][A-Z0-9]MWV,.*", re.ASCII)
_MWV = re.compile(
    r"[A-Z][A-Z0-9]MWV,(?P<angle>\d{1,3}(?:\.\d{1,4})?)?,(?P<reference>[RT])"
    r",(?P<speed>\d{1,4}(?:\.\d{1,4})?)?,(?P<unit>[KMNS]),(?P<status>[AV])",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Mwv:
    """One MWV as sent; None is an empty field.

    The angle is from the device's own mark (reference R) or from true north (T).
    """

    speed_m_s: float | None
    angle_deg: float | None
    reference: Literal["R", "T"]
    is_valid: bool


def deframer() -> Deframer:
    """What cuts a line into sentences."""
    return Deframer(
        start=b"$", end=b"\n", trailer=0, longest=LONGEST_SENTENCE, longest_gap=LONGEST_GAP
    )


def parse_mwv(sentence: bytes) -> Mwv | None:
    """Read one sentence, $ to checksum; None where it is another than MWV.

    Raises BadFrame on a wrong checksum, an MWV without one, or one that is not as the standard
    says.
    """
    parts = _SENTENCE.fullmatch(sentence.rstrip(b"\r\n"))
    if parts is None:
        raise BadFrame(f"no NMEA sentence: {shown(sentence)}")
    body, checksum = parts["body"], parts["sum"]
    if checksum and int(checksum, 16) != xor_checksum(body):
        raise BadFrame(f"sentence {body!r} fails its checksum {checksum.decode()}")
    text = body.decode("ascii")
    if not _WIND.fullmatch(text):
        return None
    if not checksum:
        raise BadFrame(f"sentence {body!r} has no checksum: what it says cannot be trusted")
    fields = _MWV.fullmatch(text)
    if fields is None or float(fields["angle"] or 0) > FULL_CIRCLE_DEG:
        raise BadFrame(f"sentence {body!r} is not an MWV of the standard")
    speed, angle = fields["speed"], fields["angle"]
    return Mwv(
        float(speed) * M_S_PER_UNIT[fields["unit"]] if speed else None,
        float(angle) if angle else None,
        cast("Literal['R', 'T']", fields["reference"]),
        fields["status"] == "A",
    )


def mwv_in(heard: bytes) -> list[Mwv]:
    """All whole MWV in a talk, with whatever else there is passed over."""
    found: list[Mwv] = []
    for line in heard.split(b"\n"):
        with suppress(BadFrame):
            mwv = parse_mwv(line[max(line.find(b"$"), 0) :])
            found += [] if mwv is None else [mwv]
    return found
