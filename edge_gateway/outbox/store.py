"""The outbox: what `commit` has returned for survives a kill and a power cut until acknowledged."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from math import inf
from pathlib import Path
from random import Random
from threading import RLock

from edge_gateway.clock import Clock
from edge_gateway.outbox.account import Rates, age_s, sums
from edge_gateway.outbox.durable import Durable
from edge_gateway.outbox.folder import claim
from edge_gateway.outbox.memory import Waiting
from edge_gateway.outbox.records import (
    BootClock,
    Committed,
    Handle,
    OutboxError,
    OutboxStats,
    Recovery,
    StoredBlock,
)
from edge_gateway.outbox.schedule import Schedule
from edge_gateway.outbox.thinning import Thin
from edge_gateway.reading import Entry, Lane, Rows

FILE_NAME = "outbox.db"
ONLY_CONSUMER = "main"

# Deletions ride on the next commit; more than this many are not left to wait for it.
_MOST_REMOVED = 256


class Outbox:
    """One store in one folder, used by one process. Safe to call from any thread.

    `random` makes the store's id: random.SystemRandom() wherever two stores could meet.
    `consumers` read it independently; a block stays until each has removed it. One that is not
    named any more is owed nothing; one that is new begins with what is still there. Where there
    is one only, methods need not be told which.
    `commit_interval_s`: seconds between commits of a lane, for `commit_due`; 0 makes it durable
    before `append` returns. Lanes that are not named have 5 s.
    `thin` makes summaries of the oldest samples when the store is full; without it they are lost.
    Raises OutboxError when the folder cannot be used; a damaged store never stops the start.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock,
        quota_bytes: int,
        random: Random,
        consumers: Sequence[str] = (ONLY_CONSUMER,),
        commit_interval_s: Mapping[Lane, float] | None = None,
        thin: Thin | None = None,
    ) -> None:
        if not consumers or len(set(consumers)) != len(consumers):
            raise ValueError(f"an outbox needs consumers of different names, not {consumers!r}")
        self.path = folder / FILE_NAME
        self.consumers = tuple(consumers)
        self._clock = clock
        self._quota_bytes = quota_bytes
        self._lock = RLock()
        self._waiting = Waiting()
        self._through = 0
        self._is_closed = False
        self._rates = Rates()
        self._listeners: list[Callable[[], None]] = []
        self._schedule = Schedule(commit_interval_s or {}, clock.now().monotonic_ns)
        self._folder_lock = claim(folder)
        with ExitStack() as undo:
            undo.callback(os.close, self._folder_lock)
            self._durable = self._opened(random, thin)
            undo.pop_all()

    def _opened(self, random: Random, thin: Thin | None) -> Durable:
        try:
            return Durable(
                self.path,
                clock=self._clock,
                random=random,
                quota_bytes=self._quota_bytes,
                consumers=self.consumers,
                thin=thin,
            )
        except (sqlite3.Error, OSError) as error:
            raise OutboxError(
                f"the outbox {self.path} cannot be opened: {error}. Check that its disk is "
                "mounted, writable and not full"
            ) from error

    @property
    def store(self) -> str:
        """The id of the store: with a sequence number it names a block for ever."""
        return self._durable.table.store

    @property
    def recovery(self) -> Recovery | None:
        """How the recovery of a damaged store stands, None when there was none since start."""
        return self._durable.recovery

    @property
    def committed_through(self) -> int:
        """All entries up to this number of `append` are durable (or told as lost, durably)."""
        return self._through

    @property
    def backlog_epoch(self) -> int:
        """Changes when older blocks came in below the newest: whoever reads by `after` starts anew.

        That is a slice of a damaged store recovered, or samples thinned to summaries.
        """
        return self._durable.backlog_epoch

    def append(self, entries: Iterable[Entry]) -> int:
        """Hand entries in; the number of the last, counted since start, for `committed_through`.

        In memory only until the next `commit`, and never waits for the disk; unless there are
        entries of a lane whose interval is 0: these are committed before it returns.
        """
        return self._accepted(self._waiting.add(entries))

    def append_rows(self, rows: Rows) -> int:
        """The same of readings in columns, which stay columns."""
        return self._accepted(self._waiting.add_rows(rows))

    def commit(self, lanes: Collection[Lane] | None = None) -> Committed:
        """Make everything handed in durable, in one transaction with the removals due.

        With `lanes` only what is of these. When the disk refuses, nothing is lost: the blocks stay
        in memory (bounded), `trouble` says why, and the next commit tries again.
        """
        chosen = tuple(Lane) if lanes is None else tuple(lanes)
        with self._lock:
            taken = self._waiting.take(chosen)
            self._durable.refused += taken.blocks
            blocks = tuple(self._durable.refused)
            committed = self._durable.write()
            now_ns = self._clock.now().monotonic_ns
            self._schedule.committed(chosen, now_ns)
            if not self._durable.refused:
                self._through = max(self._through, taken.through)
                self._rates.add(now_ns, blocks)
            if self._durable.recovering:
                self._durable.recover_slice()
            has_news, self._durable.has_news = self._durable.has_news, False
        if has_news:
            for listener in self._listeners:
                listener()
        return committed

    def commit_due(self, within_s: float = inf) -> Committed:
        """Commit the lanes whose interval has passed, or `within_s` where that is shorter."""
        due = self._schedule.due(self._clock.now().monotonic_ns, within_s)
        return self.commit(due) if due else Committed()

    def next_commit_s(self, within_s: float = inf) -> float:
        """Seconds until `commit_due` has something to do, 0 when it has now."""
        return self._schedule.next_s(self._clock.now().monotonic_ns, within_s)

    def on_commit(self, listener: Callable[[], None]) -> None:
        """Have `listener` called after each commit that stored something, in its thread."""
        self._listeners.append(listener)

    def note_clock(self, boot: BootClock) -> None:
        """Keep what a boot's wall clock is; written with the next commit, only when it is news."""
        with self._lock:
            self._durable.clocks.note(boot)

    def clock_of(self, boot_id: str) -> BootClock | None:
        """What is known of a boot's wall clock, this one's or an earlier one's."""
        with self._lock:
            return self._durable.clocks.of(boot_id)

    def newest_sequence(self) -> int:
        """The number of the youngest block committed to this store."""
        with self._lock:
            try:
                return self._durable.table.newest_sequence()
            except sqlite3.Error as error:
                self._durable.note(error)
                return 0

    def pending(
        self,
        lane: Lane,
        *,
        after: int = 0,
        through: int | None = None,
        limit: int = 1,
        consumer: str | None = None,
    ) -> tuple[StoredBlock, ...]:
        """The oldest blocks of a lane with `after` < sequence <= `through` not removed by it."""
        name = self._named(consumer)
        found: list[StoredBlock] = []
        with self._lock:
            place: int | None = after
            try:
                while place is not None and len(found) < limit:
                    blocks = self._durable.table.scan(lane, after=place, through=through)
                    place = self._gather(found, blocks, name, limit)
            except sqlite3.Error as error:
                self._durable.note(error)
                return ()
        return tuple(found)

    def remove(self, handles: Iterable[Handle], *, consumer: str | None = None) -> None:
        """A consumer has these blocks; on disk with the next commit, at the latest by 256."""
        name = self._named(consumer)
        with self._lock:
            try:
                for handle in handles:
                    self._durable.remove(name, handle)
            except sqlite3.Error as error:
                self._durable.note(error)
            if len(self._durable.removed) >= _MOST_REMOVED:
                self._durable.write()

    def condemn(self, block: StoredBlock, cause: str) -> None:
        """Give up a block whose content cannot be read, for all consumers; told as a loss."""
        with self._lock:
            try:
                self._durable.condemn(block, cause)
            except sqlite3.Error as error:
                self._durable.note(error)

    def stats(self) -> OutboxStats:
        """What waits, how old it is, how long the quota lasts."""
        with self._lock:
            durable = self._durable
            try:
                oldest = durable.oldest()
                disk_bytes, free_bytes = durable.table.taken_bytes(), durable.table.free_bytes()
            except sqlite3.Error as error:
                durable.note(error)
                oldest, disk_bytes, free_bytes = None, 0, 0
            now = self._clock.now()
            rates = self._rates.bytes_per_hour(now.monotonic_ns)
            rate = sum(rates.values())
            total = sums(durable.totals.values())
            return OutboxStats(
                total.blocks,
                total.entries,
                total.bytes,
                dict(durable.totals),
                disk_bytes,
                self._quota_bytes,
                None if oldest is None else age_s(self._clock, now, *oldest),
                len(self._waiting) + sum(block.entries for block in durable.refused),
                rate,
                free_bytes / rate if rate else None,
                durable.lost,
                durable.trouble,
                rates,
                dict(durable.waiting),
                durable.thinned,
                durable.recovering,
            )

    def close(self) -> None:
        """Commit what is left and let go of the folder; safe to call twice, of no use after."""
        with self._lock:
            if not self._is_closed:
                self.commit()
                self._durable.table.close()
                os.close(self._folder_lock)
            self._is_closed = True

    def _accepted(self, number: int) -> int:
        if self._schedule.at_once and self._waiting.has(self._schedule.at_once):
            self.commit(self._schedule.at_once)
        return number

    def _named(self, consumer: str | None) -> str:
        if consumer is None and len(self.consumers) == 1:
            return self.consumers[0]
        if consumer not in self.consumers:
            raise ValueError(f"the outbox has the consumers {self.consumers}, not {consumer!r}")
        return consumer

    def _gather(
        self, found: list[StoredBlock], blocks: Iterable[StoredBlock], name: str, limit: int
    ) -> int | None:
        """Add blocks up to the next range that is removed; its end, None where no more follow."""
        for block in blocks:
            sequence = block.handle.sequence
            end = self._durable.cursors.removed_until(name, block.lane, sequence)
            if end is not None:
                return end
            if sequence not in self._durable.removed:
                found.append(block)
            if len(found) >= limit:
                break
        return None
