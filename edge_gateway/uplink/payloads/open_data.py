"""CSV open data: one reading a line, nothing left out (RFC 4180, UTF-8, a header in each message).

Times are the pole's local time with its offset from UTC; the mesh code is JIS X 0410's of 1 km.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from math import floor
from typing import Final
from zoneinfo import ZoneInfo

from edge_gateway.outbox import Series
from edge_gateway.reading import Event, Stamp
from edge_gateway.uplink.batch import Batch
from edge_gateway.uplink.payloads import Message, Pole, lane_of
from edge_gateway.uplink.payloads.quality import reasons_beside, word
from edge_gateway.uplink.payloads.series import values
from edge_gateway.uplink.payloads.stateless import Stateless
from edge_gateway.uplink.payloads.times import date_offset_us, iso8601

CONTENT_TYPE = "text/csv; charset=utf-8; header=present"

_WHEN: Final = ("time", "clock", "boot", "since_boot_s")
_WHERE: Final = ("gateway", "latitude", "longitude", "mesh")
READING_COLUMNS: Final = (
    *_WHEN,
    *_WHERE,
    "device",
    "channel",
    "quantity",
    "statistic",
    "window_s",
    "value",
    "unit",
    "quality",
    "flag",
    "reasons",
    "calibration",
)
EVENT_COLUMNS: Final = (*_WHEN, *_WHERE, "event", "subject", "text")

# Signs a spread-sheet begins a formula with (OWASP, "CSV Injection").
_FORMULA = frozenset("=+-@\t\r")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")

# Within these degrees the mesh of JIS X 0410 is defined: latitudes and longitudes of Japan.
_JAPAN_NORTH, _JAPAN_EAST = (20.0, 46.0), (122.0, 154.0)


def messages(batch: Batch, pole: Pole) -> Iterator[Message]:
    """A table of readings on the topic of their lane, and one of events on theirs."""
    when, where = _When(batch, pole), _where(pole)
    if batch.columns.series:
        lines = (line for one in batch.columns.series for line in _readings(one, when, where))
        topic = pole.topic(lane_of(batch.columns))
        yield Message(topic, _table(READING_COLUMNS, lines), CONTENT_TYPE)
    if batch.columns.events:
        lines = (_event(event, when, where) for event in batch.columns.events)
        yield Message(pole.topic("events"), _table(EVENT_COLUMNS, lines), CONTENT_TYPE)


FORMAT = Stateless("csv", messages, may_squeeze=True, is_lossless=True)


def mesh_code(latitude: float, longitude: float) -> str:
    """The standard mesh of about 1 km (JIS X 0410, third level); empty outside Japan."""
    in_japan = (
        _JAPAN_NORTH[0] <= latitude < _JAPAN_NORTH[1]
        and _JAPAN_EAST[0] <= longitude < _JAPAN_EAST[1]
    )
    if not in_japan:
        return ""
    # A first mesh is 40' by 1 degree, a second an eighth of it, a third a tenth of that.
    first_north, second_north, third_north = _digits(latitude * 1.5)
    first_east, second_east, third_east = _digits(longitude - 100)
    first = f"{first_north:02d}{first_east:02d}"
    return f"{first}{second_north}{second_east}{third_north}{third_east}"


def _digits(degrees: float) -> tuple[int, int, int]:
    steps = floor(degrees * 80)
    return steps // 80, steps % 80 // 10, steps % 10


class _When:
    """The cells of time: a date, or where none is known boot and seconds since its start."""

    def __init__(self, batch: Batch, pole: Pole) -> None:
        self._offset_us = date_offset_us(batch)
        self._clock = batch.dates.dating
        self._zone = ZoneInfo(pole.time_zone)
        self._known: dict[tuple[str, int], tuple[str, ...]] = {}

    def cells(self, boot_id: str, time_us: int) -> tuple[str, ...]:
        """Cells of a stamp; series of one frame share them."""
        found = self._known.get((boot_id, time_us))
        if found is None:
            found = self._known[boot_id, time_us] = self._cells(boot_id, time_us)
        return found

    def _cells(self, boot_id: str, time_us: int) -> tuple[str, ...]:
        if self._offset_us is None:
            return ("", self._clock, boot_id, f"{time_us / 1e6:.6f}")
        return (iso8601(time_us + self._offset_us, self._zone), self._clock, "", "")


def _where(pole: Pole) -> tuple[str, ...]:
    if pole.latitude is None or pole.longitude is None:
        return (pole.gateway_id, "", "", "")
    place = (f"{pole.latitude:.6f}", f"{pole.longitude:.6f}")
    return (pole.gateway_id, *place, mesh_code(pole.latitude, pole.longitude))


def _readings(series: Series, when: _When, where: tuple[str, ...]) -> Iterator[Sequence[object]]:
    measurand = series.measurand
    what = (
        series.device,
        measurand.channel,
        measurand.quantity,
        measurand.statistic,
        measurand.window_s,
    )
    unit = measurand.quantity.nature.unit
    for value in values(series):
        mark = value.mark
        # Spread-sheets and their users take an empty cell for nothing, and 0 for a number.
        number = "" if value.number is None else f"{value.number:.{series.decimals}f}"
        reasons = ",".join(reasons_beside(mark))
        known = (number, unit, word(mark), int(mark.flag), reasons, mark.calibration_id)
        yield (*when.cells(series.boot_id, value.time_us), *where, *what, *known)


def _event(event: Event, when: _When, where: tuple[str, ...]) -> Sequence[object]:
    at: Stamp = event.at
    cells = when.cells(at.boot_id, at.monotonic_ns // 1000)
    return (*cells, *where, event.kind, event.subject, event.text)


def _table(header: Sequence[str], lines: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    for line in lines:
        writer.writerow([_cell(cell) for cell in line])
    return text.getvalue().encode()


def _cell(cell: object) -> object:
    """A text that a spread-sheet would run as a formula is quoted with an apostrophe."""
    if isinstance(cell, str) and cell[:1] in _FORMULA and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell
