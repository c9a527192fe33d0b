"""What can still be read of a damaged store, by every way its file has, a slice at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from edge_gateway.outbox.block import check
from edge_gateway.outbox.packing import BadBlock
from edge_gateway.outbox.records import StoredBlock
from edge_gateway.outbox.table import (
    BLOCK_COLUMNS,
    is_damage_at_start,
    open_read_only,
    stored_block,
)
from edge_gateway.reading import Lane

# A slice: so many blocks or entries, or so many numbers tried where no list can be read. Each
# bound is some tens of milliseconds.
_SLICE_BLOCKS = 500
_SLICE_ENTRIES = 200_000
_SLICE_TRIED = 5_000

# Where no list of them can be read, so many numbers are tried, down from the newest.
_MOST_TRIED = 2_000_000

# No store comes to number so many blocks: what is above was made by damage.
_MOST_NUMBER = 1 << 53

# What the newest blocks may have been numbered, above the last that can be read: two weeks of
# commits of all lanes, and less than what is tried.
_MARGIN = 1_000_000

_GIVEN = "SELECT seq FROM sqlite_sequence WHERE name = 'blocks'"


@dataclass(frozen=True, slots=True)
class Slice:
    """What could be read next; `after` is the last number tried, `finished` that it is the end."""

    blocks: list[StoredBlock]
    after: int
    finished: bool


def read_slice(kept: Path, after: int) -> Slice:
    """Read the next blocks of a set-aside store above number `after`.

    Raises sqlite3.Error where the disk is the trouble and not what stands on it: try it later.
    """
    try:
        with closing(open_read_only(kept)) as connection:
            return _slice(connection, _store_id(connection), after)
    except TypeError:
        return Slice([], after, finished=True)  # no store id stands in it
    except sqlite3.Error as error:
        if not is_damage_at_start(error):
            raise
        return Slice([], after, finished=True)  # not even the list of tables can be read


def newest_sequence(kept: Path) -> int:
    """The highest number that can be read of a set-aside store, 0 when none can."""
    with suppress(sqlite3.Error), closing(open_read_only(kept)) as connection:
        queries = [_GIVEN, "SELECT max(sequence) FROM blocks NOT INDEXED"]
        queries.append("SELECT max(last) FROM removed")
        found = [_number(connection, query) or 0 for query in queries]
        last_of_lane = (
            "SELECT sequence FROM blocks INDEXED BY blocks_by_lane"
            " WHERE lane = ? ORDER BY sequence DESC LIMIT 1"
        )
        return max(*found, *(_number(connection, last_of_lane, str(lane)) or 0 for lane in Lane))
    return 0


def highest_sequence(kept: Path) -> int:
    """A number below which a set-aside store has given all of its own.

    Where its account of them is broken that is a good margin above what can be read.
    """
    newest = newest_sequence(kept)
    with suppress(sqlite3.Error, TypeError), closing(open_read_only(kept)) as connection:
        _store_id(connection)  # raises where there is nothing to recover
        if _is_broken(connection, _GIVEN):
            newest += _MARGIN
    return newest


def _store_id(connection: sqlite3.Connection) -> str:
    return str(connection.execute("SELECT id FROM store").fetchone()[0])


def _is_broken(connection: sqlite3.Connection, query: str) -> bool:
    try:
        row = connection.execute(query).fetchone()
        return row is not None and not 0 <= int(row[0]) <= _MOST_NUMBER
    except (sqlite3.Error, TypeError, ValueError):
        return True


def _number(connection: sqlite3.Connection, query: str, *values: str) -> int | None:
    """The one number a query finds; None where it finds none, or one that damage has made."""
    with suppress(sqlite3.Error, TypeError, ValueError):
        number = int(connection.execute(query, values).fetchone()[0])
        return number if 0 <= number <= _MOST_NUMBER else None
    return None


def _slice(connection: sqlite3.Connection, store: str, after: int) -> Slice:
    sequences, last, is_end = _sequences(connection, after)
    blocks: list[StoredBlock] = []
    entries = 0
    for sequence in sequences:
        block = _whole_block(connection, store, sequence)
        if block is not None:
            blocks.append(block)
            entries += block.entries
        if len(blocks) >= _SLICE_BLOCKS or entries >= _SLICE_ENTRIES:
            return Slice(blocks, sequence, finished=False)
    return Slice(blocks, last, finished=is_end)


def _whole_block(connection: sqlite3.Connection, store: str, sequence: int) -> StoredBlock | None:
    try:
        row = connection.execute(
            f"SELECT {BLOCK_COLUMNS} FROM blocks WHERE sequence = ?",  # noqa: S608 - a constant
            (sequence,),
        ).fetchone()
        if row is None:
            return None
        block = stored_block(store, row)
        check(block.payload)
    except (sqlite3.Error, BadBlock, ValueError, TypeError):
        return None
    return block


def _sequences(connection: sqlite3.Connection, after: int) -> tuple[list[int], int, bool]:
    """The numbers to try next, up to where they are all there are, and whether that is the end.

    Those that the table names; where that breaks off those that its index names; where that is
    broken too, all there ever were.
    """
    found: list[int] = []
    if _collect(
        connection,
        "SELECT sequence FROM blocks NOT INDEXED WHERE sequence > ? ORDER BY sequence LIMIT ?",
        (after, _SLICE_BLOCKS),
        after,
        found,
    ):
        return found, max(found, default=after), len(found) < _SLICE_BLOCKS
    indexed: list[int] = []
    if all(
        _collect(
            connection,
            "SELECT sequence FROM blocks INDEXED BY blocks_by_lane"
            " WHERE lane = ? AND sequence > ? ORDER BY sequence LIMIT ?",
            (lane, after, _SLICE_BLOCKS),
            after,
            indexed,
        )
        for lane in Lane
    ):
        chosen = sorted({*found, *indexed})[:_SLICE_BLOCKS]
        return chosen, max(chosen, default=after), len(chosen) < _SLICE_BLOCKS
    newest = max(_number(connection, _GIVEN) or 0, *found, *indexed, 0)
    start = max(after, newest - _MOST_TRIED)
    last = min(start + _SLICE_TRIED, newest)
    return list(range(start + 1, last + 1)), max(last, after), last >= newest


def _collect(
    connection: sqlite3.Connection,
    query: str,
    values: Iterable[object],
    after: int,
    found: list[int],
) -> bool:
    """Append what a query finds; False when it broke off, or went on where no order is."""
    try:
        for (number,) in connection.execute(query, tuple(values)):
            if not after < int(number) <= _MOST_NUMBER:
                return False
            after = int(number)
            found.append(after)
    except (sqlite3.Error, TypeError, ValueError):
        return False
    return True
