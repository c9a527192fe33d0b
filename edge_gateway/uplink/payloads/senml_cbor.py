"""SenML CBOR (RFC 8428 section 6): the records of senml.py with numbers for labels.

Numbers are integers or decimal fractions (tag 4), so nothing is rounded; `since_boot`, the one
label of ours, is a text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from math import gcd

from edge_gateway.outbox import Mark, Series
from edge_gateway.reading import Event, Flag
from edge_gateway.uplink.batch import Batch
from edge_gateway.uplink.payloads import Message, Pole, cbor, lane_of
from edge_gateway.uplink.payloads.senml import measurand_name, name_part
from edge_gateway.uplink.payloads.stateless import Stateless

CONTENT_TYPE = "application/senml+cbor"

# RFC 8428 table 4; a negative integer -n is 0x20 + n - 1.
_BASE_VERSION, _BASE_NAME, _BASE_TIME, _BASE_UNIT = b"\x20", b"\x21", b"\x22", b"\x23"
_NAME, _VALUE, _TEXT, _TIME = b"\x00", b"\x02", b"\x03", b"\x06"

_MICRO, _MILLI = 10**6, 10**3
_MICRO_DECIMALS = 6
_WITH_SECONDARY_UNITS = 26  # RFC 9100, as in the JSON pack
_PLAIN = Mark(Flag.GOOD)


def encode(batch: Batch) -> bytes:
    """The pack of a batch, record for record that of `senml.encode`."""
    times = _Times(batch)
    root = f"urn:dev:ops:{batch.gateway_id}:"
    records = [_batch_record(batch, root, times)]
    if times.base_us is None:
        records.append(b"\xa2" + _NAME + cbor.text("boot") + _TEXT + cbor.text(batch.boot_id))
        if (before_us := batch.dates.before_us) is not None:
            number = cbor.scaled([before_us], _MICRO_DECIMALS)[before_us]
            records.append(b"\xa2" + _NAME + cbor.text("before") + _VALUE + number)
    records.extend(_event_record(event, times) for event in batch.columns.events)
    for series in batch.columns.series:
        records.extend(_notes(series, root, times))
    for series in batch.columns.series:
        records.extend(_values(series, root, times))
    return cbor.array_head(len(records)) + b"".join(records)


def messages(batch: Batch, pole: Pole) -> Iterator[Message]:
    """One message: the pack."""
    yield Message(pole.topic(lane_of(batch.columns)), encode(batch), CONTENT_TYPE)


FORMAT = Stateless("senml_cbor", messages, may_squeeze=True, is_lossless=True)


class _Times:
    """The label and number of each record's time, against base time in whole seconds."""

    def __init__(self, batch: Batch) -> None:
        self._offset_us = offset_us = _offset_us(batch)
        self.base_us = None if offset_us is None else _base_us(batch, offset_us)
        self._known: dict[int, list[bytes]] = {}

    def column(self, times_us: Sequence[int]) -> list[bytes]:
        """For a column; series of one frame share the column, and so the work."""
        found = self._known.get(id(times_us))
        if found is None:
            found = self._known[id(times_us)] = [self.one(time_us) for time_us in times_us]
        return found

    def one(self, time_us: int) -> bytes:
        """For one stamp in microseconds since its boot."""
        if self._offset_us is None or self.base_us is None:
            return _SINCE_BOOT + _seconds(time_us)
        return _TIME + _seconds(time_us + self._offset_us - self.base_us)


_SINCE_BOOT = cbor.text("since_boot")


def _offset_us(batch: Batch) -> int | None:
    """As in the JSON pack: in milliseconds where all stamps of readings are."""
    offset_us = batch.dates.offset_us
    if offset_us is None:
        return None
    stamps_us = (time_us for series in batch.columns.series for time_us in series.times_us)
    is_coarse = batch.columns.series and gcd(_MILLI, *stamps_us) == _MILLI
    return offset_us // _MILLI * _MILLI if is_coarse else offset_us


def _base_us(batch: Batch, offset_us: int) -> int:
    starts = [min(series.times_us) for series in batch.columns.series]
    starts += [event.at.monotonic_ns // 1000 for event in batch.columns.events]
    return (min(starts, default=0) + offset_us) // _MICRO * _MICRO


def _batch_record(batch: Batch, root: str, times: _Times) -> bytes:
    text = f"{batch.key}/{batch.arrival}/{batch.dates.dating}"
    pairs = [_BASE_NAME + cbor.text(root)]
    if times.base_us is not None:
        pairs.append(_BASE_TIME + cbor.integer(times.base_us // _MICRO))
    if any(series.measurand.quantity.nature.has_secondary_unit for series in batch.columns.series):
        pairs.append(_BASE_VERSION + cbor.integer(_WITH_SECONDARY_UNITS))
    pairs += [_NAME + cbor.text("batch"), _TEXT + cbor.text(text)]
    return cbor.map_head(len(pairs)) + b"".join(pairs)


def _event_record(event: Event, times: _Times) -> bytes:
    name = f"event:{name_part(event.kind)}:{name_part(event.subject)}"
    time = times.one(event.at.monotonic_ns // 1000)
    return b"\xa3" + time + _NAME + cbor.text(name) + _TEXT + cbor.text(event.text)


def _notes(series: Series, root: str, times: _Times) -> Iterator[bytes]:
    if all(mark == _PLAIN for _, mark in series.marks):
        return
    name = root + measurand_name(series.device, series.measurand)
    marks = list(series.each_mark())
    column = list(zip(times.column(series.times_us), marks, strict=True))
    flags = (
        time + _VALUE + cbor.integer(mark.flag)
        for time, mark in column
        if mark.flag is not Flag.GOOD
    )
    yield from _group(f"{name}.qc", "", flags)
    reasons = (
        time + _TEXT + cbor.text(",".join(mark.reasons)) for time, mark in column if mark.reasons
    )
    yield from _group(f"{name}.why", "", reasons)
    calibrations = (
        time + _TEXT + cbor.text(mark.calibration_id)
        for (_, before), (time, mark) in pairwise(chain([(b"", _PLAIN)], column))
        if mark.calibration_id != before.calibration_id
    )
    yield from _group(f"{name}.cal", "", calibrations)


def _values(series: Series, root: str, times: _Times) -> Iterator[bytes]:
    # One dictionary for all values: most come again, and a look-up is a fifth of an encoding.
    numbers = cbor.scaled(set(series.scaled), series.decimals)
    records = (
        time + _VALUE + numbers[scaled]
        for time, scaled in zip(times.column(series.times_us), series.scaled, strict=True)
        if scaled is not None
    )
    name = root + measurand_name(series.device, series.measurand)
    yield from _group(name, series.measurand.quantity.nature.unit, records)


def _group(name: str, unit: str, records: Iterator[bytes]) -> Iterator[bytes]:
    """Records of two pairs each under one full name; nothing where there are none."""
    first = next(records, None)
    if first is None:
        return
    named = _BASE_NAME + cbor.text(name)
    if unit:
        yield b"\xa4" + named + _BASE_UNIT + cbor.text(unit) + first
    else:
        yield b"\xa3" + named + first
    for record in records:
        yield b"\xa2" + record


def _seconds(microseconds: int) -> bytes:
    """Exactly, in the fewest decimals out of none, three and six."""
    if microseconds % _MILLI:
        return cbor.decimal(microseconds, 6)
    if microseconds % _MICRO:
        return cbor.decimal(microseconds // _MILLI, 3)
    return cbor.integer(microseconds // _MICRO)
