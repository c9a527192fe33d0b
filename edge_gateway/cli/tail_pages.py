"""Readings, events and states of gateways as rows, and the three pages they are written on."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol, TextIO, TypeAlias, cast

from edge_gateway.reading import NATURES, Flag, Lane, Measurand, Quantity, Statistic
from edge_gateway.uplink.consumer import Received, ReceivedEvent
from edge_gateway.uplink.decoders.measurands import UNITS

Row: TypeAlias = dict[str, object]
"""One line of output: the columns below, by name; those that do not apply are left out."""

READING: Final = "reading"
EVENT: Final = "event"
STATE: Final = "state"
PICTURE: Final = "picture"

COLUMNS: Final = (
    "record",
    "time",
    "clock",
    "arrival",
    "gateway",
    "lane",
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
    "boot",
    "since_boot_s",
    "event",
    "subject",
    "text",
    "key",
    "name",
    "unix_s",
)
"""Of readings and events, in the order of a table; what came by a broker has more behind."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FLAGS = {int(flag): flag.name.lower() for flag in Flag}

# Signs a spread-sheet begins a formula with (OWASP, "CSV Injection").
_FORMULA = frozenset("=+-@\t\r")

_PLAIN, _RED, _GREEN, _YELLOW, _MAGENTA, _CYAN, _DIM = (
    f"\x1b[{code}m" for code in (0, 31, 32, 33, 35, 36, 2)
)
_COLOUR_OF = {"suspect": _YELLOW, "fail": _RED, "missing": _MAGENTA}
_WIDEST_NAME = 60


class Page(Protocol):
    """Where rows go."""

    def write(self, row: Row) -> None:
        """Write one."""
        ...


def reading_row(one: Received, boot_id: str) -> Row:
    """A reading with every field; `value` is None where it is missing."""
    return {
        "record": READING,
        **_when(one, boot_id),
        "lane": lane_of(one),
        "name": one.name,
        "device": one.device,
        "channel": one.channel,
        "quantity": one.quantity,
        "statistic": one.statistic,
        "window_s": one.window_s,
        "value": one.value,
        "unit": one.unit or UNITS.get(one.quantity, ""),
        "quality": _FLAGS.get(one.flag, str(one.flag)),
        "flag": one.flag,
        "reasons": list(one.reasons),
        "calibration": one.calibration_id,
    }


def event_row(one: ReceivedEvent, boot_id: str) -> Row:
    """An event with every field."""
    return {
        "record": EVENT,
        **_when(one, boot_id),
        "lane": str(Lane.EVENTS),
        "event": one.kind,
        "subject": one.subject,
        "text": one.text,
    }


def state_row(gateway: str, state: str, details: Mapping[str, str], unix_s: float) -> Row:
    """A gateway came or went; dated by the arrival, since the message has no date."""
    return {
        "record": STATE,
        "time": iso8601(unix_s),
        "unix_s": unix_s,
        "gateway": gateway,
        "text": state,
        "details": dict(details),
    }


def picture_row(gateway: str, device: str, size: int, said: Mapping[str, str]) -> Row:
    """An anonymized picture of so many bytes; `said` are the properties of its message."""
    return {
        "record": PICTURE,
        "time": said.get("time"),
        "clock": said.get("clock", ""),
        "gateway": gateway,
        "device": device,
        "text": f"picture, {size} bytes",
    }


def lane_of(one: Received) -> str:
    """The lane a reading travels in; of a quantity this version does not know, by its window."""
    return _lane_of(one.quantity, one.statistic, is_window=bool(one.window_s))


def iso8601(unix_s: float) -> str:
    """Milliseconds where they say it all, else microseconds."""
    unix_us = round(unix_s * 1e6)
    moment = _EPOCH + timedelta(microseconds=unix_us)
    spec = "microseconds" if unix_us % 1000 else "milliseconds"
    return moment.isoformat(timespec=spec).removesuffix("+00:00") + "Z"


class JsonPage:
    """One JSON object a line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, row: Row) -> None:
        """Write one."""
        self._stream.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


class CsvPage:
    """A table with a header (RFC 4180); `columns` are those that rows may have."""

    def __init__(self, stream: TextIO, columns: tuple[str, ...] = COLUMNS) -> None:
        self._writer = csv.writer(stream)
        self._columns = columns
        self._writer.writerow(columns)

    def write(self, row: Row) -> None:
        """Write one."""
        self._writer.writerow([_cell(row.get(name)) for name in self._columns])


class PersonPage:
    """One aligned line each; `colour` only where a terminal shows it."""

    def __init__(self, stream: TextIO, *, colour: bool) -> None:
        self._stream = stream
        self._colour = colour
        self._gateway_width, self._name_width = 8, 40

    def write(self, row: Row) -> None:
        """Write one."""
        gateway = _printable(row["gateway"])
        self._gateway_width = max(self._gateway_width, min(len(gateway), _WIDEST_NAME))
        arrival = _printable(row.get("arrival", ""))
        head = f"{_time(row):<24}  {arrival:<8}  {gateway:<{self._gateway_width}}"
        if arrival == "backfill":
            head = self._in(_DIM, head)
        rest = {READING: self._reading, EVENT: self._event, STATE: self._state}
        rest[PICTURE] = self._picture
        self._stream.write(f"{head}  {rest[str(row['record'])](row)}".rstrip() + "\n")

    def _reading(self, row: Row) -> str:
        place = f"{_printable(row['device'])} {_printable(row['channel'])}".strip()
        name = f"{place} {_printable(row['quantity'])}"
        if row["window_s"]:
            name += f" {row['statistic']} {row['window_s']} s"
        self._name_width = max(self._name_width, min(len(name), _WIDEST_NAME))
        quality = str(row["quality"])
        notes = [] if quality == "good" else [self._in(_COLOUR_OF.get(quality, ""), quality)]
        if row["reasons"]:
            notes.append(f"({_printable(','.join(_texts(row['reasons'])))})")
        notes += _of_clock(row)
        value = f"{_value(row):>12} {_printable(row['unit']):<5}"
        return f"{name:<{self._name_width}} {value}  {' '.join(notes)}"

    def _event(self, row: Row) -> str:
        subject = f" {_printable(row['subject'])}" if row["subject"] else ""
        head = self._in(_CYAN, f"{_printable(row['event']).replace('_', ' ')}{subject}")
        return f"{head}: {_printable(row['text'])} {' '.join(_of_clock(row))}"

    def _picture(self, row: Row) -> str:
        head = self._in(_CYAN, _printable(row["device"]))
        return f"{head}: {row['text']} {' '.join(_of_clock(row))}"

    def _state(self, row: Row) -> str:
        state = _printable(row["text"])
        details = cast("dict[str, str]", row["details"])
        words = _printable(", ".join(f"{name} {value}" for name, value in details.items()))
        shown = self._in(_GREEN if state == "online" else _RED, f"gateway {state}")
        return f"{shown} ({words})" if words else shown

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._colour and colour else text


def _when(one: Received | ReceivedEvent, boot_id: str) -> Row:
    return {
        "time": None if one.unix_s is None else iso8601(one.unix_s),
        "unix_s": one.unix_s,
        "since_boot_s": one.since_boot_s,
        "boot": boot_id,
        "clock": one.clock,
        "arrival": one.arrival,
        "gateway": one.gateway,
        "key": one.key,
    }


def _time(row: Row) -> str:
    if row.get("time"):
        return str(row["time"])
    since_boot_s = row.get("since_boot_s")
    if isinstance(since_boot_s, float):
        return f"boot + {since_boot_s:.3f} s"
    return "no date"


def _of_clock(row: Row) -> list[str]:
    clock = _printable(row.get("clock", ""))
    return [] if clock in {"synced", ""} else [f"clock {clock}"]


def _value(row: Row) -> str:
    value = row["value"]
    if not isinstance(value, (int, float)):
        return "-"
    try:
        return f"{value:.{NATURES[Quantity(str(row['quantity']))].decimals}f}"
    except ValueError:
        return f"{value:g}"


def _printable(value: object) -> str:
    """Text that came over the network, without what could command a terminal."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


@lru_cache
def _lane_of(quantity: str, statistic: str, *, is_window: bool) -> str:
    try:
        return str(Measurand(Quantity(quantity), "", Statistic(statistic)).lane)
    except ValueError:
        return str(Lane.SUMMARIES if is_window else Lane.RAW)


def _texts(value: object) -> list[str]:
    return cast("list[str]", value)


def _cell(value: object) -> object:
    """A cell: lists by commas, and no text that a spread-sheet would run."""
    if value is None:
        return ""
    if isinstance(value, list):
        value = ",".join(_texts(cast("object", value)))
    elif isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value[:1] in _FORMULA:
        return f"'{value}"
    return value
