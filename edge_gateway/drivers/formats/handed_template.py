"""Lines that differ in their numbers alone, as a program writes them that counts one thing.

All that is the same in them is taken away at once, and what is left is parsed as one list of
numbers: a third of the work of an object a line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic_core import from_json

# The end of a line whose last key is `value`, or whose last two are `value` and `time`.
_END = re.compile(
    rb'(?<="value")(\s*:\s*)[-+.0-9eE]+(?:(\s*,\s*"time"\s*:\s*)[-+.0-9eE]+)?(\s*\})$'
)

# Stands between value and time, where no number can stand.
_MARK = b",null,"


@dataclass(frozen=True, slots=True)
class Template:
    """What comes before the value, between it and the time (empty: no time), and after."""

    head: bytes
    between: bytes
    tail: bytes
    said: dict[str, Any]
    """The object that the lines are, without their numbers."""

    def numbers(self, lines: bytes, count: int) -> tuple[Sequence[Any], Sequence[Any]] | None:
        """Values and times of lines that are all of this form; None for others."""
        inner = self._inner(lines)
        if inner is None:
            return None
        try:
            found = cast("list[Any]", from_json(b"[" + inner + b"]", allow_inf_nan=False))
        except ValueError:
            return None
        if not self.between:
            return (found, ()) if len(found) == count else None
        # Every mark stood in a line; so many elements, and no comma of a line is among them.
        if len(found) != 3 * count or found[1::3].count(None) != count:
            return None
        return found[::3], found[2::3]

    def _inner(self, lines: bytes) -> bytes | None:
        """What is not the same in all lines, parted by commas."""
        start, end = len(self.head), len(lines) - len(self.tail)
        if end <= start or not (lines.startswith(self.head) and lines.endswith(self.tail)):
            return None
        # Where sensors take turns, the second line tells, or the last one.
        ends = lines.find(b"\n"), lines.rfind(b"\n")
        if not all(lines.startswith(self.head, at + 1) for at in ends):
            return None
        # What joins two lines holds a newline: where none is left, every line was of this form.
        inner = lines[start:end].replace(self.tail + b"\n" + self.head, b",")
        if b"\n" in inner or b"null" in inner:
            return None
        return inner.replace(self.between, _MARK) if self.between else inner


def template_of(line: bytes) -> Template | None:
    """The form of a line, None when it is not that simple."""
    match = _END.search(line)
    if match is None:
        return None
    head, between, tail = line[: match.end(1)], match[2] or b"", match[3]
    # Where nulls can take the place of the numbers, any numbers can.
    empty = b"null" + between + b"null" if between else b"null"
    try:
        said = from_json(head + empty + tail)
    except ValueError:
        return None
    if not isinstance(said, dict):
        return None
    keys = cast("dict[str, Any]", said)
    if keys.get("value", 0) is not None or (between and keys.get("time", 0) is not None):
        return None
    return Template(head, between, tail, keys)
