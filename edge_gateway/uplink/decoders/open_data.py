"""CSV open data back to readings: one a line, or one event. Standard library only."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from edge_gateway.uplink.consumer import Pack, Received, ReceivedEvent
from edge_gateway.uplink.decoders.measurands import (
    MISSING,
    SUPPRESSED,
    Envelope,
    Measured,
    Quality,
    When,
    date,
    event,
    received,
)
from edge_gateway.uplink.rfc8428 import BadPack

BEGINS = b"time,clock,boot,since_boot_s,gateway,"

_EVENT = ("event", "subject", "text")


def decode(payload: bytes, key: str, arrival: str) -> Pack:
    """One table. `key` and `arrival` are not in it: MQTT 5 properties have them. Raises BadPack."""
    readings: list[Received] = []
    events: list[ReceivedEvent] = []
    gateway = clock = boot_id = ""
    try:
        for cells in csv.DictReader(io.StringIO(payload.decode(), newline=""), strict=True):
            gateway, clock, boot_id = cells["gateway"], cells["clock"], cells["boot"]
            envelope = Envelope(gateway, key, arrival, clock)
            when = When(date(cells["time"]), _seconds(cells["since_boot_s"]))
            if "event" in cells:
                kind, subject, words = map(_plain, (cells[name] for name in _EVENT))
                events.append(event(kind, subject, words, when, envelope))
            else:
                readings.append(_reading(cells, when, envelope))
    except (UnicodeDecodeError, csv.Error, KeyError, ValueError, TypeError) as error:
        raise BadPack(f"not a table of an edge gateway: {error}") from error
    return Pack(gateway, key, arrival, clock, boot_id, tuple(readings), tuple(events))


def _reading(cells: Mapping[str, str], when: When, envelope: Envelope) -> Received:
    what = Measured(
        cells["quantity"], _plain(cells["channel"]), cells["statistic"], int(cells["window_s"])
    )
    reasons = tuple(reason for reason in _plain(cells["reasons"]).split(",") if reason)
    flag = int(cells["flag"])
    if cells["quality"] == SUPPRESSED and flag == MISSING:
        reasons = (SUPPRESSED, *reasons)
    known = Quality(flag, reasons, _plain(cells["calibration"]))
    value = float(cells["value"]) if cells["value"] else None
    device, unit = _plain(cells["device"]), cells["unit"]
    return received(device, what, value, known, when=when, envelope=envelope, unit=unit)


def _plain(cell: str) -> str:
    """Without the apostrophe that keeps a spread-sheet from running the text as a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in {*"=+-@\t\r"} else cell


def _seconds(cell: str) -> float | None:
    return float(cell) if cell else None
