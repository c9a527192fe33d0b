"""An anemometer that sends NMEA 0183 MWV, at the far end of a line."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import ClassVar, Literal

from edge_gateway.drivers.formats.nmea import M_S_PER_UNIT
from edge_gateway.links.frames import xor_checksum
from edge_gateway.twins.ascii_talk import LINE_FAULTS, SpoiltLines
from edge_gateway.twins.pty_line import LineTwin, PtyLine
from edge_gateway.twins.weather import Seconds, WeatherScene, stopwatch
from edge_gateway.twins.windsonic import beats

BEHIND_BODY = len("*22\r\n")
NINES = 999.9
OTHER_SENTENCE = "HCHDG,101.1,,,7.1,W"


class NmeaMwvTwin(LineTwin):
    """Sends the scene's wind `rate_hz` times a second, and a compass sentence after each.

    `missing_checksum` leaves the checksum out, `invalid` sends status V and no values, `too_long`
    a sentence of more than 82 characters before the right one; `empty_angle` leaves the angle out,
    `nines` sends 999.9 for it, `unit` speaks in another unit.
    """

    FAULTS: ClassVar[Sequence[str]] = (
        *LINE_FAULTS,
        "missing_checksum",
        "invalid",
        "empty_angle",
        "nines",
        "unit",
        "too_long",
    )

    def __init__(
        self,
        line: PtyLine,
        scene: WeatherScene,
        *,
        rate_hz: float = 1.0,
        unit: str = "M",
        reference: Literal["R", "T"] = "R",
        mounting_offset_deg: float = 0.0,
        seconds: Seconds | None = None,
        chance: Random | None = None,
    ) -> None:
        super().__init__(line, chance)
        self._scene = scene
        self._rate_hz = rate_hz
        self._unit = unit
        self._reference: Literal["R", "T"] = reference
        self._turned_deg = mounting_offset_deg if reference == "R" else 0.0
        self._seconds = seconds or stopwatch()
        self._lines = SpoiltLines(self.faults)

    def run(self) -> None:
        """Talk until stopped."""
        for due_s in beats(1 / self._rate_hz, self._seconds, self.stopped.wait):
            self.beat(due_s)

    def beat(self, at_s: float) -> None:
        """Send one MWV, and the compass behind it."""
        if self.faults.take("too_long"):
            self.line.write(sentence(f"PGILL,{'9' * 90}"))
        told = self._sentence(at_s)
        for part in self._lines.talk(told, slice(1, len(told) - BEHIND_BODY)):
            self.line.write(part)
        self.line.write(sentence(OTHER_SENTENCE))

    def _sentence(self, at_s: float) -> bytes:
        take, unit = self.faults.take, self._unit
        if take("invalid"):
            return mwv(None, None, unit=unit, reference=self._reference, status="V")
        if take("unit"):
            unit = self.faults.chance.choice([one for one in M_S_PER_UNIT if one != unit])
        wind = self._scene.at(at_s)
        angle = (wind.wind_direction - self._turned_deg) % 360.0
        told = mwv(
            wind.wind_speed,
            None if take("empty_angle") else angle,
            unit=unit,
            reference=self._reference,
        )
        if take("nines"):
            speed = told.decode("ascii").split(",")[3]
            told = sentence(f"WIMWV,{NINES},{self._reference},{speed},{unit},A")
        return told[:-BEHIND_BODY] + b"\r\n" if take("missing_checksum") else told


def mwv(
    speed_m_s: float | None,
    angle_deg: float | None,
    *,
    unit: str = "M",
    reference: Literal["R", "T"] = "R",
    status: str = "A",
    talker: str = "WI",
) -> bytes:
    """One MWV sentence, $ to line end; None leaves a field empty."""
    speed = "" if speed_m_s is None else f"{speed_m_s / M_S_PER_UNIT[unit]:.1f}"
    angle = "" if angle_deg is None else f"{round(angle_deg, 1) % 360.0:05.1f}"
    return sentence(f"{talker}MWV,{angle},{reference},{speed},{unit},{status}")


def sentence(body: str) -> bytes:
    """Any NMEA sentence: $, body, checksum and line end."""
    return f"${body}*{xor_checksum(body.encode('ascii')):02X}\r\n".encode("ascii")
