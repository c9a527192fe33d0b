"""Looking into a store from outside, also one in use, without disturbing whoever uses it."""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from edge_gateway.clock import ClockState
from edge_gateway.outbox.account import sums, without
from edge_gateway.outbox.packing import BadBlock
from edge_gateway.outbox.quota import Loss
from edge_gateway.outbox.records import BootClock, LaneStats, OutboxError, Recovery, StoredBlock
from edge_gateway.outbox.table import BLOCK_COLUMNS, open_read_only, stored_block
from edge_gateway.reading import Lane

Ranges: TypeAlias = Sequence[tuple[int, int]]

_AT_ONCE = 100

# The present rate is that of the last quarter of an hour, as far as it still waits.
_RATE_SPAN_US = 900 * 1_000_000
_MOST_RATED = 1000


@dataclass(frozen=True, slots=True)
class DiskUse:
    """Bytes of content, of the file that holds it, and of the log beside that."""

    content_bytes: int
    file_bytes: int
    log_bytes: int


class OutboxReader:
    """The store in the file `path`, read only: live, left behind, or set aside as damaged.

    Takes no lock that a running gateway waits for, and writes nothing. What is read is what was
    last committed; of a damaged file, what can be read. Raises OutboxError where nothing can.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise OutboxError(f"there is no store {path}: name outbox.db of the outbox folder")
        self.path = path
        self._connection = open_read_only(path)
        try:
            row = self._connection.execute("SELECT id FROM store").fetchone()
        except sqlite3.Error as error:
            self._connection.close()
            raise OutboxError(f"{path} cannot be read as an outbox: {error}") from error
        self.store = "" if row is None else str(row[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def stats(self) -> dict[Lane, LaneStats]:
        """How much waits in each lane; the lanes that hold nothing are left out."""
        rows = self._rows(
            "SELECT lane, count(*), sum(entries), sum(bytes) FROM blocks GROUP BY lane"
        )
        return {Lane(lane): LaneStats(*sizes) for lane, *sizes in rows}

    def blocks(
        self, lane: Lane, limit: int | None = None, *, after: int = 0
    ) -> Iterator[StoredBlock]:
        """The blocks of a lane in order, above number `after`; damaged ones are passed over.

        Read a few at a time, so that no transaction stays open while the caller looks at them.
        """
        left = limit
        while left is None or left > 0:
            found, after = self._some(lane, after)
            if not found:
                return
            yield from found[:left]
            left = None if left is None else left - len(found)

    @cached_property
    def removed(self) -> Mapping[str, Mapping[Lane, Ranges]]:
        """Ranges of block numbers by consumer and lane; nothing where there is one consumer."""
        found: dict[str, dict[Lane, list[tuple[int, int]]]] = {}
        rows = self._rows("SELECT consumer, lane, first, last FROM removed ORDER BY first")
        for consumer, lane, first, last in rows:
            found.setdefault(str(consumer), {}).setdefault(Lane(lane), []).append((first, last))
        return found

    @cached_property
    def clocks(self) -> Mapping[str, BootClock]:
        """What each boot's wall clock was found to be."""
        rows = self._rows("SELECT boot, offset_ns, error_s, state FROM clocks")
        return {
            str(boot): BootClock(str(boot), offset_ns, error_s, ClockState(state))
            for boot, offset_ns, error_s, state in rows
        }

    def clock_of(self, boot_id: str) -> BootClock | None:
        """That of one boot, None when it is not known."""
        return self.clocks.get(boot_id)

    def needed_by(self, names: Sequence[str], lane: Lane, sequence: int) -> tuple[str, ...]:
        """The consumers that have not removed a block."""
        return tuple(name for name in names if not self._has_removed(name, lane, sequence))

    def waiting(self, names: Sequence[str]) -> dict[str, LaneStats]:
        """What each consumer has not removed."""
        whole = sums(self.stats().values())
        return {name: without(whole, self._gone(name)) for name in names}

    def losses(self) -> list[Loss]:
        """Losses that no event has told yet."""
        rows = self._rows(
            "SELECT lane, boot, cause, blocks, entries, first_us, last_us FROM losses"
        )
        return [Loss(Lane(row[0]), *row[1:]) for row in rows]

    def recoveries(self) -> list[Recovery]:
        """Damaged stores that a gateway is still recovering from."""
        rows = self._rows("SELECT kept, blocks, entries, cause, after FROM recoveries")
        return [Recovery(self.path.with_name(str(kept)), *rest) for kept, *rest in rows]

    def newest_sequence(self) -> int:
        """The number of the youngest block ever committed."""
        rows = self._rows("SELECT seq FROM sqlite_sequence WHERE name = 'blocks'")
        return int(rows[0][0]) if rows else 0

    def oldest(self, lane: Lane) -> tuple[str, int] | None:
        """Boot and first microsecond of the oldest block of a lane."""
        rows = self._rows(
            "SELECT boot, first_us FROM blocks WHERE lane = ? ORDER BY sequence LIMIT 1",
            str(lane),
        )
        return (str(rows[0][0]), int(rows[0][1])) if rows else None

    def disk(self) -> DiskUse:
        """What it takes."""
        page_bytes, pages, free = (
            int(self._rows(f"PRAGMA {name}")[0][0])
            for name in ("page_size", "page_count", "freelist_count")
        )
        log = self.path.with_name(f"{self.path.name}-wal")
        log_bytes = log.stat().st_size if log.exists() else 0
        return DiskUse((pages - free) * page_bytes, self.path.stat().st_size, log_bytes)

    def bytes_per_hour(self, lane: Lane, block_bytes: float) -> float | None:
        """The present rate of a lane; `block_bytes`: what a block takes beside its content.

        None where too little waits to tell: of a gateway that is connected that is usual.
        """
        rows = self._rows(
            "SELECT boot, last_us, bytes FROM blocks WHERE lane = ? ORDER BY sequence DESC LIMIT ?",
            str(lane),
            _MOST_RATED,
        )
        recent = [
            (last_us, size)
            for boot, last_us, size in rows
            if boot == rows[0][0] and last_us > rows[0][1] - _RATE_SPAN_US
        ]
        span_us = recent[0][0] - recent[-1][0] if recent else 0
        if span_us <= 0:
            return None
        written = sum(size + block_bytes for _, size in recent[:-1])
        return written * 3600e6 / span_us

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _some(self, lane: Lane, after: int) -> tuple[list[StoredBlock], int]:
        while True:
            try:
                rows = self._connection.execute(
                    "SELECT sequence FROM blocks INDEXED BY blocks_by_lane"
                    " WHERE lane = ? AND sequence > ? ORDER BY sequence LIMIT ?",
                    (lane, after, _AT_ONCE),
                ).fetchall()
            except sqlite3.Error as error:
                raise OutboxError(
                    f"{self.path} is damaged: {error}. A gateway that is started on it recovers "
                    "what can be read"
                ) from error
            if not rows:
                return [], after
            after = int(rows[-1][0])
            found = [block for row in rows if (block := self._block(int(row[0]))) is not None]
            if found:
                return found, after

    def _block(self, sequence: int) -> StoredBlock | None:
        try:
            row = self._connection.execute(
                f"SELECT {BLOCK_COLUMNS} FROM blocks WHERE sequence = ?",  # noqa: S608 - a constant
                (sequence,),
            ).fetchone()
            return None if row is None else stored_block(self.store, row)
        except (sqlite3.Error, BadBlock, ValueError, TypeError):
            return None

    def _has_removed(self, name: str, lane: Lane, sequence: int) -> bool:
        ranges = self.removed.get(name, {}).get(lane, ())
        place = bisect_right(ranges, sequence, key=lambda part: part[0]) - 1
        return place >= 0 and sequence <= ranges[place][1]

    def _gone(self, name: str) -> LaneStats:
        return sums(
            LaneStats(*map(int, row))
            for lane, ranges in self.removed.get(name, {}).items()
            for first, last in ranges
            for row in self._rows(
                "SELECT count(*), total(entries), total(bytes) FROM blocks"
                " WHERE lane = ? AND sequence BETWEEN ? AND ?",
                str(lane),
                first,
                last,
            )
        )

    def _rows(self, query: str, *values: str | int) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            # A store of an older version has fewer tables.
            if "no such table" in str(error):
                return []
            raise OutboxError(f"{self.path} cannot be read: {error}") from error
        except sqlite3.Error as error:
            raise OutboxError(f"{self.path} is damaged: {error}") from error
