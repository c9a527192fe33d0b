"""Sparkplug B 3.0: the pole is an edge node, its measurands are metrics of the node.

A view for SCADA, not a store: every message needs a date, so undated readings are withheld. Two
departures, both for the sake of delivery: QoS 1, and no subscription to NCMD (docs/payloads.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge_gateway.outbox import Mark, Series
from edge_gateway.reading import Event, Flag
from edge_gateway.uplink.batch import Arrival, Batch
from edge_gateway.uplink.payloads import Message, Pole, protobuf
from edge_gateway.uplink.payloads.quality import word
from edge_gateway.uplink.payloads.series import Value, values
from edge_gateway.uplink.payloads.stateless import demand
from edge_gateway.uplink.payloads.times import date_offset_us

CONTENT_TYPE = "application/x-protobuf"

# Fields of Payload, Metric, PropertySet and PropertyValue: specification 6.4, sparkplug_b.proto.
_TIMESTAMP, _METRICS, _SEQ = 1, 2, 3
_NAME, _AT, _DATATYPE, _IS_HISTORICAL, _IS_NULL, _PROPERTIES = 1, 3, 4, 5, 7, 9
_LONG, _DOUBLE, _BOOLEAN, _STRING = 11, 13, 14, 15
_KEYS, _VALUES = 1, 2
_TYPE, _PROPERTY_INT, _PROPERTY_STRING = 1, 3, 8

# Data types: specification 6.4.16.
INT32, INT64, DOUBLE, BOOLEAN, STRING = 3, 4, 10, 11, 12

# Quality codes: 6.4.9.1 allows these and 500. What is not said is good.
BAD, GOOD = 0, 192

_WRAP = 256
_MOST = 1 << 63

UNDATED = "undated readings"
"""A metric of ours: how many were withheld so far because no clock could date them."""


@dataclass(frozen=True, slots=True)
class _Metric:
    """A metric without its name; `value` is the encoded field, empty where there is none."""

    name: str
    datatype: int
    at_us: int | None
    value: bytes
    properties: bytes = b""
    is_historical: bool = False

    def encoded(self, *, is_birth: bool) -> bytes:
        body = protobuf.text(_NAME, self.name)
        if self.at_us is not None:
            body += protobuf.number(_AT, self.at_us // 1000)
        if is_birth:
            body += protobuf.number(_DATATYPE, self.datatype)
        if self.is_historical:
            body += protobuf.number(_IS_HISTORICAL, 1)
        if not self.value:
            body += protobuf.number(_IS_NULL, 1)
        if self.properties:
            body += protobuf.message(_PROPERTIES, self.properties)
        return protobuf.message(_METRICS, body + self.value)


class SparkplugB:
    """Implements `Format`; one object is one edge node session, born anew at each connection.

    Born again, too, when a metric is new and when the sequence would wrap: who came late waits for
    255 messages at most.
    """

    name = "sparkplug_b"
    needs = ("group",)
    may_squeeze = False
    is_lossless = False

    def __init__(self) -> None:
        self._birth_sequence = -1
        self._sequence = 0
        self._is_born = False
        self._latest: dict[str, _Metric] = {}
        self._undated = 0

    def will(self, pole: Pole) -> Message | None:
        """NDEATH with the number of the session that is about to begin. Raises PoleIncomplete."""
        demand(self.name, self.needs, pole)
        self._birth_sequence = (self._birth_sequence + 1) % _WRAP
        self._is_born = False
        return Message(_topic("NDEATH", pole), self._session().encoded(is_birth=True), CONTENT_TYPE)

    def begin(self) -> None:
        """The first batch with dates is preceded by NBIRTH."""
        self._is_born = False

    def encode(self, batch: Batch, pole: Pole) -> Iterator[Message]:
        """NBIRTH where one is due, then NDATA. Raises PoleIncomplete."""
        demand(self.name, self.needs, pole)
        offset_us = date_offset_us(batch)
        if offset_us is None:
            self._undated += sum(len(series.times_us) for series in batch.columns.series)
            return
        timed = _metrics(batch, offset_us)
        if not timed:
            return
        at_us = timed[-1][0]
        metrics = [metric for _, metric in timed]
        metrics.append(_Metric(UNDATED, INT64, at_us, protobuf.number(_LONG, self._undated)))
        is_new = any(metric.name not in self._latest for metric in metrics)
        for metric in metrics:
            unknown = _Metric(metric.name, metric.datatype, metric.at_us, b"")
            self._latest.setdefault(metric.name, unknown)
        if is_new or not self._is_born or self._sequence + 1 == _WRAP:
            yield Message(_topic("NBIRTH", pole), self._birth(at_us), CONTENT_TYPE)
        self._sequence += 1
        payload = _payload(at_us, metrics, self._sequence, is_birth=False)
        yield Message(_topic("NDATA", pole), payload, CONTENT_TYPE)
        if batch.arrival is Arrival.LIVE:
            self._latest |= {metric.name: metric for metric in metrics}

    def _birth(self, at_us: int) -> bytes:
        self._is_born, self._sequence = True, 0
        rebirth = _Metric("Node Control/Rebirth", BOOLEAN, at_us, protobuf.number(_BOOLEAN, 0))
        metrics = [self._session(at_us), rebirth, *self._latest.values()]
        return _payload(at_us, metrics, self._sequence, is_birth=True)

    def _session(self, at_us: int | None = None) -> _Metric:
        number = protobuf.number(_LONG, max(self._birth_sequence, 0))
        return _Metric("bdSeq", INT64, at_us, number)


def _payload(at_us: int, metrics: Sequence[_Metric], sequence: int, *, is_birth: bool) -> bytes:
    """`at_us`: the newest reading's; a batch does not know when it is sent."""
    body = b"".join(metric.encoded(is_birth=is_birth) for metric in metrics)
    return protobuf.number(_TIMESTAMP, at_us // 1000) + body + protobuf.number(_SEQ, sequence)


def _metrics(batch: Batch, offset_us: int) -> list[tuple[int, _Metric]]:
    """All readings and events with their dates, in the order of these."""
    found: list[tuple[int, _Metric]] = []
    for series in batch.columns.series:
        for value in values(series):
            at_us = value.time_us + offset_us
            found.append((at_us, _metric(series, value, at_us, batch)))
    for event in batch.columns.events:
        at_us = event.at.monotonic_ns // 1000 + offset_us
        found.append((at_us, _event(event, at_us, batch)))
    return sorted(found, key=lambda timed: timed[0])


def _metric(series: Series, value: Value, at_us: int, batch: Batch) -> _Metric:
    measurand = series.measurand
    window = f"{measurand.statistic}_{measurand.window_s}s" if measurand.window_s else ""
    levels = [series.device, measurand.channel, str(measurand.quantity), window]
    number = value.number
    encoded = b""
    if isinstance(number, int) and abs(number) < _MOST:
        encoded = protobuf.number(_LONG, number)
    elif isinstance(number, float):
        encoded = protobuf.double(_DOUBLE, number)
    return _Metric(
        "/".join(level for level in levels if level),
        DOUBLE if series.decimals else INT64,
        at_us,
        encoded,
        _properties(value.mark, batch.dates.dating),
        batch.arrival is Arrival.BACKFILL,
    )


def _event(event: Event, at_us: int, batch: Batch) -> _Metric:
    words = protobuf.text(_STRING, f"{event.subject}: {event.text}")
    is_historical = batch.arrival is Arrival.BACKFILL
    return _Metric(f"event/{event.kind}", STRING, at_us, words, is_historical=is_historical)


def _properties(mark: Mark, clock: str) -> bytes:
    """Nothing for what is good, uncalibrated and dated by a disciplined clock."""
    found: dict[str, int | str] = {}
    if mark.flag is not Flag.GOOD:
        is_bad = mark.flag is not Flag.NOT_EVALUATED
        found["Quality"] = BAD if is_bad else GOOD
        found["flag"] = int(mark.flag)
        found["qc"] = word(mark)
    if mark.reasons:
        found["reasons"] = ",".join(mark.reasons)
    if mark.calibration_id:
        found["calibration"] = mark.calibration_id
    if clock != "synced":
        found["clock"] = clock
    keys = b"".join(protobuf.text(_KEYS, key) for key in found)
    return keys + b"".join(protobuf.message(_VALUES, _property(one)) for one in found.values())


def _property(value: int | str) -> bytes:
    if isinstance(value, int):
        return protobuf.number(_TYPE, INT32) + protobuf.number(_PROPERTY_INT, value)
    return protobuf.number(_TYPE, STRING) + protobuf.text(_PROPERTY_STRING, value)


def _topic(kind: str, pole: Pole) -> str:
    return f"spBv1.0/{pole.group}/{kind}/{pole.gateway_id}"
