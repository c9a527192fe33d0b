"""Sparkplug B 3.0: metrics of a node back to readings. Standard library only."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final

from edge_gateway.uplink.consumer import Pack, Received, ReceivedEvent
from edge_gateway.uplink.decoders.measurands import (
    Envelope,
    Quality,
    When,
    event,
    path,
    received,
)
from edge_gateway.uplink.rfc8428 import BadPack

NAMESPACE: Final = "spBv1.0/"

# Fields of Payload, Metric, PropertySet and PropertyValue: sparkplug_b.proto.
_METRICS = 2
_NAME, _AT, _DATATYPE, _IS_HISTORICAL, _IS_NULL, _PROPERTIES = 1, 3, 4, 5, 7, 9
_INT, _LONG, _FLOAT, _DOUBLE, _STRING = 10, 11, 12, 13, 15
_KEYS, _VALUES = 1, 2
_PROPERTY_INT, _PROPERTY_STRING = 3, 8
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_SIGNED_FROM, _WORD = 1 << 63, 1 << 64
_MOST_VARINT_BYTES = 10
_EVENT = "event/"

_Field = tuple[int, int | float | bytes]


def decode(payload: bytes, topic: str) -> Pack:
    """A birth or data message of a node; the metrics that are readings or events of ours.

    Raises BadPack when it is no Sparkplug payload.
    """
    gateway = topic.split("/")[3] if topic.count("/") >= 3 else ""  # noqa: PLR2004 - GROUP/KIND/NODE
    readings: list[Received] = []
    events: list[ReceivedEvent] = []
    try:
        metrics = [list(_fields(body)) for number, body in _fields(payload) if _is(number, body)]
        for metric in metrics:
            found = _metric(metric, gateway)
            if isinstance(found, Received):
                readings.append(found)
            elif found is not None:
                events.append(found)
    except (UnicodeDecodeError, struct.error, IndexError) as error:
        raise BadPack(f"not a Sparkplug payload: {error}") from error
    arrival = next((one.arrival for one in (*readings, *events)), "")
    clock = next((one.clock for one in readings), "")
    return Pack(gateway, "", arrival, clock, "", tuple(readings), tuple(events))


def _is(number: int, body: object) -> bool:
    return number == _METRICS and isinstance(body, bytes)


def _metric(metric: Sequence[_Field], gateway: str) -> Received | ReceivedEvent | None:
    fields = dict(metric)
    name = _text(fields.get(_NAME))
    properties = _properties(fields.get(_PROPERTIES))
    at_ms = fields.get(_AT)
    when = When(at_ms / 1000 if isinstance(at_ms, int) else None)
    arrival = "backfill" if fields.get(_IS_HISTORICAL) else "live"
    clock = str(properties.get("clock", "synced"))
    envelope = Envelope(gateway, "", arrival, clock)
    words = fields.get(_STRING)
    if name.startswith(_EVENT) and isinstance(words, bytes):
        subject, _, said = words.decode().partition(": ")
        return event(name.removeprefix(_EVENT), subject, said, when, envelope)
    parted = path(name)
    # A birth names metrics that have had no value yet: null, and nothing is said of why.
    if parted is None or (fields.get(_IS_NULL) and "flag" not in properties):
        return None
    reasons = str(properties.get("reasons", ""))
    flag = properties.get("flag", 1)
    known = Quality(
        flag if isinstance(flag, int) else 1,
        tuple(reasons.split(",")) if reasons else (),
        str(properties.get("calibration", "")),
    )
    return received(*parted, _value(metric), known, when=when, envelope=envelope)


def _value(metric: Sequence[_Field]) -> float | None:
    for number, value in metric:
        if number in {_INT, _LONG} and isinstance(value, int):
            return float(value - _WORD if value >= _SIGNED_FROM else value)
        if number in {_FLOAT, _DOUBLE} and isinstance(value, float):
            return value
    return None


def _properties(body: object) -> dict[str, int | str]:
    if not isinstance(body, bytes):
        return {}
    fields = list(_fields(body))
    keys = [_text(value) for number, value in fields if number == _KEYS]
    bodies = [value for number, value in fields if number == _VALUES and isinstance(value, bytes)]
    found: dict[str, int | str] = {}
    for key, one in zip(keys, bodies, strict=False):
        value = dict(_fields(one))
        number, words = value.get(_PROPERTY_INT), value.get(_PROPERTY_STRING)
        if isinstance(number, int):
            found[key] = number
        elif isinstance(words, bytes):
            found[key] = words.decode()
    return found


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else ""


def _fields(body: object) -> Iterator[_Field]:
    """The fields of a protobuf message (protobuf.dev, "Encoding") by number."""
    data = body if isinstance(body, bytes) else b""
    place = 0
    while place < len(data):
        head, place = _varint(data, place)
        number, kind = head >> 3, head & 7
        if kind == _VARINT:
            value, place = _varint(data, place)
            yield number, value
            continue
        if kind == _LENGTH:
            length, place = _varint(data, place)
        elif kind in {_FIXED64, _FIXED32}:
            length = 8 if kind == _FIXED64 else 4
        else:
            raise BadPack(f"not a Sparkplug payload: wire type {kind}")
        part = data[place : place + length]
        if len(part) != length:
            raise BadPack("the Sparkplug payload is cut short")
        place += length
        if kind == _LENGTH:
            yield number, part
        else:
            yield number, float(struct.unpack("<d" if kind == _FIXED64 else "<f", part)[0])


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for position in range(_MOST_VARINT_BYTES):
        byte = data[place + position]
        value |= (byte & 0x7F) << (7 * position)
        if not byte & 0x80:
            return value, place + position + 1
    raise BadPack("not a Sparkplug payload: a number without an end")
