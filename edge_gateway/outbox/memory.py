"""What is not on disk yet: entries since the last commit, and packed blocks the disk refused."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

from edge_gateway.outbox.block import pack
from edge_gateway.outbox.columns import to_columns
from edge_gateway.outbox.quota import Loss, loss_of
from edge_gateway.outbox.records import LANES_BY_PRIORITY, NewBlock
from edge_gateway.reading import Entry, Event, Lane

# A block is one message: small enough for a slow link, large enough to pack well.
MOST_ENTRIES = 1000

# Packed blocks kept in memory while the disk refuses them, in bytes: more than a million readings.
MOST_REFUSED_BYTES = 4 << 20
REFUSED = "the disk refused them for too long"


class Waiting:
    """Entries handed in and not yet packed, by lane and boot. Thread-safe and never slow."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._entries: dict[tuple[Lane, str], list[Entry]] = {}
        self._count = 0

    def add(self, entries: Iterable[Entry]) -> None:
        """Keep entries until the next `take`."""
        with self._lock:
            for entry in entries:
                lane = Lane.EVENTS if isinstance(entry, Event) else entry.measurand.lane
                self._entries.setdefault((lane, entry.at.boot_id), []).append(entry)
                self._count += 1

    def take(self) -> list[NewBlock]:
        """All entries as packed blocks, highest lane first."""
        with self._lock:
            taken, self._entries = self._entries, {}
            self._count = 0
        groups = sorted(taken.items(), key=lambda item: LANES_BY_PRIORITY.index(item[0][0]))
        return [
            seal(lane, boot_id, entries[start : start + MOST_ENTRIES])
            for (lane, boot_id), entries in groups
            for start in range(0, len(entries), MOST_ENTRIES)
        ]

    def __len__(self) -> int:
        return self._count


def seal(lane: Lane, boot_id: str, entries: Iterable[Entry]) -> NewBlock:
    """Pack entries of one lane and one boot; there is at least one."""
    columns = to_columns(entries)
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
