"""Gill WindSonic wind speed and direction, ASCII polar (manual 1405-PS-0019)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import Listening, SerialConfig, Sighting, TalkingDriver, Waiter
from edge_gateway.drivers.formats.flags import known, missing
from edge_gateway.drivers.formats.framed_line import FramedLine
from edge_gateway.drivers.formats.gill_polar import deframer, frames_in, parse
from edge_gateway.links.contract import ByteStream
from edge_gateway.links.errors import BadFrame
from edge_gateway.reading import Flagged, Measured, Quantity

SPEED_M_S, DIRECTION_DEG = (0.0, 60.0), (0.0, 359.0)  # specified ranges
# Below this (setting K50) the direction is left empty, or is the last one again (setting O2).
CALM_BELOW_M_S = 0.05
CALM = "calm: the device gives no direction"
SILENT_AFTER_S = 3.0  # the factory rhythm is 1 Hz: three frames missed
RATES_HZ = (4.0, 2.0, 1.0, 0.5, 0.25)  # settings P3, P2, P1, P20, P21


class WindSonicConfig(SerialConfig):
    """A WindSonic set to polar output, any unit: continuous (mode M2) or polled (mode M4)."""

    baud: Annotated[int, Field(ge=2400, le=38400, description="bits per second")] = 9600
    mode: Annotated[
        Literal["continuous", "polled"],
        Field(description="continuous: it talks by itself; polled: asked every period_s"),
    ] = "continuous"
    rate_hz: Annotated[
        float,
        Field(gt=0, le=4, description="frames a second it is set to when continuous; gusts need 4"),
    ] = 4.0
    node: Annotated[
        str,
        Field(pattern="^[A-Z]$", description="its letter, sent to poll it; best not A-F, K, M, N"),
    ] = "Q"

    @property
    def samples_per_s(self) -> float:
        """Its own rate when continuous; `period_s` is for one that is asked."""
        return self.rate_hz if self.mode == "continuous" else 1 / self.period_s


def decode(frame: bytes, node: str | None = None) -> Measured:
    """Turn one frame, STX to checksum, into m/s and degrees the wind comes from.

    Raises BadFrame on a wrong checksum, another format or, where `node` is given, another node.
    A value the device leaves out is MISSING with the reason, as is a direction that it only
    repeats in a calm; a status that is not good flags the values beside it.
    """
    said = parse(frame)
    if node is not None and said.node != node:
        raise BadFrame(f"WindSonic node {said.node} answered where {node} was asked")
    values = {Quantity.WIND_SPEED: said.speed_m_s, Quantity.WIND_DIRECTION: said.direction_deg}
    if said.fault is not None:
        flag, reason = said.fault
        return {
            quantity: missing(reason) if value is None else Flagged(value, flag, reason)
            for quantity, value in values.items()
        }
    speed, direction = said.speed_m_s, said.direction_deg
    is_calm = speed is not None and (direction is None or speed < CALM_BELOW_M_S)
    return {
        Quantity.WIND_SPEED: known(speed, SPEED_M_S, "no speed"),
        Quantity.WIND_DIRECTION: missing(CALM)
        if is_calm
        else known(direction, DIRECTION_DEG, "no direction"),
    }


class WindSonic(TalkingDriver[WindSonicConfig, ByteStream]):
    """Listens to a WindSonic; a polled one gets its letter and never anything else.

    No other byte is ever sent: a stray `*` would put the device into its configuration mode, in
    which it is silent.
    """

    title: ClassVar[str] = "Gill WindSonic, ASCII polar continuous and polled (manual 1405-PS-0019)"
    config_model: ClassVar[type[DeviceConfig]] = WindSonicConfig
    quantities: ClassVar[tuple[Quantity, ...]] = (Quantity.WIND_SPEED, Quantity.WIND_DIRECTION)
    bauds: ClassVar[tuple[int, ...]] = (9600, 19200, 38400, 4800)
    questions: ClassVar[tuple[bytes, ...]] = (b"Q",)

    def __init__(self, config: WindSonicConfig, link: ByteStream, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        node = config.node if config.mode == "polled" else None
        self._line = FramedLine(link, deframer(), partial(decode, node=node), name="WindSonic")

    def listen(self) -> Iterator[Measured]:
        """Yield each frame; DeviceReset at a power-up banner, and the frame after it is dropped."""
        if self.config.mode == "continuous":
            return self._line.heard(SILENT_AFTER_S)
        letter = self.config.node.encode("ascii")
        return self._line.asked(letter, self.config.period_s, SILENT_AFTER_S)

    @classmethod
    def recognise_line(cls, listening: Listening) -> Sighting | None:
        """By frames with the right checksum; how many there are gives the rate."""
        frames = frames_in(listening.heard)
        if not frames or listening.question:
            return Sighting({"mode": "polled", "node": frames[0].node}) if frames else None
        rate_hz = listening.rate_hz(len(frames), RATES_HZ)
        slow = "" if rate_hz == RATES_HZ[0] else "gusts need 4 frames a second, set it to P3"
        return Sighting({"rate_hz": rate_hz}, check=slow)
