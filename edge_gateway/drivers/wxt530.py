"""Vaisala WXT530 series weather transmitters, ASCII (user guide M211840EN)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import ByteStream, SerialConfig, TalkingDriver, Waiter
from edge_gateway.drivers.formats.vaisala_ascii import decode, request
from edge_gateway.links.errors import BadFrame, DeviceError, DeviceReset, DeviceSilent, LinkGone
from edge_gateway.links.frames import Lines
from edge_gateway.reading import Measured, Quantity

LONGEST_MESSAGE = 320  # a composite of all its parameters is some 200 characters
ANSWER_TIMEOUT_S = 2.0
INTERVALS_MISSED = 3


class Wxt530Config(SerialConfig):
    """A WXT532 to WXT536. Rain and hail are read and not published.

    Mode `automatic` (its protocol A or a) sends wind and PTU at intervals of their own: set both
    to `interval_s` (0WU,I= and 0TU,I=). Mode `polled` (P or p) asks for the composite message: let
    it hold Dm, Sm, Ta, Ua, Pa and Vs (0WU,R= 0TU,R= 0SU,R=, the second half of the bits).
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


class Wxt530(TalkingDriver[Wxt530Config, ByteStream]):
    """Listens to a WXT530, or asks it for its composite message."""

    title: ClassVar[str] = "Vaisala WXT532 to WXT536, ASCII automatic and polled (M211840EN)"
    config_model: ClassVar[type[DeviceConfig]] = Wxt530Config
    quantities: ClassVar[tuple[Quantity, ...]] = (
        Quantity.WIND_SPEED,
        Quantity.WIND_DIRECTION,
        Quantity.AIR_TEMPERATURE,
        Quantity.RELATIVE_HUMIDITY,
        Quantity.AIR_PRESSURE,
        Quantity.SUPPLY_VOLTAGE,
    )

    def __init__(self, config: Wxt530Config, link: ByteStream, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        self._lines = Lines(longest=LONGEST_MESSAGE)
        self._first_sample_is_to_come = False

    def listen(self) -> Iterator[Measured]:
        """Yield each message that holds values; after DeviceReset the first one is dropped."""
        polled = self.config.mode == "polled"
        patience_s = ANSWER_TIMEOUT_S if polled else INTERVALS_MISSED * self.config.interval_s
        while True:
            if polled:
                self._drop_what_was_not_asked_for()
                self.link.write(request(self.config.address, crc=self.config.crc))
            measured = self._values(patience_s)
            if self._first_sample_is_to_come:
                self._first_sample_is_to_come = False
                continue
            yield measured
            if polled:
                # A wait on the line, unlike a sleep, ends when the line is closed.
                self._lines.feed(self._heard(self.config.period_s))

    def _values(self, patience_s: float) -> Measured:
        """The next message that holds values: echoes and rain are passed over."""
        while True:
            line = self._lines.take()
            if line is not None:
                measured = self._decoded(line)
                if measured:
                    return measured
                continue
            heard = self._heard(patience_s)
            if not heard:
                raise self._silence(patience_s)
            self._lines.feed(heard)

    def _silence(self, patience_s: float) -> DeviceError:
        half = len(self._lines)
        self._lines.clear()
        if half and self.config.mode == "polled":
            return BadFrame(f"the answer of the WXT ends after {half} bytes")
        return DeviceSilent(f"no byte from the WXT in {patience_s:g} s")

    def _decoded(self, line: bytes) -> Measured:
        try:
            return decode(line, self.config.address, crc=self.config.crc)
        except DeviceReset:
            self._first_sample_is_to_come = True
            raise

    def _drop_what_was_not_asked_for(self) -> None:
        while came := self._heard(0.0):
            self._lines.feed(came)
        while (line := self._lines.take()) is not None:
            self._decoded(line)

    def _heard(self, patience_s: float) -> bytes:
        try:
            return self.link.read(LONGEST_MESSAGE, patience_s)
        except LinkGone:
            self._lines.clear()
            raise
