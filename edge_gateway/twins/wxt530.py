"""A Vaisala WXT530 in ASCII, automatic or polled, with or without CRC, at the far end of a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import ClassVar

from edge_gateway.drivers.formats.vaisala_ascii import FIELDS
from edge_gateway.links.frames import crc16_letters
from edge_gateway.twins.ascii_talk import LINE_FAULTS, SpoiltLines
from edge_gateway.twins.pty_line import LineTwin, PtyLine
from edge_gateway.twins.weather import Seconds, Weather, WeatherScene, stopwatch
from edge_gateway.twins.windsonic import beats

LINE_END = "\r\n"
NONE = frozenset[str]()
OF_WIND = frozenset({"Dm", "Sm"})
PRESSURE_PA = 100_830.0
SUPPLY_V, HEATING_V = 12.1, 0.0
OF_RAIN = ("Rc", "Ri", "Hc")
OF_THE_REST = {"Dm": "D", "Sm": "M", "Ta": "C", "Ua": "P", "Pa": "H", "Vs": "V", "Vh": "N"}
METRIC = OF_THE_REST | dict.fromkeys(OF_RAIN, "M")
# The parameters of each message, in the order of the manual.
MESSAGES = {
    "0": ("Dm", "Sm", "Ta", "Ua", "Pa", *OF_RAIN, "Vh", "Vs"),
    "1": ("Dm", "Sm"),
    "2": ("Ta", "Ua", "Pa"),
    "5": ("Vh", "Vs"),
}
RAIN = "Rc=0.00M,Rd=0s,Ri=0.0M,Hc=0.0M,Hd=0s,Hi=0.0M"


class Wxt530Twin(LineTwin):
    """Sends its composite message `rate_hz` times a second, or when asked where `polled`.

    `units` takes other unit letters than the metric ones, by key; fault `unit` takes others once.
    `invalid` marks all values with #, `invalid_wind` those of the wind, `error` answers by a text,
    `reset` starts anew and says so, `rain` sends rain alone before, `late` answers after `late_s`.
    """

    FAULTS: ClassVar[Sequence[str]] = (
        *LINE_FAULTS,
        "echo",
        "invalid",
        "invalid_wind",
        "unit",
        "error",
        "reset",
        "rain",
        "late",
    )

    def __init__(
        self,
        line: PtyLine,
        scene: WeatherScene,
        *,
        polled: bool = False,
        crc: bool = False,
        address: str = "0",
        rate_hz: float = 0.2,
        units: Mapping[str, str] | None = None,
        late_s: float = 0.0,
        seconds: Seconds | None = None,
        chance: Random | None = None,
    ) -> None:
        super().__init__(line, chance)
        self._scene = scene
        self._polled = polled
        self._crc = crc
        self._address = address
        self._rate_hz = rate_hz
        self._units = {**METRIC, **(units or {})}
        self._seconds = seconds or stopwatch()
        self._late_s = late_s
        self._lines = SpoiltLines(self.faults, holds=not polled)

    def run(self) -> None:
        """Talk until stopped."""
        if self._polled:
            self._answer()
            return
        for due_s in beats(1 / self._rate_hz, self._seconds, self.stopped.wait):
            self.beat(due_s)

    def beat(self, at_s: float) -> None:
        """Send the composite message."""
        for part in self._talk("0", at_s):
            self.line.write(part)

    def message(self, number: str, at_s: float, invalid: frozenset[str] = NONE) -> bytes:
        """One message as the manual prints it: 0 composite, 1 wind, 2 PTU, 3 rain, 5 supervisor."""
        if number == "3":
            return self._closed(number, RAIN)
        held, units = values(self._scene.at(at_s)), self._units
        if self.faults.take("unit"):
            choice = self.faults.chance.choice
            units = {key: choice(list(FIELDS[key].units)) for key in units}
        parts = [
            written(key, held[key], units[key], invalid=key in invalid) for key in MESSAGES[number]
        ]
        return self._closed(number, ",".join(parts))

    def _answer(self) -> None:
        heard = b""
        while not self.stopped.is_set():
            heard += self.line.read(0.5)
            *requests, heard = heard.split(b"\r\n")
            for request in requests:
                if self.faults.take("echo"):
                    self.line.write(request + b"\r\n")
                for part in self._reply(request):
                    self.line.write(part)

    def _reply(self, request: bytes) -> Iterator[bytes]:
        kind = f"{self._address}{'r' if self._crc else 'R'}".encode("ascii")
        number = request[2:3].decode("latin-1")
        if not request.startswith(self._address.encode("ascii")):
            return
        if not request.startswith(kind) or number not in {*MESSAGES, "3"}:
            yield self._text("Unknown cmd error")
            return
        right = crc16_letters(request[:3]) if self._crc else b""
        if request[3:] != right:
            yield self._text(f"Use chksum {right.decode('ascii')}")
            return
        yield from self._talk(number, self._seconds())

    def _talk(self, number: str, at_s: float) -> Iterator[bytes]:
        take = self.faults.take
        if take("reset"):
            yield self._text("Start-up")
        if take("rain"):
            yield self.message("3", at_s)
        if take("error"):
            yield self._text("Unable to measure error")
            return
        if take("late"):
            self.stopped.wait(self._late_s)
        invalid = frozenset(FIELDS) if take("invalid") else NONE
        message = self.message(number, at_s, invalid | (OF_WIND if take("invalid_wind") else NONE))
        yield from self._lines.talk(message, slice(0, len(message) - len(LINE_END)))

    def _text(self, what: str) -> bytes:
        return self._end(f"{self._address}{'t' if self._crc else 'T'}X,{what}")

    def _closed(self, number: str, body: str) -> bytes:
        return self._end(f"{self._address}{'r' if self._crc else 'R'}{number},{body}")

    def _end(self, text: str) -> bytes:
        body = text.encode("ascii")
        return body + (crc16_letters(body) if self._crc else b"") + b"\r\n"


def values(weather: Weather) -> Mapping[str, float]:
    """What the device measures, by its keys, in the units of the quantities."""
    return {
        "Dm": weather.wind_direction,
        "Sm": weather.wind_speed,
        "Ta": weather.air_temperature,
        "Ua": weather.relative_humidity,
        "Pa": PRESSURE_PA,
        **dict.fromkeys(OF_RAIN, 0.0),
        "Vh": HEATING_V,
        "Vs": SUPPLY_V,
    }


def written(key: str, value: float, unit: str, *, invalid: bool = False) -> str:
    """One value as the device prints it in that unit."""
    scale, offset = FIELDS[key].units[unit]
    number = (value - offset) / scale
    letter = "#" if invalid else unit
    if key == "Dm":
        return f"{key}={round(number) % 360:03d}{letter}"
    return f"{key}={number:.{5 if unit == 'B' else 1}f}{letter}"
