"""When the store is full: what is dropped for what, and the account of it.

The oldest samples are thinned to summaries first, where the caller can thin. Then the oldest blocks
of the lowest lane go, never one of a higher lane than the newcomer's.
Losses are counted in the same transaction that makes them, so that no kill can hide one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from sqlite3 import Connection

from edge_gateway.outbox.records import LANES_BY_PRIORITY, NewBlock, StoredBlock
from edge_gateway.outbox.schema import number_above
from edge_gateway.outbox.table import BlockTable
from edge_gateway.reading import Lane

FULL = "the outbox was full"
THINNED = "the outbox was full; summaries took their place"
UNREADABLE = "the block cannot be read"

# Bytes of a page that a row cannot use, and pages an insertion may take for index and tree.
_PAGE_HEAD_BYTES = 64
_TREE_PAGES = 8

# Readings thinned for one commit at most: beyond that, dropping is what still keeps up.
_MOST_THINNED = 120_000

# When something must go, this share of the quota goes at once: deleting a little at every commit
# would wear the card.
_SLICE = 100


@dataclass(frozen=True, slots=True)
class Loss:
    """Entries given up: how many of which lane and boot, between which microseconds, and why."""

    lane: Lane
    boot_id: str
    cause: str
    blocks: int
    entries: int
    first_us: int
    last_us: int


def loss_of(block: NewBlock | StoredBlock, cause: str) -> Loss:
    """The loss of one block."""
    return Loss(block.lane, block.boot_id, cause, 1, block.entries, block.first_us, block.last_us)


def insert_all(
    table: BlockTable,
    blocks: Iterable[NewBlock],
    thin_oldest: Callable[[], list[Loss]] | None = None,
) -> list[Loss]:
    """Insert blocks, making room where there is none; return what had to go for it.

    Runs inside the caller's transaction. A block for which no lower or equal lane can give way
    is itself the loss; one whose number is taken gets the next. `thin_oldest` thins some samples
    and returns which, nothing at the end.
    """
    losses: list[Loss] = []
    ordered = sorted(blocks, key=lambda block: LANES_BY_PRIORITY.index(block.lane))
    brought = [block.sequence for block in ordered if block.sequence is not None]
    if brought:
        # Nothing that gets a number meanwhile may get one of these.
        number_above(table.connection, max(brought))
    for block in ordered:
        losses += _make_room(table, block, thin_oldest)
        if table.free_pages() < _pages(table, block):
            losses.append(loss_of(block, FULL))
        elif block.sequence is not None and table.lane_of(block.sequence) is not None:
            table.insert(replace(block, sequence=None))
        else:
            table.insert(block)
    return losses


def record(connection: Connection, losses: Iterable[Loss]) -> None:
    """Add losses to the account in the store."""
    connection.executemany(
        "INSERT INTO losses (lane, boot, cause, blocks, entries, first_us, last_us)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (lane, boot, cause) DO UPDATE SET"
        " blocks = blocks + excluded.blocks, entries = entries + excluded.entries,"
        " first_us = min(first_us, excluded.first_us), last_us = max(last_us, excluded.last_us)",
        [astuple(loss) for loss in losses],
    )


def recorded(connection: Connection) -> list[Loss]:
    """The account: losses that no event has told yet."""
    rows = connection.execute(
        "SELECT lane, boot, cause, blocks, entries, first_us, last_us FROM losses"
    )
    return [Loss(Lane(row[0]), *row[1:]) for row in rows]


def forget_recorded(connection: Connection) -> None:
    """Close the account, once its events are in the store."""
    connection.execute("DELETE FROM losses")


def _make_room(
    table: BlockTable, block: NewBlock, thin_oldest: Callable[[], list[Loss]] | None
) -> list[Loss]:
    needed = _pages(table, block)
    losses: list[Loss] = []
    while thin_oldest is not None and table.free_pages() < needed:
        thinned = thin_oldest() if sum(loss.entries for loss in losses) < _MOST_THINNED else []
        if not thinned:
            break
        losses += thinned
    if table.free_pages() >= needed:
        return losses
    needed += table.taken_bytes() // table.page_bytes // _SLICE
    for lane in _lanes_below(block.lane):
        losses += _drop(table, lane, needed)
        if table.free_pages() >= needed:
            break
    return losses


def _drop(table: BlockTable, lane: Lane, needed: int) -> list[Loss]:
    losses: list[Loss] = []
    after = 0
    while table.free_pages() < needed:
        oldest = next(table.scan(lane, after=after, limit=1), None)
        if oldest is None:
            break
        table.delete([oldest.handle.sequence])
        losses.append(loss_of(oldest, FULL))
        after = oldest.handle.sequence
    return losses


def _lanes_below(lane: Lane) -> Sequence[Lane]:
    """The lanes that give way to this one, the lowest first, itself last."""
    place = LANES_BY_PRIORITY.index(lane)
    return LANES_BY_PRIORITY[: place - 1 if place else None : -1]


def _pages(table: BlockTable, block: NewBlock) -> int:
    return len(block.payload) // (table.page_bytes - _PAGE_HEAD_BYTES) + 1 + _TREE_PAGES
