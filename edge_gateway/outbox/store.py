"""The outbox: what `commit` has returned for survives a kill and a power cut until acknowledged."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from threading import RLock

from edge_gateway.clock import Clock
from edge_gateway.outbox import quota
from edge_gateway.outbox.account import Rate, age_s, recovery_event, size_of, sums, tell_losses
from edge_gateway.outbox.folder import Reserve, claim
from edge_gateway.outbox.memory import Waiting, give_up_excess
from edge_gateway.outbox.quota import Loss
from edge_gateway.outbox.records import (
    Committed,
    Handle,
    LaneStats,
    NewBlock,
    OutboxError,
    OutboxStats,
    Recovery,
    StoredBlock,
)
from edge_gateway.outbox.recover import recover, set_aside
from edge_gateway.outbox.table import BlockTable, is_damage, is_damage_at_start, is_full
from edge_gateway.reading import Entry, Lane

FILE_NAME = "outbox.db"

# Deletions ride on the next commit; more than this many are not left to wait for it.
_MOST_REMOVED = 256

# The first loss is told at once, while more follow only this often: not at every commit.
_TELL_LOSSES_EVERY_NS = 600 * 10**9


class Outbox:
    """One store in one folder, used by one process. Safe to call from any thread.

    `random` makes the store's id: random.SystemRandom() wherever two stores could meet.
    Raises OutboxError when the folder cannot be used; a damaged store never stops the start.
    """

    def __init__(self, folder: Path, *, clock: Clock, quota_bytes: int, random: Random) -> None:
        self.path = folder / FILE_NAME
        self._clock = clock
        self._random = random
        self._quota_bytes = quota_bytes
        self._reserve = Reserve(folder / "reserve", quota_bytes)
        self._store_bytes = quota_bytes - self._reserve.size
        self._lock = RLock()
        self._waiting = Waiting()
        self._refused: list[NewBlock] = []
        self._removed: set[int] = set()
        self._losses: list[Loss] = []
        self._told_ns: int | None = None
        self._lost = 0
        self._trouble = ""
        self._broken = ""
        self._is_closed = self._has_news = False
        self._rate = Rate()
        self._listeners: list[Callable[[], None]] = []
        self.recovery: Recovery | None = None
        self._folder_lock = claim(folder)
        with ExitStack() as undo:
            undo.callback(os.close, self._folder_lock)
            self._table = self._open()
            undo.pop_all()
        self._totals = self._table.totals()
        self._has_account = bool(quota.recorded(self._table.connection))
        self._reserve.hold()

    @property
    def store(self) -> str:
        """The id of the store: with a sequence number it names a block for ever."""
        return self._table.store

    def append(self, entries: Iterable[Entry]) -> None:
        """Hand entries in; in memory only until the next `commit`. Never waits for the disk."""
        self._waiting.add(entries)

    def commit(self) -> Committed:
        """Make everything handed in durable, in one transaction with the removals due.

        When the disk refuses, nothing is lost: the blocks stay in memory (bounded), `trouble`
        says why, and the next commit tries again.
        """
        with self._lock:
            self._refused += self._waiting.take()
            committed = self._write()
            self._rate.add(self._clock.now().monotonic_ns, committed)
            has_news, self._has_news = self._has_news, False
        if has_news:
            for listener in self._listeners:
                listener()
        return committed

    def on_commit(self, listener: Callable[[], None]) -> None:
        """Have `listener` called after each commit that stored something, in its thread."""
        self._listeners.append(listener)

    def newest_sequence(self) -> int:
        """The number of the youngest block committed to this store."""
        with self._lock:
            try:
                return self._table.newest_sequence()
            except sqlite3.Error as error:
                self._note(error)
                return 0

    def pending(
        self, lane: Lane, *, after: int = 0, through: int | None = None, limit: int = 1
    ) -> tuple[StoredBlock, ...]:
        """The oldest unacknowledged blocks of a lane with `after` < sequence <= `through`."""
        found: list[StoredBlock] = []
        with self._lock:
            try:
                for block in self._table.scan(lane, after=after, through=through):
                    if block.handle.sequence not in self._removed:
                        found.append(block)
                    if len(found) >= limit:
                        break
            except sqlite3.Error as error:
                self._note(error)
                return ()
        return tuple(found)

    def remove(self, handles: Iterable[Handle]) -> None:
        """Forget blocks, once acknowledged; on disk with the next commit, at the latest by 256."""
        with self._lock:
            try:
                for handle in handles:
                    self._mark_removed(handle)
            except sqlite3.Error as error:
                self._note(error)
            if len(self._removed) >= _MOST_REMOVED:
                self._write()

    def condemn(self, block: StoredBlock, cause: str) -> None:
        """Give up a block whose content cannot be read; the loss is told as an event."""
        with self._lock:
            self._give_up([quota.loss_of(block, cause)])
            self.remove([block.handle])

    def stats(self) -> OutboxStats:
        """What waits, how old it is, how long the quota lasts."""
        with self._lock:
            try:
                oldest = next(
                    (row for row in self._table.oldest() if row[0] not in self._removed), None
                )
                disk_bytes, free_bytes = self._table.taken_bytes(), self._table.free_bytes()
            except sqlite3.Error as error:
                self._note(error)
                oldest, disk_bytes, free_bytes = None, 0, 0
            now = self._clock.now()
            rate = self._rate.bytes_per_hour(now.monotonic_ns)
            total = sums(self._totals.values())
            refused = sum(block.entries for block in self._refused)
            return OutboxStats(
                total.blocks,
                total.entries,
                total.bytes,
                dict(self._totals),
                disk_bytes,
                self._quota_bytes,
                None if oldest is None else age_s(self._clock, now, *oldest[1:]),
                len(self._waiting) + refused,
                rate,
                free_bytes / rate if rate else None,
                self._lost,
                self._trouble,
            )

    def close(self) -> None:
        """Commit what is left and let go of the folder; safe to call twice, of no use after."""
        with self._lock:
            if not self._is_closed:
                self.commit()
                self._table.close()
                os.close(self._folder_lock)
            self._is_closed = True

    def _open(self) -> BlockTable:
        try:
            return BlockTable(self.path, most_bytes=self._store_bytes, random=self._random)
        except sqlite3.Error as error:
            if is_damage_at_start(error):
                return self._start_over(str(error))
            raise OutboxError(
                f"the outbox {self.path} cannot be opened: {error}. Check that its disk is "
                "mounted, writable and not full"
            ) from error

    def _start_over(self, cause: str) -> BlockTable:
        kept = set_aside(self.path)
        table = BlockTable(self.path, most_bytes=self._store_bytes, random=self._random)
        self.recovery = recover(kept, table, cause)
        self.append([recovery_event(self.recovery, self._clock.now())])
        return table

    def _write(self) -> Committed:
        tells = self._has_account and self._is_time_to_tell()
        if not (self._refused or self._removed or self._losses or tells):
            return Committed(trouble=self._trouble)
        try:
            return self._transact(self._refused)
        except sqlite3.Error as error:
            self._note(error)
            full = is_full(error)
        try:
            if self._broken:
                self._replace()
                return self._transact(self._refused)
            if full and self._removed:
                self._reserve.release()
                self._transact([])
        except (sqlite3.Error, OSError) as error:
            self._note(error)
        self._give_up(give_up_excess(self._refused))
        return Committed(trouble=self._trouble)

    def _transact(self, blocks: list[NewBlock]) -> Committed:
        """Delete, insert and keep the account of losses, all or nothing."""
        with self._table.transaction():
            self._table.delete(self._removed)
            dropped = quota.insert_all(self._table, blocks)
            quota.record(self._table.connection, self._losses + dropped)
            self._has_account = self._has_account or bool(self._losses or dropped)
            told = self._has_account and self._is_time_to_tell()
            if told:
                dropped += tell_losses(self._table, self._clock)
                self._told_ns = self._clock.now().monotonic_ns
        self._has_news = self._has_news or told or bool(blocks)
        size = sums(size_of(block) for block in blocks)
        if dropped or told:
            self._totals = self._table.totals()
            self._has_account = bool(quota.recorded(self._table.connection))
        else:
            for block in blocks:
                before = self._totals.get(block.lane, LaneStats())
                self._totals[block.lane] = sums((before, size_of(block)))
        self._lost += sum(loss.entries for loss in dropped)
        self._removed.clear()
        self._losses.clear()
        self._settle(blocks)
        return Committed(size.blocks, size.entries, size.bytes)

    def _settle(self, written: list[NewBlock]) -> None:
        """After a good transaction: nothing is owed, and the disk gets its due."""
        if written is self._refused:
            self._refused = []
            self._trouble = ""
        self._table.shrink()
        if not self._reserve.held:
            self._reserve.hold()

    def _is_time_to_tell(self) -> bool:
        now_ns = self._clock.now().monotonic_ns
        return self._told_ns is None or now_ns - self._told_ns > _TELL_LOSSES_EVERY_NS

    def _give_up(self, losses: list[Loss]) -> None:
        self._losses += losses
        self._lost += sum(loss.entries for loss in losses)

    def _note(self, error: Exception) -> None:
        self._trouble = f"{self.path}: {error}"
        if isinstance(error, sqlite3.Error) and is_damage(error):
            self._table.close()
            self._broken = str(error)

    def _replace(self) -> None:
        """Go on with a fresh store beside the broken one."""
        self._table = self._start_over(self._broken)
        self._broken = ""
        self._refused += self._waiting.take()
        self._removed.clear()
        self._totals = self._table.totals()
        self._has_account = bool(quota.recorded(self._table.connection))

    def _mark_removed(self, handle: Handle) -> None:
        if handle.store != self._table.store or handle.sequence in self._removed:
            return
        found = self._table.lane_of(handle.sequence)
        if found is None:
            return
        lane, size = found
        whole = self._totals[lane]
        self._removed.add(handle.sequence)
        self._totals[lane] = LaneStats(
            whole.blocks - size.blocks, whole.entries - size.entries, whole.bytes - size.bytes
        )
