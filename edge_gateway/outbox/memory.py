"""What is not on disk yet: entries since the last commit, and packed blocks the disk refused."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

from edge_gateway.outbox.block import pack
from edge_gateway.outbox.columns import Columns, rows_to_columns, to_columns
from edge_gateway.outbox.quota import Loss, loss_of
from edge_gateway.outbox.records import LANES_BY_PRIORITY, NewBlock
from edge_gateway.reading import Entry, Event, Lane, Rows

# A block is one message: small enough for a slow link (25 kB), large enough to pack well and to be
# one page run on disk. More entries than this in a commit are split evenly.
MOST_ENTRIES = 4000

# Packed blocks kept in memory while the disk refuses them, in bytes: more than a million readings.
MOST_REFUSED_BYTES = 4 << 20
REFUSED = "the disk refused them for too long"


@dataclass(frozen=True, slots=True)
class Taken:
    """Blocks to be written. Once they are, every entry up to number `through` is settled."""

    blocks: list[NewBlock]
    through: int


class Waiting:
    """Entries handed in and not yet packed, by lane and boot. Thread-safe and never slow."""

    def __init__(self) -> None:
        self._lock = Lock()
        # Members of an enum live for ever, so that their addresses are keys, and cheap ones.
        self._groups: dict[tuple[int, int, str], list[Entry]] = {}
        self._entries: dict[tuple[Lane, str], list[Entry]] = {}
        self._rows: dict[tuple[Lane, str], list[Rows]] = {}
        self._first: dict[Lane, int] = {}
        self._accepted = 0

    def add(self, entries: Iterable[Entry]) -> int:
        """Keep entries until the next `take`; the number of the last one, counted from start."""
        with self._lock:
            for entry in entries:
                self._accepted += 1
                if isinstance(entry, Event):
                    self._group(Lane.EVENTS, entry.at.boot_id).append(entry)
                    continue
                measurand = entry.measurand
                key = (id(measurand.quantity), id(measurand.statistic), entry.at.boot_id)
                group = self._groups.get(key)
                if group is None:
                    group = self._groups[key] = self._group(measurand.lane, key[2])
                group.append(entry)
            return self._accepted

    def add_rows(self, rows: Rows) -> int:
        """The same of readings in columns."""
        lanes = {measurand.lane for measurand in rows.kinds}
        if len(lanes) != 1:
            return self.add(rows.readings())
        with self._lock:
            lane = lanes.pop()
            self._first.setdefault(lane, self._accepted + 1)
            self._rows.setdefault((lane, rows.boot_id), []).append(rows)
            self._accepted += len(rows)
            return self._accepted

    def take(self, lanes: Collection[Lane] = LANES_BY_PRIORITY) -> Taken:
        """The entries of these lanes as packed blocks, highest lane first."""
        with self._lock:
            taken = [item for item in self._entries.items() if item[0][0] in lanes]
            for key, _ in taken:
                del self._entries[key]
            rows = [(key, self._rows.pop(key)) for key in list(self._rows) if key[0] in lanes]
            for lane in lanes:
                self._first.pop(lane, None)
            self._groups.clear()
            through = min((first - 1 for first in self._first.values()), default=self._accepted)
        taken.sort(key=lambda item: LANES_BY_PRIORITY.index(item[0][0]))
        blocks = [
            seal(lane, boot_id, part)
            for (lane, boot_id), entries in taken
            for part in _parts(entries)
        ]
        blocks += [
            seal_columns(lane, boot_id, rows_to_columns(part))
            for (lane, boot_id), parts in rows
            for part in _parts_of_rows(parts)
        ]
        return Taken(blocks, through)

    def has(self, lanes: Collection[Lane]) -> bool:
        """Whether entries of one of these lanes wait."""
        with self._lock:
            return any(lane in self._first for lane in lanes)

    def __len__(self) -> int:
        with self._lock:
            kept = sum(len(entries) for entries in self._entries.values())
            return kept + sum(len(part) for parts in self._rows.values() for part in parts)

    def _group(self, lane: Lane, boot_id: str) -> list[Entry]:
        self._first.setdefault(lane, self._accepted)
        return self._entries.setdefault((lane, boot_id), [])


def seal(lane: Lane, boot_id: str, entries: Iterable[Entry]) -> NewBlock:
    """Pack entries of one lane and one boot; there is at least one."""
    return seal_columns(lane, boot_id, to_columns(entries))


def seal_columns(lane: Lane, boot_id: str, columns: Columns) -> NewBlock:
    """The same of entries that are columns already."""
    times_us = [event.at.monotonic_ns // 1000 for event in columns.events]
    for series in columns.series:
        times_us += (min(series.times_us), max(series.times_us))
    count = len(columns.events) + sum(len(series.times_us) for series in columns.series)
    return NewBlock(lane, boot_id, min(times_us), max(times_us), count, pack(columns))


def give_up_excess(refused: list[NewBlock]) -> list[Loss]:
    """Shorten a list of refused blocks to the bound: the oldest of the lowest lane goes first."""
    losses: list[Loss] = []
    excess = sum(len(block.payload) for block in refused) - MOST_REFUSED_BYTES
    for lane in reversed(LANES_BY_PRIORITY):
        for block in [block for block in refused if block.lane is lane]:
            if excess <= 0:
                return losses
            refused.remove(block)
            excess -= len(block.payload)
            losses.append(loss_of(block, REFUSED))
    return losses


def _parts(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    count = -(-len(entries) // MOST_ENTRIES)
    size = -(-len(entries) // count)
    for start in range(0, len(entries), size):
        yield entries[start : start + size]


def _parts_of_rows(rows: Sequence[Rows]) -> Iterator[list[Rows]]:
    total = sum(map(len, rows))
    size = -(-total // -(-total // MOST_ENTRIES))
    part: list[Rows] = []
    room = size
    for one in rows:
        start = 0
        while start < len(one):
            stop = min(start + room, len(one))
            part.append(one.part(start, stop) if stop - start < len(one) else one)
            room -= stop - start
            start = stop
            if not room:
                yield part
                part, room = [], size
    if part:
        yield part
