"""A block: the batch of one lane of one commit as bytes, compact, checked and lossless.

Byte 0 is the version (3: plain, 4: zlib), bytes 1-4 the CRC-32 of all that follows, then the body:
strings, marks and time columns that the series refer to by number (two quantities of one frame
share their stamps), then the series, then the events. Times are second differences, values first
differences of whole numbers, each column in its narrowest width. A time column counts in its own
unit: seconds, milliseconds or microseconds, the coarsest that is exact.

Versions 1 and 2 are the same without that unit, all in microseconds. They are read for ever, so
that an upgrade loses nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Hashable, Iterable, Sequence
from math import gcd
from typing import Generic, TypeVar

from edge_gateway.outbox.columns import Columns, Mark, Series, to_columns, without_gaps
from edge_gateway.outbox.packing import BadBlock, Reader, Writer
from edge_gateway.reading import Entry, Event, Flag, Measurand, Quantity, Stamp, Statistic

PLAIN = 3
DEFLATED = 4

# What older versions wrote; their times have no unit.
_OLD_PLAIN = 1
_OLD_DEFLATED = 2

# Microseconds in the units a time column can count in, by their number in the block.
_UNITS_US = (1, 1000, 1_000_000)

# No commit makes a body longer than this: beyond it the bytes are hostile, not a block.
_LONGEST_BODY = 64 << 20
_HEAD_BYTES = 5
_MOST_DECIMALS = 15
_TIME_ORDER = 2
_VALUE_ORDER = 1

T = TypeVar("T", bound=Hashable)


def encode(entries: Iterable[Entry]) -> bytes:
    """Pack entries; values and stamps take the resolution that `columns` states."""
    return pack(to_columns(entries))


def decode(data: bytes) -> tuple[Entry, ...]:
    """Unpack a block: each series in its order, then the events. Raises BadBlock."""
    return unpack(data).entries()


def pack(columns: Columns) -> bytes:
    """Columns as the bytes of one block."""
    body = _body(columns)
    deflated = zlib.compress(body, 6)
    version, stored = (DEFLATED, deflated) if len(deflated) < len(body) else (PLAIN, body)
    return bytes([version]) + zlib.crc32(stored).to_bytes(4, "little") + stored


def unpack(data: bytes) -> Columns:
    """The columns of a block; raises BadBlock when a byte is wrong or the version unknown."""
    stored = check(data)
    reader = Reader(_inflate(stored) if data[0] in {DEFLATED, _OLD_DEFLATED} else stored)
    try:
        columns = _read_body(reader, has_units=data[0] >= PLAIN)
    except BadBlock:
        raise
    except (ValueError, IndexError, OverflowError) as error:
        raise BadBlock(f"the block holds what this version does not know: {error}") from error
    if not reader.finished:
        raise BadBlock("the block goes on after its end")
    return columns


def check(data: bytes) -> bytes:
    """What a block stores behind its head, when it is whole and undamaged; otherwise BadBlock."""
    if len(data) < _HEAD_BYTES or not _OLD_PLAIN <= data[0] <= DEFLATED:
        version = f"version {data[0]}" if data else "nothing"
        raise BadBlock(f"{version} is not a block of version {_OLD_PLAIN} to {DEFLATED}")
    stored = data[_HEAD_BYTES:]
    if zlib.crc32(stored) != int.from_bytes(data[1:_HEAD_BYTES], "little"):
        raise BadBlock("the checksum of the block does not fit its content")
    return stored


class _Table(Generic[T]):
    """Gives each different thing a number, in order of first appearance."""

    def __init__(self) -> None:
        self.numbers: dict[T, int] = {}

    def number(self, thing: T) -> int:
        return self.numbers.setdefault(thing, len(self.numbers))


def _body(columns: Columns) -> bytes:
    strings: _Table[str] = _Table()
    marks: _Table[Mark] = _Table()
    times: _Table[tuple[int, ...]] = _Table()
    tail = Writer()
    tail.unsigned(len(columns.series))
    for series in columns.series:
        _write_series(tail, series, strings, marks, times)
    _write_events(tail, columns.events, strings)
    middle = Writer()
    middle.unsigned(len(marks.numbers))
    for mark in marks.numbers:
        texts = (mark.calibration_id, *mark.reasons)
        middle.unsigned(mark.flag)
        middle.numbers([strings.number(text) for text in texts])
    middle.unsigned(len(times.numbers))
    for column in times.numbers:
        middle.unsigned(len(column))
        _write_times(middle, column, _TIME_ORDER)
    head = Writer()
    head.unsigned(len(strings.numbers))
    for text in strings.numbers:
        head.text(text)
    return bytes(head.data + middle.data + tail.data)


def _write_times(writer: Writer, times_us: Sequence[int], order: int) -> None:
    shared = gcd(_UNITS_US[-1], *times_us)
    number = next(n for n in (2, 1, 0) if shared % _UNITS_US[n] == 0)
    unit_us = _UNITS_US[number]
    writer.unsigned(number)
    if unit_us == 1:
        writer.deltas(times_us, order)
    else:
        writer.deltas([time_us // unit_us for time_us in times_us], order)


def _read_times(reader: Reader, order: int, length: int, *, has_units: bool) -> list[int]:
    unit_us = _UNITS_US[reader.unsigned()] if has_units else 1
    if unit_us == 1:
        return reader.deltas(order, length)
    return [time * unit_us for time in reader.deltas(order, length)]


def _write_series(
    writer: Writer,
    series: Series,
    strings: _Table[str],
    marks: _Table[Mark],
    times: _Table[tuple[int, ...]],
) -> None:
    measurand = series.measurand
    writer.each_unsigned(
        strings.number(series.device),
        strings.number(str(measurand.quantity)),
        strings.number(measurand.channel),
        strings.number(str(measurand.statistic)),
        strings.number(series.boot_id),
        measurand.window_s,
        series.decimals,
        times.number(tuple(series.times_us)),
    )
    writer.numbers([count for count, _ in series.marks])
    writer.numbers([marks.number(mark) for _, mark in series.marks])
    scaled, whole = series.scaled, without_gaps(series.scaled)
    writer.numbers([] if whole is scaled else _gaps(scaled))
    writer.deltas(whole, _VALUE_ORDER)


def _gaps(scaled: Sequence[int | None]) -> list[int]:
    """Lengths of the runs with and without a value in turn, with first."""
    runs = [0]
    present = True
    for number in scaled:
        if (number is not None) != present:
            present = not present
            runs.append(0)
        runs[-1] += 1
    return runs


def _write_events(writer: Writer, events: Sequence[Event], strings: _Table[str]) -> None:
    writer.unsigned(len(events))
    for event in events:
        for text in (event.kind, event.subject, event.text, event.at.boot_id):
            writer.unsigned(strings.number(text))
    _write_times(writer, [event.at.monotonic_ns // 1000 for event in events], _VALUE_ORDER)


def _read_body(reader: Reader, *, has_units: bool) -> Columns:
    strings = [reader.text() for _ in range(reader.count())]
    marks: list[Mark] = []
    for _ in range(reader.count()):
        flag = Flag(reader.unsigned())
        calibration_id, *reasons = (strings[number] for number in reader.numbers())
        marks.append(Mark(flag, tuple(reasons), calibration_id))
    times = [
        _read_times(reader, _TIME_ORDER, reader.count(), has_units=has_units)
        for _ in range(reader.count())
    ]
    count = reader.count()
    series = tuple(_read_series(reader, strings, marks, times) for _ in range(count))
    return Columns(series, _read_events(reader, strings, has_units=has_units))


def _read_series(
    reader: Reader, strings: list[str], marks: list[Mark], times: list[list[int]]
) -> Series:
    *names, window_s, decimals, time_column = reader.each_unsigned(8)
    device, quantity, channel, statistic, boot_id = [strings[number] for number in names]
    measurand = Measurand(Quantity(quantity), channel, Statistic(statistic), window_s)
    if decimals > _MOST_DECIMALS:
        raise BadBlock(f"no quantity has {decimals} decimals")
    times_us = times[time_column]
    counts, numbers = reader.numbers(), reader.numbers()
    _check_runs(counts, len(times_us))
    gaps = reader.numbers()
    _check_runs(gaps or [len(times_us)], len(times_us))
    values = reader.deltas(_VALUE_ORDER, len(times_us) - sum(gaps[1::2]))
    runs = [(count, marks[number]) for count, number in zip(counts, numbers, strict=True)]
    return Series(device, measurand, boot_id, decimals, times_us, _spread(values, gaps), runs)


def _check_runs(runs: list[int], length: int) -> None:
    if sum(runs) != length or min(runs, default=0) < 0:
        raise BadBlock(f"runs of {runs} do not make a column of {length}")


def _spread(values: list[int], gaps: list[int]) -> Sequence[int | None]:
    if not gaps:
        return values
    spread: list[int | None] = []
    taken = 0
    for place, run in enumerate(gaps):
        if place % 2:
            spread.extend([None] * run)
        else:
            spread.extend(values[taken : taken + run])
            taken += run
    return spread


def _read_events(reader: Reader, strings: list[str], *, has_units: bool) -> tuple[Event, ...]:
    texts = [tuple(strings[reader.unsigned()] for _ in range(4)) for _ in range(reader.count())]
    times_us = _read_times(reader, _VALUE_ORDER, len(texts), has_units=has_units)
    return tuple(
        Event(kind, subject, text, Stamp(boot_id, time_us * 1000))
        for (kind, subject, text, boot_id), time_us in zip(texts, times_us, strict=True)
    )


def _inflate(stored: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        body = inflater.decompress(stored, _LONGEST_BODY)
    except zlib.error as error:
        raise BadBlock(f"the block does not inflate: {error}") from error
    if not inflater.eof:
        raise BadBlock("the block does not inflate to its end")
    return body
