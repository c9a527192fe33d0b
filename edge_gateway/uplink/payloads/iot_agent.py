"""FIWARE IoT Agent JSON: multimeasures with TimeInstant, one agent device per device of the pole.

Attributes stay in the context broker until they are written again, so what could go stale is always
said: `_qc` with each value, `_cal` with each series of a message, null for a missing value.
Topic and body: iotagent-json, user manual, "MQTT binding".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from edge_gateway.outbox import Series
from edge_gateway.reading import Event
from edge_gateway.uplink.batch import Batch
from edge_gateway.uplink.payloads import Message, Pole
from edge_gateway.uplink.payloads.names import attribute, without_forbidden
from edge_gateway.uplink.payloads.quality import words
from edge_gateway.uplink.payloads.series import by_device, values
from edge_gateway.uplink.payloads.stateless import Stateless
from edge_gateway.uplink.payloads.times import date_offset_us, iso8601

CONTENT_TYPE = "application/json"

# The agent makes one request of a message, and Orion takes 1 MB: a measure of six attributes with
# their metadata is about 3 kB there.
MOST_MEASURES: Final = 200

Measure: TypeAlias = dict[str, float | str | None]


def messages(batch: Batch, pole: Pole) -> Iterator[Message]:
    """One message per device and `MOST_MEASURES`; events are measures of the pole itself."""
    offset_us = date_offset_us(batch)
    for device, group in by_device(batch.columns.series).items():
        name = f"{pole.gateway_id}_{device}"
        if offset_us is None:
            count = sum(len(series.times_us) for series in group)
            yield _message([_withheld(batch, count)], name, pole)
        else:
            yield from _messages(_measures(group, offset_us), name, batch, pole)
    if batch.columns.events:
        measures = [_event(event, offset_us) for event in batch.columns.events]
        undated = len(measures) if offset_us is None else 0
        yield from _messages(measures, pole.gateway_id, batch, pole, undated)


FORMAT = Stateless("iot_agent", messages, needs=("api_key",))


def _messages(
    measures: Sequence[Measure], device: str, batch: Batch, pole: Pole, undated: int = 0
) -> Iterator[Message]:
    for start in range(0, len(measures), MOST_MEASURES):
        part = list(measures[start : start + MOST_MEASURES])
        part[0] |= {**_envelope(batch), "undated": undated}
        yield _message(part, device, pole)


def _message(measures: Sequence[Measure], device: str, pole: Pole) -> Message:
    body = json.dumps(measures, ensure_ascii=False, separators=(",", ":")).encode()
    return Message(f"/json/{pole.api_key}/{device}/attrs", body, CONTENT_TYPE)


def _envelope(batch: Batch) -> Measure:
    return {"batch": batch.key, "arrival": batch.arrival, "clock": batch.dates.dating}


def _withheld(batch: Batch, count: int) -> Measure:
    """Without TimeInstant the agent dates a measure by its arrival: true of this, of no reading."""
    return {**_envelope(batch), "undated": count}


def _measures(group: Sequence[Series], offset_us: int) -> list[Measure]:
    """All values of one time in one measure, in the order of their times."""
    rows: dict[int, list[Measure]] = {}
    for series in group:
        name = attribute(series.measurand)
        calibration_id: str | None = None
        for value in values(series):
            row = _row(rows.setdefault(value.time_us, []), name)
            row[name] = value.number
            row[f"{name}_qc"] = without_forbidden(words(value.mark))
            if value.mark.calibration_id != calibration_id:
                calibration_id = value.mark.calibration_id
                row[f"{name}_cal"] = without_forbidden(calibration_id)
    return [
        {"TimeInstant": iso8601(time_us + offset_us), **row}
        for time_us in sorted(rows)
        for row in rows[time_us]
    ]


def _row(rows: list[Measure], name: str) -> Measure:
    """The first measure of this time that does not say `name` yet."""
    for row in rows:
        if name not in row:
            return row
    rows.append({})
    return rows[-1]


def _event(event: Event, offset_us: int | None) -> Measure:
    measure: Measure = {}
    if offset_us is not None:
        measure["TimeInstant"] = iso8601(event.at.monotonic_ns // 1000 + offset_us)
    measure["event"] = without_forbidden(event.kind)
    measure["event_subject"] = without_forbidden(event.subject)
    measure["event_text"] = without_forbidden(event.text)
    if offset_us is None:
        measure["event_since_boot_s"] = event.at.monotonic_ns // 1000 / 1e6
    return measure
