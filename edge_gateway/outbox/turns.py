"""Rows taken apart by measurand. Programs mostly read their sensors in turn: then it is slicing."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from edge_gateway.reading import Measurand, Rows

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Which rows are those of one measurand."""

    rows: slice | list[int]

    def of(self, column: Sequence[T]) -> list[T]:
        """Its part of a column."""
        if isinstance(self.rows, slice):
            return list(column[self.rows])
        return list(map(column.__getitem__, self.rows))


def places(measurands: Sequence[Measurand]) -> dict[Measurand, Place]:
    """Where each measurand is, in the order of first appearance; there is at least one row."""
    turn = _turn(measurands)
    if turn is None:
        return _scattered(measurands)
    return {measurand: Place(slice(n, None, len(turn))) for n, measurand in enumerate(turn)}


def joined(parts: Sequence[Rows]) -> Rows:
    """The rows of one device and one boot in one; there is at least one part."""
    if len(parts) == 1:
        return parts[0]
    return Rows(
        parts[0].device,
        parts[0].boot_id,
        list(chain.from_iterable(part.measurands for part in parts)),
        list(chain.from_iterable(part.values for part in parts)),
        list(chain.from_iterable(part.flags for part in parts)),
        list(chain.from_iterable(part.reasons for part in parts)),
        list(chain.from_iterable(part.times_ns for part in parts)),
    )


def _turn(measurands: Sequence[Measurand]) -> list[Measurand] | None:
    """The measurands that take turns, each once; None where they come in another order."""
    first, count = measurands[0], len(measurands)
    length = next((place for place in range(1, count) if measurands[place] is first), count)
    turn = list(measurands[:length])
    if len(set(turn)) < length or list(measurands) != (turn * (count // length + 1))[:count]:
        return None
    return turn


def _scattered(measurands: Sequence[Measurand]) -> dict[Measurand, Place]:
    # They are few objects, again and again: their addresses tell them apart, and hash in no time.
    numbers = list(map(id, measurands))
    kinds = dict(zip(numbers, measurands, strict=True))
    found: dict[Measurand, list[int]] = {}
    rows = {number: found.setdefault(measurand, []) for number, measurand in kinds.items()}
    # Runs a call for each row without a loop of its own.
    deque(map(list[int].append, map(rows.__getitem__, numbers), range(len(numbers))), maxlen=0)
    return {measurand: Place(places) for measurand, places in found.items()}
