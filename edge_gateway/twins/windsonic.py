"""A Gill WindSonic in polar mode, continuous or polled, at the far end of a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import ClassVar

from edge_gateway.drivers.formats.gill_polar import ETX, M_S_PER_UNIT, STX
from edge_gateway.links.frames import xor_checksum
from edge_gateway.twins.ascii_talk import LINE_FAULTS, SpoiltLines
from edge_gateway.twins.pty_line import LineTwin, PtyLine
from edge_gateway.twins.weather import Seconds, WeatherScene, stopwatch

CALM_BELOW_M_S = 0.05
BOTH_AXES_FAILED = "04"
BANNER = (
    b"WINDSONIC (Gill Instruments Ltd)\r\n2368-110-01\r\nRS485 (CD)\r\n"
    b"CHECKSUM ROM:E15C E15C *PASS*\r\nCHECKSUM FAC:10F4 10F4 *PASS*\r\n"
    b"M2,U1,O1,L1,P3,B3,H1,NQ,F1,E3,T1,S4,C2,G0,K50,\r\n"
)
CONFIGURATION_MODE = b"*"
BEHIND_BODY = len("\x0316\r\n")
NINES = "999"  # what it pads a value with that it cannot give (SDI-12)


class WindSonicTwin(LineTwin):
    """Sends a frame of the scene's wind every 1/`rate_hz` seconds, however long sending takes.

    With a `polled_node` it sends one for each time it hears that letter, and it falls silent for
    good at a `*`, which puts the device into its configuration mode. `reset` is a power-up with
    its banner, `lost_settings` one after which the factory defaults hold; `unit` speaks in another
    unit, `nines` pads both values with 999.
    """

    FAULTS: ClassVar[Sequence[str]] = (
        *LINE_FAULTS,
        "missing_direction",
        "nines",
        "status_error",
        "unit",
        "reset",
        "lost_settings",
        "echo",
        "late",
    )

    def __init__(
        self,
        line: PtyLine,
        scene: WeatherScene,
        *,
        rate_hz: float = 4.0,
        unit: str = "M",
        polled_node: str | None = None,
        late_s: float = 0.0,
        seconds: Seconds | None = None,
        chance: Random | None = None,
    ) -> None:
        super().__init__(line, chance)
        self._polled_node = polled_node
        self._late_s = late_s
        self._scene = scene
        self._rate_hz = rate_hz
        self._unit = unit
        self._seconds = seconds or stopwatch()
        self._lines = SpoiltLines(self.faults, holds=polled_node is None)

    def run(self) -> None:
        """Talk until stopped."""
        if self._polled_node is not None:
            self._answer(self._polled_node.encode("ascii"))
            return
        for due_s in beats(1 / self._rate_hz, self._seconds, self.stopped.wait):
            self.beat(due_s)

    def beat(self, at_s: float) -> None:
        """Send one frame."""
        for part in self._talk(self._frame(at_s)):
            self.line.write(part)

    def _answer(self, node: bytes) -> None:
        while not self.stopped.is_set():
            heard = self.line.read(0.5)
            if CONFIGURATION_MODE in heard:
                self.line.write(b"CONFIGURATION MODE\r\n")
                self.stopped.wait()
            for _ in range(heard.count(node)):
                if self.faults.take("echo"):
                    self.line.write(node)
                self.beat(self._seconds())

    def _frame(self, at_s: float) -> bytes:
        if self.faults.take("status_error"):
            return frame(None, None, unit=self._unit, status=BOTH_AXES_FAILED)
        node = self._polled_node or "Q"
        if self.faults.take("nines"):
            return _closed(f"{node},{NINES},{NINES}.99,{self._unit},00,")
        wind = self._scene.at(at_s)
        speed = wind.wind_speed
        calm = speed < CALM_BELOW_M_S or self.faults.take("missing_direction")
        direction = None if calm else wind.wind_direction
        unit = self._unit
        if self.faults.take("unit"):
            unit = self.faults.chance.choice([one for one in M_S_PER_UNIT if one != unit])
        return frame(speed, direction, unit=unit, node=node)

    def _talk(self, data: bytes) -> Iterator[bytes]:
        """What goes on the wire for one frame, with the faults that were ordered."""
        take = self.faults.take
        if take("late"):
            self.stopped.wait(self._late_s)
        if take("reset"):
            yield BANNER
        if take("lost_settings"):
            yield BANNER.replace(b"PASS", b"FAIL", 1)
        yield from self._lines.talk(data, slice(len(STX), len(data) - BEHIND_BODY))


def frame(
    speed_m_s: float | None,
    direction_deg: float | None,
    *,
    unit: str = "M",
    status: str = "00",
    node: str = "Q",
) -> bytes:
    """One frame as the manual prints it, STX to line end; None leaves a field empty."""
    speed = "" if speed_m_s is None else f"{speed_m_s / M_S_PER_UNIT[unit]:06.2f}"
    direction = "" if direction_deg is None else f"{round(direction_deg) % 360:03d}"
    return _closed(f"{node},{direction},{speed},{unit},{status},")


def beats(period_s: float, seconds: Seconds, wait: Callable[[float], bool]) -> Iterator[float]:
    """Yield each due time as it comes, counted from the first: being late never adds up.

    Beats that were slept through are left out, as a device's output would be. Ends when `wait`
    returns True.
    """
    began_s = seconds()
    beat = 0
    while True:
        due_s = began_s + beat * period_s
        if wait(max(0.0, due_s - seconds())):
            return
        yield due_s
        beat = max(beat + 1, int((seconds() - began_s) / period_s))


def _closed(text: str) -> bytes:
    body = text.encode("ascii")
    return STX + body + ETX + f"{xor_checksum(body):02X}\r\n".encode("ascii")
