"""The SQLite file of blocks: WAL, synchronous=FULL, bounded in pages. One thread at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any

from edge_gateway.outbox.folder import sync_folder
from edge_gateway.outbox.records import Handle, LaneStats, NewBlock, OutboxError, StoredBlock
from edge_gateway.reading import Lane

PAGE_BYTES = 4096
SCHEMA_VERSION = 1

# A checkpoint writes each page once however often it changed since the last one: the rarer the
# better for the card, the longer the log is read at start.
_MOST_LOG_PAGES = 1000
_FEWEST_LOG_PAGES = 16

# Reading all of a small file at start costs nothing; a large one shows damage when it is used.
_CHECKED_AT_START_BYTES = 16 << 20

# A file this much larger than its content is rewritten, when the content is small.
_SHRINK_ABOVE_PAGES = 1024
_SHRINK_CONTENT_PAGES = 256

_SCHEMA = (
    "CREATE TABLE store (id TEXT NOT NULL)",
    """CREATE TABLE blocks (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  lane TEXT NOT NULL,
  boot TEXT NOT NULL,
  first_us INTEGER NOT NULL,
  last_us INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  origin TEXT NOT NULL,
  payload BLOB NOT NULL
)""",
    "CREATE INDEX blocks_by_lane ON blocks (lane, sequence, entries, bytes)",
    """CREATE TABLE losses (
  lane TEXT NOT NULL,
  boot TEXT NOT NULL,
  cause TEXT NOT NULL,
  blocks INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  first_us INTEGER NOT NULL,
  last_us INTEGER NOT NULL,
  PRIMARY KEY (lane, boot, cause)
) WITHOUT ROWID""",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
BLOCK_COLUMNS = "sequence, origin, lane, boot, first_us, last_us, entries, payload"

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
                self._create(random)
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
        """Append one block; it gets the next sequence number."""
        self.connection.execute(
            "INSERT INTO blocks (lane, boot, first_us, last_us, entries, bytes, origin, payload)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
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

    def scan(
        self, lane: Lane, *, after: int = 0, through: int | None = None
    ) -> Iterator[StoredBlock]:
        """The blocks of a lane in order, read one by one as they are asked for."""
        last = through if through is not None else (1 << 63) - 1
        for row in self.connection.execute(
            f"SELECT {BLOCK_COLUMNS} FROM blocks"  # noqa: S608 - a constant of this file
            " WHERE lane = ? AND sequence > ? AND sequence <= ? ORDER BY sequence",
            (lane, after, last),
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

    def oldest(self) -> Iterator[tuple[int, str, int]]:
        """Sequence, boot and first microsecond of the blocks, oldest commit first."""
        yield from self.connection.execute(
            "SELECT sequence, boot, first_us FROM blocks ORDER BY sequence"
        )

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

    def free_bytes(self) -> int:
        """The same in bytes, never below 0."""
        return max(self.free_pages(), 0) * PAGE_BYTES

    def taken_bytes(self) -> int:
        """What the content takes on disk, empty pages not counted."""
        pages = self._number("PRAGMA page_count") - self._number("PRAGMA freelist_count")
        return pages * PAGE_BYTES

    def shrink(self) -> None:
        """Give the disk back what a drained backlog took, when that costs next to nothing."""
        free = self._number("PRAGMA freelist_count")
        content = self._number("PRAGMA page_count") - free
        if free > _SHRINK_ABOVE_PAGES and content < _SHRINK_CONTENT_PAGES:
            self.connection.execute("VACUUM")

    def close(self) -> None:
        """Write the log back into the file and let go of it."""
        self.connection.close()

    def _configure(self, most_bytes: int) -> None:
        pages = max(most_bytes // PAGE_BYTES, 2 * _FEWEST_LOG_PAGES)
        log_pages = min(_MOST_LOG_PAGES, max(pages // 8, _FEWEST_LOG_PAGES))
        for pragma in (
            f"page_size = {PAGE_BYTES}",
            "journal_mode = WAL",
            "synchronous = FULL",
            f"wal_autocheckpoint = {log_pages}",
            f"journal_size_limit = {log_pages * PAGE_BYTES}",
            f"max_page_count = {pages - log_pages}",
            "temp_store = MEMORY",
            "cache_size = -512",
            "busy_timeout = 5000",
        ):
            self.connection.execute(f"PRAGMA {pragma}").fetchall()

    def _create(self, random: Random) -> None:
        identity = f"{random.getrandbits(64):016x}"
        with self.transaction():
            for statement in _SCHEMA:
                self.connection.execute(statement)
            self.connection.execute("INSERT INTO store (id) VALUES (?)", (identity,))
        # Names of files are content of their folder: without this a power cut can take them.
        sync_folder(self._path.parent)

    def _identify(self) -> str:
        version = self._number("PRAGMA user_version")
        if version > SCHEMA_VERSION:
            raise OutboxError(
                f"{self._path} was written by a newer edge-gateway (store version {version}, this "
                f"one knows {SCHEMA_VERSION}): upgrade again, or name another outbox.folder"
            )
        if self._path.stat().st_size <= _CHECKED_AT_START_BYTES:
            said = self.connection.execute("PRAGMA quick_check(1)").fetchone()
            if said[0] != "ok":
                raise Damaged(said[0])
        row = self.connection.execute("SELECT id FROM store").fetchone()
        if row is None:
            raise Damaged("the store has no id")
        return str(row[0])

    def _number(self, query: str) -> int:
        return int(self.connection.execute(query).fetchone()[0])


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
