"""A damaged store is set aside, never deleted, and what can be read of it moves to a fresh one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from edge_gateway.outbox.block import unpack
from edge_gateway.outbox.folder import sync_folder
from edge_gateway.outbox.packing import BadBlock
from edge_gateway.outbox.quota import record, recorded
from edge_gateway.outbox.records import NewBlock, Recovery, StoredBlock
from edge_gateway.outbox.table import BLOCK_COLUMNS, BlockTable, stored_block

# Blocks moved in one transaction: few enough for a small machine's memory.
_MOVED_AT_ONCE = 256

# Where no list of them can be read, so many numbers are tried, down from the newest.
_MOST_TRIED = 2_000_000

# SQLite keeps the log and its index beside the file under these endings.
_ENDINGS = ("", "-wal", "-shm")


def set_aside(path: Path) -> Path:
    """Rename a store and its log to NAME.corrupt-N, the first N that is free."""
    number = 1
    while (kept := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    for ending in _ENDINGS:
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(kept.with_name(kept.name + ending))
    sync_folder(path.parent)
    return kept


def recover(kept: Path, table: BlockTable, cause: str) -> Recovery:
    """Move every readable block of the store `kept` into `table`, keys and order kept."""
    blocks = entries = 0
    waiting: list[NewBlock] = []
    for block in _readable(kept):
        waiting.append(_moved(block))
        blocks += 1
        entries += block.entries
        if len(waiting) == _MOVED_AT_ONCE:
            _insert(table, waiting)
            waiting = []
    _insert(table, waiting)
    _move_losses(kept, table)
    return Recovery(kept, blocks, entries, cause)


def _insert(table: BlockTable, blocks: list[NewBlock]) -> None:
    with table.transaction():
        for block in blocks:
            table.insert(block)


def _moved(block: StoredBlock) -> NewBlock:
    return NewBlock(
        block.lane,
        block.boot_id,
        block.first_us,
        block.last_us,
        block.entries,
        block.payload,
        block.key,
    )


def _move_losses(kept: Path, table: BlockTable) -> None:
    try:
        with closing(_open_as_it_is(kept)) as connection:
            losses = recorded(connection)
    except (sqlite3.Error, ValueError, TypeError):
        return
    with table.transaction():
        record(table.connection, losses)


def _open_as_it_is(kept: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(str(kept))}?mode=ro", uri=True)
    # Otherwise SQLite refuses all of a file that is shorter than its first page says.
    connection.execute("PRAGMA writable_schema = ON")
    return connection


def _readable(kept: Path) -> Iterator[StoredBlock]:
    try:
        with closing(_open_as_it_is(kept)) as connection:
            store = str(connection.execute("SELECT id FROM store").fetchone()[0])
            yield from _whole_blocks(connection, store)
    except (sqlite3.Error, TypeError):
        # Not even the list of tables can be read, or no store id stands in it.
        return


def _whole_blocks(connection: sqlite3.Connection, store: str) -> Iterator[StoredBlock]:
    seen = 0
    for sequence in _sequences(connection):
        if sequence <= seen:
            continue
        seen = sequence
        try:
            row = connection.execute(
                f"SELECT {BLOCK_COLUMNS} FROM blocks WHERE sequence = ?",  # noqa: S608 - a constant
                (sequence,),
            ).fetchone()
            if row is None:
                continue
            block = stored_block(store, row)
            unpack(block.payload)
        except (sqlite3.Error, BadBlock, ValueError, TypeError):
            continue
        yield block


def _sequences(connection: sqlite3.Connection) -> Iterable[int]:
    """The numbers to try: those the table and its index still name, else all there ever were."""
    found: set[int] = set()
    for query in (
        "SELECT sequence FROM blocks NOT INDEXED ORDER BY sequence",
        "SELECT sequence FROM blocks INDEXED BY blocks_by_lane WHERE lane > ''",
    ):
        try:
            for row in connection.execute(query):
                found.add(int(row[0]))
        except (sqlite3.Error, TypeError, ValueError):
            continue
        return sorted(found)
    last = _newest(connection) or max(found, default=0)
    return range(max(min(found, default=1), last - _MOST_TRIED), last + 1)


def _newest(connection: sqlite3.Connection) -> int:
    try:
        row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'blocks'").fetchone()
        return int(row[0])
    except (sqlite3.Error, TypeError, ValueError):
        return 0
