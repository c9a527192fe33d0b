"""SenML JSON (RFC 8428), one group of records per series, under urn:dev:ops:GATEWAY:.

A pack is in three parts, because a base unit holds for all that follows it: the batch record and
the events; what is known of values beside them; the values. Several batches in one pack follow
each other, each begun by its batch record. docs/topics.md has the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import compress, pairwise
from json.encoder import encode_basestring
from math import gcd
from operator import is_not

from edge_gateway.outbox import Mark, Series
from edge_gateway.outbox.columns import without_gaps
from edge_gateway.reading import Event, Flag, Measurand, Statistic
from edge_gateway.uplink.batch import Batch

CONTENT_TYPE = "application/senml+json"

_MICRO = 10**6
_WITH_SECONDARY_UNITS = 26  # RFC 9100: 10, and 2**4 for the units of RFC 8798
_MILLI = 10**3

# RFC 8428 section 4.5.1 allows these and `:` and `.`, which part our names.
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9/_-]")

# So much is added to the microseconds of times below `_MARKED_BELOW_US` that are written at once:
# ten times as much as the digits they have. Each second of them costs a look at the whole text.
_MARK_US = 10**7
_MARKED_BELOW_US = 3 * _MICRO
_MANY = 8

_IS_THERE = partial(is_not, None)

# A decimal of 15 digits survives a double and back (IEEE 754), so that its text is exact.
_EXACT_US = 10**15


def encode(batch: Batch) -> bytes:
    """The pack of a batch. Stamps within one series are taken to be distinct and in order."""
    return encode_all([batch])


def encode_all(batches: Sequence[Batch]) -> bytes:
    """One pack of several batches of one gateway; all of them have dates, or none has."""
    records: list[str] = []
    for batch in batches:
        times = _Times(batch)
        # All records of a pack are of one version, which the first sets.
        version = "" if records else _version(batches)
        records.append(_batch_record(batch, times, version, is_first=not records))
        records.extend(_of_one(batch, times))
    return f"[{','.join(records)}]".encode()


def _of_one(batch: Batch, times: _Times) -> Iterator[str]:
    root = f"urn:dev:ops:{batch.gateway_id}:"
    if times.base_us is None:
        yield f'{{"n":"boot","vs":{_quoted(batch.boot_id)}}}'
        if batch.dates.before_us is not None:
            yield f'{{"n":"before","v":{_decimal(batch.dates.before_us)}}}'
    for event in batch.columns.events:
        yield _event_record(event, times)
    for series in batch.columns.series:
        yield from _notes(series, root, times)
    for series in batch.columns.series:
        yield from _values(series, root, times)


def measurand_name(device: str, measurand: Measurand) -> str:
    """DEVICE:[CHANNEL:]QUANTITY[.STATISTIC_WINDOWs], in characters that SenML allows."""
    name = f"{name_part(device)}:"
    if measurand.channel:
        name += f"{name_part(measurand.channel)}:"
    name += measurand.quantity
    if measurand.statistic is not Statistic.SAMPLE or measurand.window_s:
        name += f".{measurand.statistic}_{measurand.window_s}s"
    return name


@lru_cache(maxsize=1024)
def name_part(text: str) -> str:
    """Text as a part of a name: what SenML forbids or we part by becomes -uHEX-."""
    return _NOT_IN_A_NAME.sub(lambda found: f"-u{ord(found[0]):x}-", text)


class _Times:
    """The start of each record: its time, against the batch's base time in whole seconds."""

    def __init__(self, batch: Batch) -> None:
        offset_us = _offset_us(batch)
        self.base_us = None if offset_us is None else _base_us(batch, offset_us)
        self._shift_us = 0 if self.base_us is None else (offset_us or 0) - self.base_us
        self._label = '"since_boot":' if self.base_us is None else '"t":'
        self._known: dict[int, list[str]] = {}

    def column(self, times_us: Sequence[int]) -> list[str]:
        """Texts for a column; series of one frame share the column, and so the work."""
        texts = self._known.get(id(times_us))
        if texts is None:
            label, shift_us = self._label, self._shift_us
            decimals = _decimals([time_us + shift_us for time_us in times_us])
            texts = self._known[id(times_us)] = [f"{label}{text}," for text in decimals]
        return texts

    def records(self, times_us: Sequence[int], numbers: Sequence[int] | Sequence[str]) -> str:
        """The records of a column of values, whose numbers are as they are to be written."""
        marked_us = self._marked(times_us)
        if marked_us is None:
            return _joined(self.column(times_us), numbers)
        pairs = zip(marked_us, numbers, strict=True)
        written = "},{".join([f'"t":{time_us},"v":{number}' for time_us, number in pairs])
        return _unmarked(written, marked_us)

    def one(self, time_us: int) -> str:
        """Text for one stamp in microseconds since its boot."""
        return f"{self._label}{_decimal(time_us + self._shift_us)},"

    def _marked(self, times_us: Sequence[int]) -> list[int] | None:
        """Times to be written with `_unmarked`; None where they are few, far apart, or no dates."""
        if self.base_us is None or len(times_us) < _MANY or id(times_us) in self._known:
            return None
        first_us, last_us = min(times_us) + self._shift_us, max(times_us) + self._shift_us
        if first_us < 0 or last_us >= _MARKED_BELOW_US:
            return None
        mark_us = self._shift_us + _MARK_US
        return [time_us + mark_us for time_us in times_us]


def _unmarked(written: str, marked_us: Sequence[int]) -> str:
    """Records whose times are microseconds plus `_MARK_US`, in seconds with the fewest digits.

    All times have eight digits, so that the point is put in and zeros are taken away for all at
    once: a text for each would take as long as the rest of the way to the broker.
    """
    first, last = min(marked_us) // _MICRO, max(marked_us) // _MICRO
    for second in range(first, last + 1):
        written = written.replace(f'"t":{second}', f'"t":{second - _MARK_US // _MICRO}.')
    while '0,"v"' in written:
        written = written.replace('0,"v"', ',"v"')
    return written.replace('.,"v"', ',"v"')


def _offset_us(batch: Batch) -> int | None:
    """The batch's offset, as coarse as its stamps: finer digits would be the clock's noise."""
    offset_us = batch.dates.offset_us
    if offset_us is None:
        return None
    # Series of one frame share their column.
    columns = {id(series.times_us): series.times_us for series in batch.columns.series}
    is_coarse = columns and all(gcd(_MILLI, *times_us) == _MILLI for times_us in columns.values())
    return offset_us // _MILLI * _MILLI if is_coarse else offset_us


def _base_us(batch: Batch, offset_us: int) -> int:
    starts = [min(series.times_us) for series in batch.columns.series]
    starts += [event.at.monotonic_ns // 1000 for event in batch.columns.events]
    return (min(starts, default=0) + offset_us) // _MICRO * _MICRO


def _version(batches: Sequence[Batch]) -> str:
    has_secondary = any(
        series.measurand.quantity.nature.has_secondary_unit
        for batch in batches
        for series in batch.columns.series
    )
    return f'"bver":{_WITH_SECONDARY_UNITS},' if has_secondary else ""


def _batch_record(batch: Batch, times: _Times, version: str, *, is_first: bool) -> str:
    base = "" if times.base_us is None else f'"bt":{times.base_us // _MICRO},'
    # The unit of the batch before must not go on into what follows.
    unit = "" if is_first else '"bu":"",'
    root, text = (
        f"urn:dev:ops:{batch.gateway_id}:",
        f"{batch.key}/{batch.arrival}/{batch.dates.dating}",
    )
    return f'{{"bn":{_quoted(root)},{base}{unit}{version}"n":"batch","vs":{_quoted(text)}}}'


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
    yield from _group(f"{name}.qc", flags)
    reasons = (
        f'{time}"vs":{_quoted(",".join(mark.reasons))}'
        for time, mark in zip(texts, marks, strict=True)
        if mark.reasons
    )
    yield from _group(f"{name}.why", reasons)
    yield from _group(f"{name}.cal", _calibrations(texts, marks))


def _calibrations(texts: list[str], marks: list[Mark]) -> Iterator[str]:
    """One record where the calibration changes; it holds for what follows in the series."""
    before = Mark(Flag.GOOD)
    for (previous, mark), time in zip(pairwise([before, *marks]), texts, strict=True):
        if mark.calibration_id != previous.calibration_id:
            yield f'{time}"vs":{_quoted(mark.calibration_id)}'


def _values(series: Series, root: str, times: _Times) -> Iterator[str]:
    present = without_gaps(series.scaled)
    if not present:
        return
    numbers = _numbers(present, 10**series.decimals)
    if present is series.scaled:
        records = times.records(series.times_us, numbers)
    else:
        texts = compress(times.column(series.times_us), map(_IS_THERE, series.scaled))
        records = _joined(texts, numbers)
    name = root + measurand_name(series.device, series.measurand)
    unit = series.measurand.quantity.nature.unit
    yield f'{{"bn":{_quoted(name)},"bu":{_quoted(unit)},{records}}}'


def _joined(texts: Iterable[str], numbers: Sequence[int] | Sequence[str]) -> str:
    pairs = zip(texts, numbers, strict=True)
    return "},{".join([f'{text}"v":{number}' for text, number in pairs])


def _numbers(scaled: Sequence[int], scale: int) -> Sequence[int] | list[str]:
    """Values in units of 1/`scale`, as they are to be written: in the fewest digits."""
    if scale == 1:
        return scaled
    if not scaled[0] % scale and gcd(scale, *scaled) == scale:
        return [number // scale for number in scaled]
    return _texts(repr([number / scale for number in scaled]))


def _group(name: str, records: Iterator[str]) -> Iterator[str]:
    """Records under one full name; nothing where there are none."""
    joined = "},{".join(records)
    if joined:
        yield f'{{"bn":{_quoted(name)},{joined}}}'


def _texts(written: str) -> list[str]:
    """The numbers of a list's own text, which is made without a loop, in the fewest digits."""
    return f"{written[1:-1]}, ".replace(".0, ", ", ").split(", ")[:-1]


def _decimals(times_us: Sequence[int]) -> list[str]:
    """Seconds of each, exactly."""
    if max(times_us) < _EXACT_US and min(times_us) > -_EXACT_US:
        written = repr([time_us / _MICRO for time_us in times_us])
        # Below a ten thousandth of a second a double is written with an exponent.
        if "e" not in written:
            return _texts(written)
    return [_decimal(time_us) for time_us in times_us]


def _decimal(microseconds: int) -> str:
    """Seconds, exactly: no float comes between."""
    sign = "-" if microseconds < 0 else ""
    seconds, rest = divmod(abs(microseconds), _MICRO)
    return (
        f"{sign}{seconds}.{rest:06d}".rstrip("0").removesuffix(".") if rest else f"{sign}{seconds}"
    )


def _quoted(text: str) -> str:
    # What json.dumps comes to with ensure_ascii=False, without its way there.
    return encode_basestring(text)


_PLAIN = Mark(Flag.GOOD)
