"""What can be read of a store that was set aside moves to the one in use, beside the normal work.

It moves in slices, so that a large store never holds up a start. Blocks keep their keys, and their
numbers, below which the fresh store does not begin: order in a lane stays.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from edge_gateway.outbox.folder import free_bytes
from edge_gateway.outbox.quota import record, recorded
from edge_gateway.outbox.records import NewBlock, Recovery, StoredBlock
from edge_gateway.outbox.schema import number_above
from edge_gateway.outbox.search import highest_sequence, read_slice
from edge_gateway.outbox.table import BlockTable, open_read_only

# What a recovery leaves of the disk to the live road, in bytes: an hour of a street pole and more.
_LEFT_BYTES = 256 << 10

# What a block takes beside its content in table and index, and a page in the log beside its bytes.
_ROW_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Step:
    """The next blocks to be moved, and how the recovery stands once they are."""

    recovery: Recovery
    blocks: list[NewBlock]


class Recoveries:
    """What an open store is yet to take over, in order.

    `awaited` are the numbers that may still come in: ranges, first and last, one a recovery.
    """

    def __init__(self, table: BlockTable, folder: Path) -> None:
        self._table = table
        self._folder = folder
        self._tasks = unfinished(table, folder)
        self.awaited = [(one.after + 1, highest_sequence(one.kept_as)) for one in self._tasks]

    @property
    def current(self) -> Recovery | None:
        """The one that is worked on."""
        return self._tasks[0] if self._tasks else None

    def next_step(self) -> Step | None:
        """Read what is to be moved next; None at the end.

        Raises sqlite3.Error or OSError where the disk does not allow it now: try it later.
        """
        task = self.current
        if task is None:
            return None
        found = read_slice(task.kept_as, task.after)
        self._check_room(task, found.blocks)
        reached = replace(
            task,
            after=found.after,
            blocks=task.blocks + len(found.blocks),
            entries=task.entries + sum(block.entries for block in found.blocks),
            finished=found.finished,
        )
        return Step(reached, [moved(block) for block in found.blocks])

    def settle(self, step: Step) -> None:
        """A step is on disk."""
        self._tasks[0] = step.recovery
        self.awaited[0] = (step.recovery.after + 1, self.awaited[0][1])
        if step.recovery.finished:
            del self._tasks[0], self.awaited[0]

    def _check_room(self, task: Recovery, blocks: Sequence[StoredBlock]) -> None:
        """Raise while the disk has no room for these blocks and for what is measured meanwhile."""
        size = sum(len(block.payload) + _ROW_BYTES for block in blocks)
        needed = size + max(size - self._table.reusable_bytes(), 0) + _LEFT_BYTES
        lacking = needed - free_bytes(self._folder)
        if blocks and lacking > 0:
            raise OSError(
                f"the disk lacks {lacking // 1000 + 1} kB to recover {task.kept_as.name}; what is "
                "new goes first"
            )


def begin(recovery: Recovery, table: BlockTable) -> bool:
    """Note the task in a store, with what of the old one is no block; False when it stands there.

    Runs inside the caller's transaction.
    """
    connection = table.connection
    known = connection.execute(
        "SELECT 1 FROM recoveries WHERE kept = ?", (recovery.kept_as.name,)
    ).fetchone()
    if known is not None:
        return False
    number_above(connection, highest_sequence(recovery.kept_as))
    _add(connection, recovery)
    with suppress(sqlite3.Error, ValueError, TypeError), closing(_open(recovery)) as old:
        record(connection, recorded(old))
    for name, columns in (("removed", 4), ("clocks", 4), ("recoveries", 5)):
        # Each table by itself: one that cannot be read, or is not there, keeps nothing else back.
        with suppress(sqlite3.Error), closing(_open(recovery)) as old:
            rows = old.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608 - three constants
            marks = ", ".join("?" * columns)
            connection.executemany(f"INSERT OR IGNORE INTO {name} VALUES ({marks})", rows)  # noqa: S608
    return True


def unfinished(table: BlockTable, folder: Path) -> list[Recovery]:
    """The recoveries that the store has not finished, in the order they are to be done."""
    rows = table.connection.execute(
        "SELECT kept, blocks, entries, cause, after FROM recoveries ORDER BY kept"
    )
    return [Recovery(folder / kept, *rest) for kept, *rest in rows]


def progressed(recovery: Recovery, table: BlockTable) -> None:
    """Note how far a recovery is; runs inside the caller's transaction."""
    if recovery.finished:
        table.connection.execute("DELETE FROM recoveries WHERE kept = ?", (recovery.kept_as.name,))
    else:
        _add(table.connection, recovery)


def moved(block: StoredBlock) -> NewBlock:
    """A block on its way into another store: its key stays, and its number if that is free."""
    return NewBlock(
        block.lane,
        block.boot_id,
        block.first_us,
        block.last_us,
        block.entries,
        block.payload,
        block.key,
        block.handle.sequence,
    )


def _open(recovery: Recovery) -> sqlite3.Connection:
    return open_read_only(recovery.kept_as)


def _add(connection: sqlite3.Connection, recovery: Recovery) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO recoveries (kept, cause, after, blocks, entries)"
        " VALUES (?, ?, ?, ?, ?)",
        (
            recovery.kept_as.name,
            recovery.cause,
            recovery.after,
            recovery.blocks,
            recovery.entries,
        ),
    )
