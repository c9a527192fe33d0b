"""A line that a program on the pole hands in: one reading as a JSON object, or a list of them.

Many lines are parsed in one go and checked by columns; where anything is not as it should be they
are taken one by one, and the one that is wrong is named.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, cast

from pydantic_core import from_json

from edge_gateway.drivers.formats.handed_template import Template, template_of
from edge_gateway.reading import Flag, Measurand, Quantity

MOST_MEASURANDS = 1000
LONGEST_CHANNEL = 64
# Beyond it no sensor and no counter; what is within is kept to the last digit of its quantity.
LARGEST = 1e15

RANGE = "range"
SAID = "flagged by its program"
NO_VALUE = "no_value"

_KEYS = ("quantity", "value", "channel", "time", "flag")
_FLAGS = {flag.name.lower(): flag for flag in Flag} | {int(flag): flag for flag in Flag}
_COLUMN_KEYS = frozenset({"quantity", "value", "channel", "time"})
_NUMBERS = frozenset({int, float})
_QUANTITIES = frozenset(Quantity)
_BAD = (Flag.SUSPECT, Flag.FAIL)
# Of fewer lines it does not pay to look for what they have in common.
_MANY = 4
# So many lines are objects at once: the garbage collector looks around at each 700 more of them.
_AT_ONCE = 400


class BadLine(ValueError):
    """A line that cannot be taken; the text says why."""


@dataclass(slots=True)
class Columns:
    """Readings by columns of equal length; NaN in `unix_s` where no time was said."""

    measurands: list[Measurand] = field(default_factory=list[Measurand])
    values: list[float] = field(default_factory=list[float])
    flags: list[Flag] = field(default_factory=list[Flag])
    reasons: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    unix_s: list[float] = field(default_factory=list[float])

    def extend(self, other: Columns) -> None:
        """Put another's rows behind these."""
        self.measurands += other.measurands
        self.values += other.values
        self.flags += other.flags
        self.reasons += other.reasons
        self.unix_s += other.unix_s


class Decoder:
    """Decodes lines; remembers which measurands there are, so that none is made twice."""

    def __init__(self) -> None:
        self._measurands: dict[tuple[str, str], Measurand] = {}
        self._template: Template | None = None

    def decode(self, lines: bytes, refuse: Callable[[int, str], None]) -> Columns:
        """Decode lines parted by newlines; `refuse` is told the place of each bad one, from 0."""
        count = lines.count(b"\n") + 1
        if count >= _MANY and (columns := self._by_template(lines, count)) is not None:
            return columns
        columns = Columns()
        each = lines.split(b"\n")
        for first in range(0, count, _AT_ONCE):
            columns.extend(self._together(each[first : first + _AT_ONCE], first, refuse))
        return columns

    def _together(
        self, lines: Sequence[bytes], first: int, refuse: Callable[[int, str], None]
    ) -> Columns:
        """Decode lines in one go where that is possible; `first` is the place of the first one."""
        # A raw newline ends a string with an error, and no value below is an array: so every comma
        # put in here parts two lines, and as many objects as lines are one object a line.
        try:
            objects = from_json(b"[" + b",\n".join(lines) + b"]", allow_inf_nan=False)
        except ValueError:
            objects = ()
        if len(objects) == len(lines) and (columns := self._by_columns(objects)) is not None:
            return columns
        columns = Columns()
        for place, line in enumerate(lines, start=first):
            try:
                columns.extend(self.line(line))
            except BadLine as bad:
                refuse(place, str(bad))
        return columns

    def line(self, line: bytes) -> Columns:
        """Decode one line, all of it or nothing. Raises BadLine."""
        try:
            said = from_json(line, allow_inf_nan=False)
        except ValueError as error:
            raise BadLine(f"not JSON: {error}") from error
        if not isinstance(said, list):
            return self._object(said)
        objects = cast("list[Any]", said)
        if (columns := self._by_columns(objects)) is not None:
            return columns
        columns = Columns()
        for place, one in enumerate(objects, start=1):
            try:
                columns.extend(self._object(one))
            except BadLine as bad:
                raise BadLine(f"reading {place} of the list: {bad}") from bad
        return columns

    def _by_columns(self, objects: Sequence[Any]) -> Columns | None:
        """The columns of objects that have the same keys and nothing unusual; None for others."""
        if set(map(type, objects)) != {dict}:
            return None
        keys = tuple(objects[0])
        # As many keys as the first has, and each of those: the same ones.
        if set(map(len, objects)) != {len(keys)} or not _COLUMN_KEYS.issuperset(keys):
            return None
        try:
            by_key = {key: list(map(itemgetter(key), objects)) for key in keys}
            return self._plain(len(objects), **by_key)
        except (BadLine, KeyError, TypeError, OverflowError):
            return None

    def _by_template(self, lines: bytes, count: int) -> Columns | None:
        """The columns of lines that differ in their numbers alone; None for others."""
        if self._template is None or not lines.startswith(self._template.head):
            self._template = template_of(lines[: lines.index(b"\n")])
        if self._template is None or not _COLUMN_KEYS.issuperset(self._template.said):
            return None
        said, found = self._template.said, self._template.numbers(lines, count)
        if found is None or "quantity" not in said or ("time" in said) != bool(found[1]):
            return None
        values, times = found
        try:
            if not _are_usable(values) or (times and not _are_usable(times)):
                return None
            measurand = self._measurand(said["quantity"], said.get("channel", ""))
        except (BadLine, TypeError, OverflowError):
            return None
        return _columns([measurand] * count, [measurand], values, times)

    def _plain(
        self,
        count: int,
        quantity: Sequence[Any],
        value: Sequence[Any],
        channel: Sequence[Any] | None = None,
        time: Sequence[Any] = (),
    ) -> Columns | None:
        """Columns that hold nothing but numbers and names. Raises BadLine, TypeError."""
        if not _are_usable(value) or (time and not _are_usable(time)):
            return None
        names: Sequence[Any] = channel or [""] * count
        first = quantity[0]
        if quantity.count(first) == count:
            # Names of one quantity are told apart by their channel alone.
            pairs = {name: (first, name) for name in dict.fromkeys(names)}
        else:
            names = list(zip(quantity, names, strict=True))
            pairs = {name: name for name in dict.fromkeys(names)}
        if len(self._measurands.keys() | pairs.values()) > MOST_MEASURANDS:
            return None
        known = {name: self._measurand(*pair) for name, pair in pairs.items()}
        return _columns(list(map(known.__getitem__, names)), known.values(), value, time)

    def _object(self, said: object) -> Columns:
        if not isinstance(said, dict):
            raise BadLine("a reading is a JSON object")
        reading = cast("dict[str, Any]", said)
        for key in reading:
            if key not in _KEYS:
                raise BadLine(f"unknown key {key[:40]!r}; known: {', '.join(_KEYS)}")
        if "quantity" not in reading:
            raise BadLine("quantity is missing")
        measurand = self._measurand(reading["quantity"], reading.get("channel", ""))
        unix_s = math.nan if reading.get("time") is None else _number("time", reading["time"])
        flag = _flag(reading)
        if flag is Flag.MISSING:
            return Columns([measurand], [math.nan], [flag], [(NO_VALUE,)], [unix_s])
        value = _number("value", reading["value"])
        flag, reasons = _judged(measurand, value, flag)
        return Columns([measurand], [value], [flag], [reasons], [unix_s])

    def _measurand(self, quantity: object, channel: object) -> Measurand:
        if not isinstance(quantity, str) or quantity not in _QUANTITIES:
            raise BadLine(f"unknown quantity {quantity!r:.60}; see docs/local-driver.md")
        if not isinstance(channel, str) or len(channel) > LONGEST_CHANNEL:
            raise BadLine(f"channel must be text of at most {LONGEST_CHANNEL} characters")
        known = self._measurands.get((quantity, channel))
        if known is not None:
            return known
        if not channel.isprintable():
            raise BadLine("channel holds characters that cannot be printed")
        if len(self._measurands) >= MOST_MEASURANDS:
            raise BadLine(f"a device has at most {MOST_MEASURANDS} quantities and channels")
        made = self._measurands[quantity, channel] = Measurand(Quantity(quantity), channel)
        return made


def _columns(
    measurands: list[Measurand],
    kinds: Collection[Measurand],
    values: Sequence[Any],
    times: Sequence[Any],
) -> Columns:
    """Columns of usable numbers; `kinds` are the measurands that there are, `times` may be none."""
    count = len(measurands)
    floats = list(map(float, values))
    unix_s = list(map(float, times)) if times else [math.nan] * count
    natures = [measurand.quantity.nature for measurand in kinds]
    low, high = max(nature.low for nature in natures), min(nature.high for nature in natures)
    if low <= min(values) and max(values) <= high:
        return Columns(measurands, floats, [Flag.GOOD] * count, [()] * count, unix_s)
    marks = [_judged(m, v, Flag.GOOD) for m, v in zip(measurands, floats, strict=True)]
    flags, reasons = zip(*marks, strict=True)
    return Columns(measurands, floats, list(flags), list(reasons), unix_s)


def _are_usable(numbers: Sequence[Any]) -> bool:
    """Whether all are numbers, and not too large. Raises TypeError."""
    if not set(map(type, numbers)) <= _NUMBERS:
        return False
    return min(numbers) >= -LARGEST and max(numbers) <= LARGEST


def _flag(reading: dict[str, Any]) -> Flag:
    said = reading.get("flag")
    flag = None if said is None else _FLAGS.get(said) if isinstance(said, (str, int)) else None
    if said is not None and (flag is None or isinstance(said, bool)):
        raise BadLine(f"unknown flag {said!r:.40}; known: {', '.join(map(str, _FLAGS))}")
    has_value = reading.get("value") is not None
    if flag is Flag.MISSING and has_value:
        raise BadLine("a missing reading has no value")
    if not has_value and "value" not in reading and flag is None:
        raise BadLine("value is missing; write null where there is none")
    if not has_value:
        return Flag.MISSING
    return flag or Flag.GOOD


def _number(key: str, said: object) -> float:
    if isinstance(said, bool) or not isinstance(said, (int, float)):
        raise BadLine(f"{key} must be a number, not {said!r:.40}")
    if abs(said) > LARGEST:
        raise BadLine(f"{key} is beyond {LARGEST:g}")
    return float(said)


def _judged(measurand: Measurand, value: float, said: Flag) -> tuple[Flag, tuple[str, ...]]:
    """What its program says of a value, or worse: it must be within the range of its quantity."""
    nature = measurand.quantity.nature
    reasons = (SAID,) if said in _BAD else ()
    if not nature.low <= value <= nature.high:
        return Flag.FAIL, (*reasons, RANGE)
    return (said, reasons) if said in _BAD else (Flag.GOOD, ())
