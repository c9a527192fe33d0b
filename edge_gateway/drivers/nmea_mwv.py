"""Any anemometer that talks NMEA 0183 MWV, wind speed and angle (NMEA 0183 sentence MWV)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import Listening, SerialConfig, Sighting, TalkingDriver, Waiter
from edge_gateway.drivers.formats import nmea
from edge_gateway.drivers.formats.circle import folded
from edge_gateway.drivers.formats.flags import missing
from edge_gateway.drivers.formats.framed_line import FramedLine
from edge_gateway.links.contract import ByteStream
from edge_gateway.links.errors import DeviceSilent
from edge_gateway.reading import Measured, Quantity

SILENT_AFTER_S = 5.0
RATES_HZ = (1.0, 2.0, 4.0, 5.0, 10.0, 20.0, 0.5)
SENTENCES_WITHOUT_WIND = 200  # a compass and a position may talk ten times as often
NOT_VALID = "status V: the device calls its values not valid"

Reference = Literal["R", "T", "both"]


class NmeaMwvConfig(SerialConfig):
    """An anemometer that sends MWV by itself, whoever made it."""

    baud: Annotated[int, Field(ge=300, le=921600, description="bits per second; often 9600")] = 4800
    rate_hz: Annotated[
        float, Field(gt=0, le=20, description="MWV sentences a second; gusts need 4")
    ] = 1.0
    reference: Annotated[
        Reference,
        Field(
            description="which sentences count: R, relative to the device's own mark; T, true by"
            " its compass; a device that sends both is best read by R"
        ),
    ] = "both"
    mounting_offset_deg: Annotated[
        float,
        Field(ge=-360, le=360, description="R only: where its mark points, degrees from north"),
    ] = 0.0

    @property
    def samples_per_s(self) -> float:
        """Its own rate; `period_s` is for devices that are asked."""
        return self.rate_hz


def decode(
    sentence: bytes, mounting_offset_deg: float = 0.0, reference: Reference = "both"
) -> Measured:
    """Turn one sentence, $ to checksum, into m/s and degrees from north the wind comes from.

    A sentence that is no MWV of the wanted reference gives nothing. Raises BadFrame on a wrong
    checksum, an MWV without one, or one that is not as the standard says. Status V makes both
    values MISSING, an empty field its own.
    """
    mwv = nmea.parse_mwv(sentence)
    if mwv is None or reference not in {"both", mwv.reference}:
        return {}
    if not mwv.is_valid:
        return dict.fromkeys(NmeaMwv.quantities, missing(NOT_VALID))
    speed, angle = mwv.speed_m_s, mwv.angle_deg
    mark_deg = mounting_offset_deg if mwv.reference == "R" else 0.0
    return {
        Quantity.WIND_SPEED: missing("no speed") if speed is None else speed,
        Quantity.WIND_DIRECTION: missing("no angle") if angle is None else folded(angle + mark_deg),
    }


class NmeaMwv(TalkingDriver[NmeaMwvConfig, ByteStream]):
    """Listens; sentences other than MWV are passed over, and nothing is ever sent."""

    title: ClassVar[str] = "Any anemometer with NMEA 0183 MWV: WindSonic, WXT, Airmar, Calypso, LCJ"
    config_model: ClassVar[type[DeviceConfig]] = NmeaMwvConfig
    quantities: ClassVar[tuple[Quantity, ...]] = (Quantity.WIND_SPEED, Quantity.WIND_DIRECTION)
    bauds: ClassVar[tuple[int, ...]] = (4800, 9600, 38400, 19200)

    def __init__(self, config: NmeaMwvConfig, link: ByteStream, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        self._line = FramedLine(link, nmea.deframer(), self._decoded, name="anemometer")
        self._passed_over = 0

    def listen(self) -> Iterator[Measured]:
        """Yield each MWV; DeviceSilent also when the device talks on and leaves the wind out."""
        return self._line.heard(SILENT_AFTER_S)

    def _decoded(self, sentence: bytes) -> Measured:
        measured = decode(sentence, self.config.mounting_offset_deg, self.config.reference)
        self._passed_over = 0 if measured else self._passed_over + 1
        if self._passed_over < SENTENCES_WITHOUT_WIND:
            return measured
        self._passed_over = 0
        raise DeviceSilent(
            f"{SENTENCES_WITHOUT_WIND} sentences and no MWV among them: switch it on in the device,"
            " or see `reference`"
        )

    @classmethod
    def recognise_line(cls, listening: Listening) -> Sighting | None:
        """By MWV sentences with the right checksum, R rather than T; their number is the rate."""
        heard = [mwv.reference for mwv in nmea.mwv_in(listening.heard)]
        if not heard or listening.question:
            return None
        reference = "R" if "R" in heard else "T"
        rate_hz = listening.rate_hz(heard.count(reference), RATES_HZ)
        mark = "where its mark points, and mounting_offset_deg" if reference == "R" else ""
        return Sighting({"rate_hz": rate_hz, "reference": reference}, check=mark)
