"""Any anemometer that talks NMEA 0183 MWV, wind speed and angle (NMEA 0183 sentence MWV)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import ByteStream, SerialConfig, TalkingDriver, Waiter
from edge_gateway.links.errors import BadFrame, DeviceSilent, LinkGone
from edge_gateway.links.frames import Deframer, shown, xor_checksum
from edge_gateway.reading import Flag, Flagged, Measured, Quantity

LONGEST_SENTENCE = 82  # NMEA 0183: from $ to line end
LONGEST_GAP = 1024
SILENT_AFTER_S = 5.0
SENTENCES_WITHOUT_WIND = 200  # a compass and a position may talk ten times as often

M_S_PER_UNIT: Mapping[str, float] = {
    "K": 1 / 3.6,  # kilometres an hour
    "M": 1.0,
    "N": 1852 / 3600,  # knots
    "S": 0.44704,  # statute miles an hour
}
FULL_CIRCLE_DEG = 360.0
NOT_VALID = "status V: the device calls its values not valid"

_SENTENCE = re.compile(rb"\$(?P<body>[\x20-\x23\x25-\x29\x2b-\x7e]*)(?:\*(?P<sum>[0-9A-Fa-f]{2}))?")
_WIND = re.compile(r"[A-Z][A-Z0-9]MWV,.*", re.ASCII)
_MWV = re.compile(
    r"[A-Z][A-Z0-9]MWV,(?P<angle>\d{1,3}(?:\.\d{1,4})?)?,(?P<reference>[RT])"
    r",(?P<speed>\d{1,4}(?:\.\d{1,4})?)?,(?P<unit>[KMNS]),(?P<status>[AV])",
    re.ASCII,
)


class NmeaMwvConfig(SerialConfig):
    """An anemometer that sends MWV by itself, whoever made it."""

    baud: Annotated[
        int, Field(ge=300, le=921600, description="bits per second; many devices use 9600 or 38400")
    ] = 4800
    rate_hz: Annotated[
        float, Field(gt=0, le=20, description="MWV sentences a second; gusts need 4")
    ] = 1.0
    reference: Annotated[
        Literal["R", "T", "both"],
        Field(
            description="which sentences count: R, relative to the device's own mark; T, true by"
            " its compass; a device that sends both is best read by R"
        ),
    ] = "both"
    mounting_offset_deg: Annotated[
        float,
        Field(
            ge=-360,
            le=360,
            description="where the device's mark points, degrees clockwise from north; R only",
        ),
    ] = 0.0

    @property
    def samples_per_s(self) -> float:
        """Its own rate; `period_s` is for devices that are asked."""
        return self.rate_hz


def decode(
    sentence: bytes,
    mounting_offset_deg: float = 0.0,
    reference: Literal["R", "T", "both"] = "both",
) -> Measured:
    """Turn one sentence, $ to checksum, into m/s and degrees from north the wind comes from.

    A sentence that is no MWV of the wanted reference gives nothing. Raises BadFrame on a wrong
    checksum, an MWV without one, or one that is not as the standard says. Status V makes both
    values MISSING, an empty field its own.
    """
    parts = _SENTENCE.fullmatch(sentence.rstrip(b"\r\n"))
    if parts is None:
        raise BadFrame(f"no NMEA sentence: {shown(sentence)}")
    body, checksum = parts["body"], parts["sum"]
    if checksum and int(checksum, 16) != xor_checksum(body):
        raise BadFrame(f"sentence {body!r} fails its checksum {checksum.decode()}")
    text = body.decode("ascii")
    if not _WIND.fullmatch(text):
        return {}
    if not checksum:
        raise BadFrame(f"sentence {body!r} has no checksum: what it says cannot be trusted")
    fields = _MWV.fullmatch(text)
    if fields is None or float(fields["angle"] or 0) > FULL_CIRCLE_DEG:
        raise BadFrame(f"sentence {body!r} is not an MWV of the standard")
    if reference not in {"both", fields["reference"]}:
        return {}
    offset_deg = mounting_offset_deg if fields["reference"] == "R" else 0.0
    return _values(fields, offset_deg)


class NmeaMwv(TalkingDriver[NmeaMwvConfig, ByteStream]):
    """Listens; sentences other than MWV are passed over, and nothing is ever sent."""

    title: ClassVar[str] = "Any anemometer with NMEA 0183 MWV: WindSonic, WXT, Airmar, Calypso, LCJ"
    config_model: ClassVar[type[DeviceConfig]] = NmeaMwvConfig
    quantities: ClassVar[tuple[Quantity, ...]] = (Quantity.WIND_SPEED, Quantity.WIND_DIRECTION)

    def __init__(self, config: NmeaMwvConfig, link: ByteStream, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        self._sentences = Deframer(
            start=b"$", end=b"\n", trailer=0, longest=LONGEST_SENTENCE, longest_gap=LONGEST_GAP
        )
        self._passed_over = 0

    def listen(self) -> Iterator[Measured]:
        """Yield each MWV; DeviceSilent also when the device talks on and leaves the wind out."""
        while True:
            measured = decode(
                self._sentence(), self.config.mounting_offset_deg, self.config.reference
            )
            self._passed_over = 0 if measured else self._passed_over + 1
            if measured:
                yield measured
            elif self._passed_over >= SENTENCES_WITHOUT_WIND:
                self._passed_over = 0
                raise DeviceSilent(
                    f"{SENTENCES_WITHOUT_WIND} sentences and no MWV among them: switch it on in"
                    " the device, or see `reference`"
                )

    def _sentence(self) -> bytes:
        while True:
            sentence = self._sentences.take()
            if sentence is not None:
                return sentence
            try:
                heard = self.link.read(LONGEST_SENTENCE, SILENT_AFTER_S)
            except LinkGone:
                self._sentences.clear()
                raise
            if not heard:
                self._sentences.clear()
                raise DeviceSilent(f"no byte from the anemometer in {SILENT_AFTER_S:g} s")
            self._sentences.feed(heard)


def _values(fields: re.Match[str], offset_deg: float) -> Measured:
    speed: float | Flagged
    direction: float | Flagged
    if fields["status"] == "V":
        speed = direction = Flagged(math.nan, Flag.MISSING, NOT_VALID)
    else:
        speed, direction = _missing("no speed"), _missing("no angle")
        if fields["speed"]:
            speed = float(fields["speed"]) * M_S_PER_UNIT[fields["unit"]]
        if fields["angle"]:
            # Twice: a hair below 0 becomes 360 the first time.
            turned = float(fields["angle"]) + offset_deg
            direction = turned % FULL_CIRCLE_DEG % FULL_CIRCLE_DEG
    return {Quantity.WIND_SPEED: speed, Quantity.WIND_DIRECTION: direction}


def _missing(reason: str) -> Flagged:
    return Flagged(math.nan, Flag.MISSING, reason)
