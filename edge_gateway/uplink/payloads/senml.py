"""SenML JSON (RFC 8428), one group of records per series, under urn:dev:ops:GATEWAY:.

A pack is in three parts, because a base unit holds for all that follows it: the batch record and
the events; what is known of values beside them; the values. docs/topics.md has the grammar.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from edge_gateway.outbox import Mark, Series
from edge_gateway.reading import Event, Flag, Measurand, Statistic
from edge_gateway.uplink.batch import Batch

CONTENT_TYPE = "application/senml+json"

_MICRO = 10**6

# RFC 8428 section 4.5.1 allows these and `:` and `.`, which part our names.
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9/_-]")


def encode(batch: Batch) -> bytes:
    """The pack of a batch. Stamps within one series are taken to be distinct and in order."""
    times = _Times(batch)
    root = f"urn:dev:ops:{batch.gateway_id}:"
    records = [_batch_record(batch, root, times)]
    if times.base_us is None:
        records.append(f'{{"n":"boot","vs":{_quoted(batch.boot_id)}}}')
    records.extend(_event_record(event, times) for event in batch.columns.events)
    for series in batch.columns.series:
        records.extend(_notes(series, root, times))
    for series in batch.columns.series:
        records.extend(_values(series, root, times))
    return f"[{','.join(records)}]".encode()


def measurand_name(device: str, measurand: Measurand) -> str:
    """DEVICE:[CHANNEL:]QUANTITY[.STATISTIC_WINDOWs], in characters that SenML allows."""
    name = f"{name_part(device)}:"
    if measurand.channel:
        name += f"{name_part(measurand.channel)}:"
    name += measurand.quantity
    if measurand.statistic is not Statistic.SAMPLE or measurand.window_s:
        name += f".{measurand.statistic}_{measurand.window_s}s"
    return name


def name_part(text: str) -> str:
    """Text as a part of a name: what SenML forbids or we part by becomes -uHEX-."""
    return _NOT_IN_A_NAME.sub(lambda found: f"-u{ord(found[0]):x}-", text)


class _Times:
    """The start of each record: its time, against the batch's base time in whole seconds."""

    def __init__(self, batch: Batch) -> None:
        self._offset_us = batch.dates.offset_us
        self.base_us = _base_us(batch)
        self._known: dict[int, list[str]] = {}

    def column(self, times_us: Sequence[int]) -> list[str]:
        """Texts for a column; series of one frame share the column, and so the work."""
        texts = self._known.get(id(times_us))
        if texts is None:
            texts = self._known[id(times_us)] = [self.one(time_us) for time_us in times_us]
        return texts

    def one(self, time_us: int) -> str:
        """Text for one stamp in microseconds since its boot."""
        if self._offset_us is None or self.base_us is None:
            return f'"since_boot":{_decimal(time_us)},'
        return f'"t":{_decimal(time_us + self._offset_us - self.base_us)},'


def _base_us(batch: Batch) -> int | None:
    if batch.dates.offset_us is None:
        return None
    starts = [min(series.times_us) for series in batch.columns.series]
    starts += [event.at.monotonic_ns // 1000 for event in batch.columns.events]
    return (min(starts, default=0) + batch.dates.offset_us) // _MICRO * _MICRO


def _batch_record(batch: Batch, root: str, times: _Times) -> str:
    base = "" if times.base_us is None else f'"bt":{times.base_us // _MICRO},'
    text = f"{batch.key}/{batch.arrival}/{batch.dates.dating}"
    return f'{{"bn":{_quoted(root)},{base}"n":"batch","vs":{_quoted(text)}}}'


def _event_record(event: Event, times: _Times) -> str:
    name = f"event:{name_part(event.kind)}:{name_part(event.subject)}"
    time = times.one(event.at.monotonic_ns // 1000)
    return f'{{{time}"n":{_quoted(name)},"vs":{_quoted(event.text)}}}'


def _notes(series: Series, root: str, times: _Times) -> Iterator[str]:
    if all(mark == _PLAIN for _, mark in series.marks):
        return
    name = root + measurand_name(series.device, series.measurand)
    texts = times.column(series.times_us)
    marks = list(series.each_mark())
    flags = (
        f'{time}"v":{mark.flag:d}'
        for time, mark in zip(texts, marks, strict=True)
        if mark.flag is not Flag.GOOD
    )
    yield from _group(f"{name}.qc", "", flags)
    reasons = (
        f'{time}"vs":{_quoted(",".join(mark.reasons))}'
        for time, mark in zip(texts, marks, strict=True)
        if mark.reasons
    )
    yield from _group(f"{name}.why", "", reasons)
    yield from _group(f"{name}.cal", "", _calibrations(texts, marks))


def _calibrations(texts: list[str], marks: list[Mark]) -> Iterator[str]:
    """One record where the calibration changes; it holds for what follows in the series."""
    before = Mark(Flag.GOOD)
    for (previous, mark), time in zip(pairwise([before, *marks]), texts, strict=True):
        if mark.calibration_id != previous.calibration_id:
            yield f'{time}"vs":{_quoted(mark.calibration_id)}'


def _values(series: Series, root: str, times: _Times) -> Iterator[str]:
    scale = 10**series.decimals
    values = (
        f'{time}"v":{_number(scaled, scale)}'
        for time, scaled in zip(times.column(series.times_us), series.scaled, strict=True)
        if scaled is not None
    )
    name = root + measurand_name(series.device, series.measurand)
    unit = series.measurand.quantity.nature.unit
    yield from _group(name, f'"bu":{_quoted(unit)},', values)


def _group(name: str, base: str, records: Iterator[str]) -> Iterator[str]:
    """Records under one full name; nothing where there are none."""
    first = next(records, None)
    if first is None:
        return
    yield f'{{"bn":{_quoted(name)},{base}{first}}}'
    for record in records:
        yield f"{{{record}}}"


def _number(scaled: int, scale: int) -> str:
    return str(scaled) if scale == 1 else repr(scaled / scale).removesuffix(".0")


def _decimal(microseconds: int) -> str:
    """Seconds, exactly: no float comes between."""
    sign = "-" if microseconds < 0 else ""
    seconds, rest = divmod(abs(microseconds), _MICRO)
    return (
        f"{sign}{seconds}.{rest:06d}".rstrip("0").removesuffix(".") if rest else f"{sign}{seconds}"
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


_PLAIN = Mark(Flag.GOOD)
