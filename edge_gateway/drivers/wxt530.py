"""Vaisala WXT530 series weather transmitters, ASCII (user guide M211840EN)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import Listening, SerialConfig, Sighting, TalkingDriver, Waiter
from edge_gateway.drivers.formats import vaisala_ascii as vaisala
from edge_gateway.drivers.formats.flags import missing
from edge_gateway.drivers.formats.framed_line import FramedLine
from edge_gateway.links.contract import ByteStream
from edge_gateway.links.frames import Lines
from edge_gateway.reading import Measured, Quantity

ANSWER_TIMEOUT_S = 2.0
INTERVALS_MISSED = 3
# Below this no direction is calculated, and the last one stays (section 3.1).
CALM_BELOW_M_S = 0.05
CALM = "calm: the device repeats its last direction"


class Wxt530Config(SerialConfig):
    """A WXT532 to WXT536.

    Mode `automatic` (its protocol A or a) sends each message at an interval of its own: set those
    of wind and PTU to `interval_s` (0WU,I= and 0TU,I=). Mode `polled` (P or p) asks for the
    composite message: let it hold Dm, Sm, Ta, Ua, Pa, Rc, Ri, Hc, Vh and Vs (0WU,R= 0TU,R= 0RU,R=
    0SU,R=, the second half of the bits). Let the rain counter run on (0RU,Z=M).
    """

    baud: Annotated[int, Field(ge=1200, le=115200, description="bits per second")] = 19200
    mode: Annotated[
        Literal["automatic", "polled"],
        Field(description="automatic: it talks by itself; polled: asked every period_s"),
    ] = "automatic"
    interval_s: Annotated[
        float, Field(ge=1, le=3600, description="seconds between two messages when automatic")
    ] = 5.0
    address: Annotated[str, Field(pattern="^[0-9A-Za-z]$", description="its address")] = "0"
    crc: Annotated[
        bool,
        Field(
            description="true for protocols a and p: each message must carry its checksum;"
            " without them a flipped bit may pass for a value"
        ),
    ] = False

    @property
    def samples_per_s(self) -> float:
        """Its own rate when automatic; `period_s` is for one that is asked."""
        return 1 / (self.interval_s if self.mode == "automatic" else self.period_s)


def decode(line: bytes, address: str = "0", *, crc: bool = False) -> Measured:
    """Turn one message into m/s, degrees, degC, %RH, Pa, mm, mm/h, hits and V; any subset of them.

    A value whose unit letter is `#` is MISSING, one outside the specified range FAIL. Extremes,
    durations and the device's inner state are read and not published: a message of them alone
    gives nothing, as does an echo of the request. Raises BadFrame on a wrong checksum, a missing
    one where `crc` demands it, another address, a message of error or anything else, and
    DeviceReset where the device says that it started anew.
    """
    measured = vaisala.values(line, address, crc=crc)
    speed, direction = measured.get(Quantity.WIND_SPEED), measured.get(Quantity.WIND_DIRECTION)
    if isinstance(direction, float):
        measured[Quantity.WIND_DIRECTION] = direction % 360.0
        if isinstance(speed, float) and speed < CALM_BELOW_M_S:
            measured[Quantity.WIND_DIRECTION] = missing(CALM)
    return measured


class Wxt530(TalkingDriver[Wxt530Config, ByteStream]):
    """Listens to a WXT530, or asks it for its composite message."""

    title: ClassVar[str] = "Vaisala WXT532 to WXT536, ASCII automatic and polled (M211840EN)"
    config_model: ClassVar[type[DeviceConfig]] = Wxt530Config
    quantities: ClassVar[tuple[Quantity, ...]] = vaisala.QUANTITIES
    bauds: ClassVar[tuple[int, ...]] = (19200, 9600, 4800)
    talk_interval_s: ClassVar[float] = 5.0
    questions: ClassVar[tuple[bytes, ...]] = (b"0R0\r\n", b"0r0Kld\r\n")

    def __init__(self, config: Wxt530Config, link: ByteStream, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        self._line = FramedLine(
            link,
            Lines(longest=vaisala.LONGEST_MESSAGE),
            partial(decode, address=config.address, crc=config.crc),
            name="WXT",
        )

    def listen(self) -> Iterator[Measured]:
        """Yield each message that holds values; after DeviceReset the first one is dropped."""
        config = self.config
        if config.mode == "automatic":
            return self._line.heard(INTERVALS_MISSED * config.interval_s)
        question = vaisala.request(config.address, crc=config.crc)
        return self._line.asked(question, config.period_s, ANSWER_TIMEOUT_S)

    @classmethod
    def recognise_line(cls, listening: Listening) -> Sighting | None:
        """By a message with values in it."""
        found = vaisala.address_in(listening.heard)
        if found is None:
            return None
        mode = "polled" if listening.question else "automatic"
        check = "" if listening.question else "interval_s, as set in it by 0WU,I= and 0TU,I="
        return Sighting({**found, "mode": mode}, check=check)
