"""When the store is full: the oldest samples give way to summaries of them, before anything goes.

Samples are thinned in runs of whole slots of time, so that no window of the summaries is torn by
the blocks its samples lie in. The summaries take the place and number of the run's first block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from edge_gateway.outbox.block import unpack
from edge_gateway.outbox.columns import Columns, Series
from edge_gateway.outbox.cursors import Cursors
from edge_gateway.outbox.memory import seal, seal_columns
from edge_gateway.outbox.packing import BadBlock
from edge_gateway.outbox.quota import THINNED, UNREADABLE, Loss, loss_of
from edge_gateway.outbox.records import NewBlock, StoredBlock
from edge_gateway.outbox.table import BlockTable
from edge_gateway.reading import Lane, Reading

Thin = Callable[[Sequence[Reading]], Iterable[Reading]]
"""Makes summaries of samples of one boot; what it returns must be of the summaries' lane.

Samples of which it makes nothing are not thinned: as many as must go are dropped.
"""

# A slot is a whole number of any window that thinning may make.
SLOT_US = 600 * 1_000_000
_MINUTE_US = 60 * 1_000_000

# Readings thinned at once: a third of a second of work on a street pole's processor.
MOST_AT_ONCE = 60_000

# Summaries larger than this share of what they replace free too little to be worth it.
_WORTH_IT = 0.5


class Thinner:
    """Thins the oldest samples of a table with what the caller passed in."""

    def __init__(self, thin: Thin, table: BlockTable, cursors: Cursors) -> None:
        self._thin = thin
        self._table = table
        self._cursors = cursors
        self._useless_through = 0

    def thin_oldest(self) -> list[Loss]:
        """Thin one slot of samples; nothing where that cannot win space.

        Runs inside the caller's transaction.
        """
        run, end_us = self._oldest_run()
        if not run:
            return []
        split = _split(run, end_us)
        if not split.losses:
            return []
        self._useless_through = run[-1].handle.sequence
        made = list(self._thin(split.readings)) if split.readings else []
        if split.readings and not made:
            return []
        blocks = [seal(Lane.SUMMARIES, run[0].boot_id, made)] if made else []
        size = sum(len(block.payload) for block in blocks)
        if size > _WORTH_IT * sum(len(block.payload) for block in run):
            return []
        self._useless_through = 0
        self._replace(run, split, blocks)
        return split.losses

    def _oldest_run(self) -> tuple[list[StoredBlock], int]:
        """The oldest blocks that begin in one slot, and up to when they are to be thinned."""
        run: list[StoredBlock] = []
        entries = end_us = 0
        for block in self._table.scan(Lane.RAW):
            if block.handle.sequence <= self._useless_through:
                # What could not be thinned is left to be dropped, not tried at each commit again.
                return [], 0
            if not run:
                end_us = (block.first_us // SLOT_US + 1) * SLOT_US
            elif block.boot_id != run[0].boot_id or block.first_us >= end_us:
                return run, end_us
            elif entries + block.entries > MOST_AT_ONCE:
                break
            entries += block.entries
            run.append(block)
        # The slot goes on: in the blocks that are too many for once, or in those yet to come.
        whole_us = run[-1].first_us // _MINUTE_US * _MINUTE_US if run else 0
        return (run, whole_us) if run and whole_us > run[0].first_us else ([], 0)

    def _replace(self, run: Sequence[StoredBlock], split: _Split, blocks: list[NewBlock]) -> None:
        gone = [block for block in run if block.handle.sequence not in split.rests]
        self._table.delete(block.handle.sequence for block in run)
        for sequence, rest in split.rests.items():
            self._table.insert(rest_at(rest, sequence, run))
        if not blocks:
            return
        # Where every block of the run keeps a rest, the summaries have no place but at the end.
        place = gone[0] if gone else None
        sequence = None if place is None else place.handle.sequence
        origin = "" if place is None else _origin(place)
        owed = {
            name for block in run for name in self._cursors.owed_to(Lane.RAW, block.handle.sequence)
        }
        self._table.insert(replace(blocks[0], sequence=sequence, origin=origin))
        if sequence is not None:
            self._cursors.restore(Lane.SUMMARIES, sequence, sorted(owed))


@dataclass(frozen=True, slots=True)
class _Split:
    """A run parted at the end of its slot: what is thinned, and the rest by block number."""

    readings: list[Reading]
    rests: dict[int, NewBlock]
    losses: list[Loss]


def _split(run: Sequence[StoredBlock], end_us: int) -> _Split:
    split = _Split([], {}, [])
    for block in run:
        try:
            columns = unpack(block.payload)
        except BadBlock:
            split.losses.append(loss_of(block, UNREADABLE))
            continue
        early = columns if block.last_us < end_us else _part(columns, None, end_us)
        late = Columns(()) if early is columns else _part(columns, end_us, None)
        taken = [entry for entry in early.entries() if isinstance(entry, Reading)]
        split.readings.extend(taken)
        if late.series:
            rest = seal_columns(Lane.RAW, block.boot_id, late)
            split.rests[block.handle.sequence] = rest
            last_us = min(end_us - 1, block.last_us)
        else:
            last_us = block.last_us
        if taken:
            whole = loss_of(block, THINNED)
            split.losses.append(
                replace(whole, blocks=int(not late.series), entries=len(taken), last_us=last_us)
            )
    return split


def rest_at(rest: NewBlock, sequence: int, run: Sequence[StoredBlock]) -> NewBlock:
    """What is left of a block, under that block's number and key."""
    block = next(block for block in run if block.handle.sequence == sequence)
    return replace(rest, sequence=sequence, origin=_origin(block))


def _origin(block: StoredBlock) -> str:
    own = f"{block.handle.store}/{block.handle.sequence}"
    return "" if block.key == own else block.key


def _part(columns: Columns, start_us: int | None, end_us: int | None) -> Columns:
    parts = [_cut(series, start_us, end_us) for series in columns.series]
    return Columns(tuple(part for part in parts if part.times_us))


def _cut(series: Series, start_us: int | None, end_us: int | None) -> Series:
    kept = [
        (time_us, scaled, mark)
        for time_us, scaled, mark in zip(
            series.times_us, series.scaled, series.each_mark(), strict=True
        )
        if (start_us is None or time_us >= start_us) and (end_us is None or time_us < end_us)
    ]
    return replace(
        series,
        times_us=[time_us for time_us, _, _ in kept],
        scaled=[scaled for _, scaled, _ in kept],
        marks=[(1, mark) for _, _, mark in kept],
    )
