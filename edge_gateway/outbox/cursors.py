"""How far each consumer has come: ranges of removed blocks. A lone consumer needs none.

With one consumer a removed block is deleted. With several it stays until all have removed it, and
until then each one's removals are kept as ranges of sequence numbers per lane. A range spans what
lies between two removed blocks only while no block of that lane lies there or is yet to be
recovered, so that ranges stay few however long one consumer is away.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence

from edge_gateway.outbox.account import sums, without
from edge_gateway.outbox.records import LaneStats
from edge_gateway.outbox.table import BlockTable
from edge_gateway.reading import Lane

Range = tuple[int, int]


class Cursors:
    """The removals of the consumers `names` of an open store, as they were last saved.

    `awaited`: ranges of numbers under which recovered blocks may still come in.
    """

    def __init__(
        self, names: Sequence[str], table: BlockTable, awaited: Sequence[Range] = ()
    ) -> None:
        self.names = tuple(names)
        self._table = table
        self._awaited = awaited
        self._ranges: dict[tuple[str, Lane], list[Range]] = {}
        self._changed: set[tuple[str, Lane]] = set()
        rows = table.connection.execute("SELECT consumer, lane, first, last FROM removed")
        for consumer, lane, first, last in sorted(rows):
            if consumer in self.names:
                self._ranges.setdefault((consumer, Lane(lane)), []).append((first, last))
            else:
                self._changed.add((consumer, Lane(lane)))

    @property
    def has_changed(self) -> bool:
        """Whether there is something to `save`."""
        return bool(self._changed)

    def removed_until(self, name: str, lane: Lane, sequence: int) -> int | None:
        """The end of the range in which `name` has removed this block, None when it has not."""
        ranges = self._ranges.get((name, lane))
        if not ranges:
            return None
        first, last = ranges[max(_place(ranges, sequence), 0)]
        return last if first <= sequence <= last else None

    def remove(self, name: str, lane: Lane, sequence: int) -> bool:
        """Note a removal; whether this was the last consumer to remove that block."""
        if len(self.names) == 1:
            return True
        if self.removed_until(name, lane, sequence) is None:
            self._join(name, lane, sequence)
        return all(self.removed_until(other, lane, sequence) is not None for other in self.names)

    def restore(self, lane: Lane, sequence: int, owed_to: Sequence[str]) -> None:
        """A block was put where there was none: these consumers have not removed it."""
        for name in owed_to:
            if self.removed_until(name, lane, sequence) is None:
                continue
            ranges = self._ranges[name, lane]
            place = _place(ranges, sequence)
            first, last = ranges[place]
            parts = [(first, sequence - 1), (sequence + 1, last)]
            ranges[place : place + 1] = [part for part in parts if part[0] <= part[1]]
            self._changed.add((name, lane))

    def owed_to(self, lane: Lane, sequence: int) -> tuple[str, ...]:
        """The consumers that have not removed this block."""
        return tuple(
            name for name in self.names if self.removed_until(name, lane, sequence) is None
        )

    def removed_by_all(self) -> Iterator[tuple[Lane, int, int]]:
        """Ranges that no consumer waits for; they matter where the set of consumers changed."""
        for lane in Lane:
            shared = self._of(self.names[0], lane)
            for name in self.names[1:]:
                shared = _shared(shared, self._of(name, lane))
            for first, last in shared:
                yield lane, first, last

    def waiting(self, totals: Mapping[Lane, LaneStats]) -> dict[str, LaneStats]:
        """What each consumer has not removed of what is there, given the totals by lane."""
        whole = sums(totals.values())
        return {name: self._left(name, whole) for name in self.names}

    def forget_all(self) -> None:
        """A lone consumer for whom all that it had removed is deleted needs no ranges."""
        self._changed.update(self._ranges)
        self._ranges.clear()

    def save(self) -> None:
        """Write what changed; runs inside the caller's transaction."""
        connection = self._table.connection
        for name, lane in self._changed:
            connection.execute(
                "DELETE FROM removed WHERE consumer = ? AND lane = ?", (name, str(lane))
            )
            connection.executemany(
                "INSERT INTO removed (consumer, lane, first, last) VALUES (?, ?, ?, ?)",
                [(name, str(lane), *part) for part in self._of(name, lane)],
            )

    def saved(self) -> None:
        """The transaction of `save` is on disk."""
        self._changed.clear()

    def _of(self, name: str, lane: Lane) -> list[Range]:
        return self._ranges.get((name, lane), [])

    def _join(self, name: str, lane: Lane, sequence: int) -> None:
        ranges = self._ranges.setdefault((name, lane), [])
        place = _place(ranges, sequence)
        first = last = sequence
        below, above = max(place, 0), place + 1
        if place >= 0 and self._is_gap(lane, ranges[place][1], sequence):
            first = ranges[place][0]
        elif place >= 0:
            below += 1
        end = above
        if above < len(ranges) and self._is_gap(lane, sequence, ranges[above][0]):
            last = ranges[above][1]
            end += 1
        ranges[below:end] = [(first, last)]
        self._changed.add((name, lane))

    def _is_gap(self, lane: Lane, low: int, high: int) -> bool:
        """Whether no block of a lane lies between two numbers, nor can come to lie there."""
        is_awaited = any(first < high and last > low for first, last in self._awaited)
        return not is_awaited and not self._table.has_between(lane, low, high)

    def _left(self, name: str, whole: LaneStats) -> LaneStats:
        gone = sums(
            self._table.total_of_range(lane, first, last)
            for lane in Lane
            for first, last in self._of(name, lane)
        )
        return without(whole, gone)


def _place(ranges: Sequence[Range], sequence: int) -> int:
    """The index of the last range that begins at or below a number, -1 when none does."""
    return bisect_right(ranges, sequence, key=lambda part: part[0]) - 1


def _shared(ours: Sequence[Range], theirs: Sequence[Range]) -> list[Range]:
    return [
        (max(first, start), min(last, end))
        for first, last in ours
        for start, end in theirs
        if max(first, start) <= min(last, end)
    ]
