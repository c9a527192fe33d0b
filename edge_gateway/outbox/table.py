"""The SQLite file of blocks: WAL, synchronous=FULL, bounded in pages. One thread at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

from edge_gateway.outbox import schema
from edge_gateway.outbox.folder import sync_folder
from edge_gateway.outbox.records import Handle, LaneStats, NewBlock, OutboxError, StoredBlock
from edge_gateway.reading import Lane

# Measured at 2,500 readings a commit: 16 kB written with this, 32 with SQLite's usual 4096.
PAGE_BYTES = 1024

# A checkpoint writes each page once however often it changed since the last one: the rarer the
# better for the card, the longer the log is read at start.
_MOST_LOG_PAGES = 1000
_FEWEST_LOG_PAGES = 16

# Reading all of a small file at start costs nothing; a large one shows damage when it is used.
_CHECKED_AT_START_BYTES = 4 << 20

# A file this much larger than its content is rewritten, when the content is small.
_SHRINK_ABOVE_BYTES = 4 << 20
_SHRINK_CONTENT_BYTES = 1 << 20

BLOCK_COLUMNS = "sequence, origin, lane, boot, first_us, last_us, entries, payload"

_LAST = (1 << 63) - 1
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Damaged(sqlite3.DatabaseError):
    """The file opens and is not a whole store."""


class BlockTable:
    """An open file. Every call may raise sqlite3.Error; `is_damage` tells damage from the rest."""

    def __init__(self, path: Path, *, most_bytes: int, random: Random) -> None:
        self._path = path
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        with ExitStack() as undo:
            undo.callback(self.connection.close)
            self._configure(most_bytes)
            if self._number("SELECT count(*) FROM sqlite_schema") == 0:
                with self.transaction():
                    schema.create(self.connection, random)
                # Names of files are content of their folder: a power cut could take them.
                sync_folder(path.parent)
            self.store = self._identify()
            undo.pop_all()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All or nothing, on disk when it ends."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        finally:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    def insert(self, block: NewBlock) -> None:
        """Append one block under the next number, or put it where its own number says."""
        self.connection.execute(
            "INSERT INTO blocks (sequence, lane, boot, first_us, last_us, entries, bytes, origin,"
            " payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                block.sequence,
                block.lane,
                block.boot_id,
                block.first_us,
                block.last_us,
                block.entries,
                len(block.payload),
                block.origin,
                block.payload,
            ),
        )

    def delete(self, sequences: Iterable[int]) -> None:
        """Forget these blocks."""
        rows = [(sequence,) for sequence in sequences]
        self.connection.executemany("DELETE FROM blocks WHERE sequence = ?", rows)

    def delete_range(self, lane: Lane, first: int, last: int, limit: int) -> int:
        """Forget at most `limit` blocks of a lane, the oldest of the range; how many it were."""
        return self.connection.execute(
            "DELETE FROM blocks WHERE sequence IN (SELECT sequence FROM blocks"
            " WHERE lane = ? AND sequence BETWEEN ? AND ? ORDER BY sequence LIMIT ?)",
            (lane, first, last, limit),
        ).rowcount

    def scan(
        self, lane: Lane, *, after: int = 0, through: int | None = None, limit: int = -1
    ) -> Iterator[StoredBlock]:
        """The blocks of a lane in order, read one by one as they are asked for."""
        for row in self.connection.execute(
            f"SELECT {BLOCK_COLUMNS} FROM blocks"  # noqa: S608 - a constant of this file
            " WHERE lane = ? AND sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?",
            (lane, after, _LAST if through is None else through, limit),
        ):
            yield stored_block(self.store, row)

    def lane_of(self, sequence: int) -> tuple[Lane, LaneStats] | None:
        """The lane and size of one block, None when there is no such block."""
        row = self.connection.execute(
            "SELECT lane, entries, bytes FROM blocks WHERE sequence = ?", (sequence,)
        ).fetchone()
        return None if row is None else (Lane(row[0]), LaneStats(1, row[1], row[2]))

    def totals(self) -> dict[Lane, LaneStats]:
        """How much waits in each lane; reads the index only."""
        rows = self.connection.execute(
            "SELECT lane, count(*), sum(entries), sum(bytes) FROM blocks GROUP BY lane"
        )
        return {Lane(lane): LaneStats(*sizes) for lane, *sizes in rows}

    def total_of_range(self, lane: Lane, first: int, last: int) -> LaneStats:
        """How much of a lane lies between two numbers, both included."""
        row = self.connection.execute(
            "SELECT count(*), total(entries), total(bytes) FROM blocks"
            " WHERE lane = ? AND sequence BETWEEN ? AND ?",
            (lane, first, last),
        ).fetchone()
        return LaneStats(row[0], int(row[1]), int(row[2]))

    def has_between(self, lane: Lane, low: int, high: int) -> bool:
        """Whether a lane has a block between two numbers, neither included."""
        row = self.connection.execute(
            "SELECT 1 FROM blocks WHERE lane = ? AND sequence > ? AND sequence < ? LIMIT 1",
            (lane, low, high),
        ).fetchone()
        return row is not None

    def oldest(self, limit: int) -> list[tuple[int, str, int]]:
        """Sequence, boot and first microsecond of the blocks, oldest commit first."""
        return self.connection.execute(
            "SELECT sequence, boot, first_us FROM blocks ORDER BY sequence LIMIT ?", (limit,)
        ).fetchall()

    def newest_sequence(self) -> int:
        """The number of the youngest block ever committed, 0 when there was none."""
        row = self.connection.execute(
            "SELECT seq FROM sqlite_sequence WHERE name = 'blocks'"
        ).fetchone()
        return 0 if row is None else int(row[0])

    def free_pages(self) -> int:
        """How many more pages the quota allows."""
        most, taken, free = (
            self._number(f"PRAGMA {name}")
            for name in ("max_page_count", "page_count", "freelist_count")
        )
        return most - taken + free

    def reusable_bytes(self) -> int:
        """Bytes of the file that hold nothing: writing there takes none of the disk."""
        return self._number("PRAGMA freelist_count") * self.page_bytes

    def free_bytes(self) -> int:
        """What the quota allows in bytes, never below 0."""
        return max(self.free_pages(), 0) * self.page_bytes

    def taken_bytes(self) -> int:
        """What the content takes on disk, empty pages not counted."""
        pages = self._number("PRAGMA page_count") - self._number("PRAGMA freelist_count")
        return pages * self.page_bytes

    def shrink(self) -> None:
        """Give the disk back what a drained backlog took, when that costs next to nothing."""
        is_small = self.taken_bytes() < _SHRINK_CONTENT_BYTES
        if is_small and self.reusable_bytes() > _SHRINK_ABOVE_BYTES:
            self.connection.execute("VACUUM")
            # Up to here the file is only short in the log.
            self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        """Write the log back into the file and let go of it."""
        self.connection.close()

    def _configure(self, most_bytes: int) -> None:
        # Of an empty file only: a file keeps the size of page it was made with.
        self.connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        self.page_bytes = self._number("PRAGMA page_size")
        pages = max(most_bytes // self.page_bytes, 2 * _FEWEST_LOG_PAGES)
        log_pages = min(_MOST_LOG_PAGES, max(pages // 8, _FEWEST_LOG_PAGES))
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            f"wal_autocheckpoint = {log_pages}",
            f"journal_size_limit = {log_pages * (self.page_bytes + 32)}",
            f"max_page_count = {pages - log_pages}",
            # Debian's SQLite overwrites what is deleted with zeros, which would wear the card.
            "secure_delete = OFF",
            "temp_store = MEMORY",
            "cache_size = -512",
            "busy_timeout = 5000",
        ):
            self.connection.execute(f"PRAGMA {pragma}").fetchall()

    def _identify(self) -> str:
        version = self._number("PRAGMA user_version")
        if version > schema.SCHEMA_VERSION:
            raise OutboxError(
                f"{self._path} was written by a newer edge-gateway (store version {version}, this "
                f"one knows {schema.SCHEMA_VERSION}): upgrade again, or name another outbox.folder"
            )
        if self._path.stat().st_size <= _CHECKED_AT_START_BYTES:
            said = self.connection.execute("PRAGMA quick_check(1)").fetchone()
            if said[0] != "ok":
                raise Damaged(said[0])
        row = self.connection.execute("SELECT id FROM store").fetchone()
        if row is None:
            raise Damaged("the store has no id")
        if version < schema.SCHEMA_VERSION:
            with self.transaction():
                schema.upgrade(self.connection, version)
        return str(row[0])

    def _number(self, query: str) -> int:
        return int(self.connection.execute(query).fetchone()[0])


def open_read_only(path: Path) -> sqlite3.Connection:
    """Open a file to look into it, in use or left behind, damaged or not; writes nothing.

    Without a log nobody uses the file, and where the folder is not ours to write SQLite could not
    make the index of a log either; with one, it must be read too.
    """
    log = path.with_name(f"{path.name}-wal")
    mode = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    connection = sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True)
    # Otherwise SQLite refuses all of a file that is shorter than its first page says.
    connection.execute("PRAGMA writable_schema = ON")
    return connection


def stored_block(store: str, row: Sequence[Any]) -> StoredBlock:
    """A row of `BLOCK_COLUMNS` of the store named `store`."""
    sequence, origin, lane, boot_id, first_us, last_us, entries, payload = row
    key = origin or f"{store}/{sequence}"
    handle = Handle(store, sequence)
    return StoredBlock(handle, key, Lane(lane), boot_id, first_us, last_us, entries, payload)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is broken, not the disk full, busy or read-only."""
    return isinstance(error, Damaged) or _primary(error) in _DAMAGE


def is_damage_at_start(error: sqlite3.Error) -> bool:
    """The same while opening: a file cut short, or one whose tables are not ours."""
    cut_short = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_SHORT_READ
    return cut_short or is_damage(error) or _primary(error) == sqlite3.SQLITE_ERROR


def is_full(error: sqlite3.Error) -> bool:
    """Whether the quota or the disk has no room for what was tried."""
    return _primary(error) == sqlite3.SQLITE_FULL


def _primary(error: sqlite3.Error) -> int:
    # Set on errors that come from SQLite itself; our own and the module's have none.
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF
