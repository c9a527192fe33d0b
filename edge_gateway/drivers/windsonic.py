"""Gill WindSonic wind speed and direction, ASCII polar (manual 1405-PS-0019)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import ByteStream, SerialConfig, TalkingDriver, Waiter
from edge_gateway.drivers.formats.gill_polar import ETX, STX, decode
from edge_gateway.links.errors import BadFrame, DeviceError, DeviceReset, DeviceSilent, LinkGone
from edge_gateway.links.frames import Deframer
from edge_gateway.reading import Measured, Quantity

CHECKSUM_AND_LINE_END = 4
SILENT_AFTER_S = 3.0  # the factory rhythm is 1 Hz: three frames missed
LONGEST_FRAME = 64
LONGEST_GAP = 2048  # the power-up banner is some ten lines without STX
RESETS = {
    b"WINDSONIC": "the WindSonic was powered up anew: its banner came",
    b"*FAIL*": "the WindSonic lost its settings and runs on factory defaults: set it up again",
}


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


class WindSonic(TalkingDriver[WindSonicConfig, ByteStream]):
    """Listens to a WindSonic; a polled one gets its letter and never anything else.

    No other byte is ever sent: a stray `*` would put the device into its configuration mode, in
    which it is silent.
    """

    title: ClassVar[str] = "Gill WindSonic, ASCII polar continuous and polled (manual 1405-PS-0019)"
    config_model: ClassVar[type[DeviceConfig]] = WindSonicConfig
    quantities: ClassVar[tuple[Quantity, ...]] = (Quantity.WIND_SPEED, Quantity.WIND_DIRECTION)

    def __init__(self, config: WindSonicConfig, link: ByteStream, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        self._frames = Deframer(
            start=STX,
            end=ETX,
            trailer=CHECKSUM_AND_LINE_END,
            longest=LONGEST_FRAME,
            longest_gap=LONGEST_GAP,
            resets=RESETS,
        )
        self._first_sample_is_to_come = False

    def listen(self) -> Iterator[Measured]:
        """Yield each frame; DeviceReset at a power-up banner, and the frame after it is dropped."""
        polled = self.config.mode == "polled"
        while True:
            if polled:
                self._drop_what_was_not_asked_for()
                self.link.write(self.config.node.encode("ascii"))
            frame = self._frame()
            if self._first_sample_is_to_come:
                self._first_sample_is_to_come = False
                continue
            yield decode(frame, self.config.node if polled else None)
            if polled:
                # A wait on the line, unlike a sleep, ends when the line is closed.
                self._frames.feed(self._heard(self.config.period_s))

    def _frame(self) -> bytes:
        while True:
            frame = self._take()
            if frame is not None:
                return frame
            heard = self._heard(SILENT_AFTER_S)
            if not heard:
                raise self._silence()
            self._frames.feed(heard)

    def _silence(self) -> DeviceError:
        half = len(self._frames)
        self._frames.clear()
        if half and self.config.mode == "polled":
            return BadFrame(f"the answer of the WindSonic ends after {half} bytes")
        return DeviceSilent(f"no byte from the WindSonic in {SILENT_AFTER_S:g} s")

    def _drop_what_was_not_asked_for(self) -> None:
        while came := self._heard(0.0):
            self._frames.feed(came)
        while self._take() is not None:
            pass

    def _take(self) -> bytes | None:
        try:
            return self._frames.take()
        except DeviceReset:
            self._first_sample_is_to_come = True
            raise

    def _heard(self, patience_s: float) -> bytes:
        try:
            return self.link.read(LONGEST_FRAME, patience_s)
        except LinkGone:
            self._frames.clear()
            raise
