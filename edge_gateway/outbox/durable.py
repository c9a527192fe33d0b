"""The side of the outbox that is on disk: one transaction at a time, and what to do when it fails.

Not for any thread at any time: the outbox calls it under its lock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from random import Random

from edge_gateway.clock import Clock
from edge_gateway.outbox import quota, recover
from edge_gateway.outbox.account import (
    recovery_event,
    size_of,
    sums,
    tell_losses,
    without,
)
from edge_gateway.outbox.clocks import BootClocks
from edge_gateway.outbox.cursors import Cursors
from edge_gateway.outbox.folder import Reserve
from edge_gateway.outbox.memory import give_up_excess, seal
from edge_gateway.outbox.opening import Opener
from edge_gateway.outbox.quota import Loss
from edge_gateway.outbox.records import (
    Committed,
    Handle,
    LaneStats,
    NewBlock,
    OutboxError,
    Recovery,
    StoredBlock,
)
from edge_gateway.outbox.table import BlockTable, is_damage, is_damage_at_start, is_full
from edge_gateway.outbox.thinning import Thin, Thinner
from edge_gateway.reading import Event, Lane

# The first loss is told at once, while more follow only this often: not at every commit.
_TELL_LOSSES_EVERY_NS = 600 * 10**9

# Blocks nobody waits for any more, deleted with one commit at most.
_MOST_ORPHANS = 1000


class Durable:
    """An open store with its reserve. `refused` holds what the disk would not take yet."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        random: Random,
        quota_bytes: int,
        consumers: Sequence[str],
        thin: Thin | None,
    ) -> None:
        self.path = path
        self._clock = clock
        self._consumers = consumers
        self._thin = thin
        self._reserve = Reserve(path.with_name("reserve"), quota_bytes)
        self._opener = Opener(path, quota_bytes, self._reserve, clock=clock, random=random)
        self.refused: list[NewBlock] = []
        self.removed: set[int] = set()
        self.lost = self.thinned = self.backlog_epoch = 0
        self.trouble = self._broken = ""
        self.has_news = False
        self.recovery: Recovery | None = None
        self._losses: list[Loss] = []
        self._told_ns: int | None = None
        self._reserve.lend()
        try:
            self._use(self._opener.open())
        except sqlite3.Error as error:
            if not is_damage_at_start(error):
                raise OutboxError(f"the outbox {path} cannot be read: {error}") from error
            # A large file is not read through when it is opened: its damage shows here. It is
            # closed before it is renamed, for SQLite deletes a log by its name.
            self.table.close()
            self._use(self._opener.start_over(str(error)))
        self._reserve.hold()
        self.recover_slice()

    @property
    def recovering(self) -> bool:
        """Whether a damaged store is still being moved into this one."""
        return self._recoveries.current is not None

    def write(self) -> Committed:
        """Write what is refused so far, with all that is due; `trouble` says why not."""
        tells = self._has_account and self._is_time_to_tell()
        due = (self.removed, self._losses, self._orphans, self._broken)
        learnt = self.cursors.has_changed or self.clocks.has_changed
        if not (self.refused or tells or learnt or any(due)):
            return Committed(trouble=self.trouble)
        try:
            return self._transact(self.refused)
        except sqlite3.Error as error:
            self.note(error)
            full = is_full(error)
        try:
            if self._broken:
                self._replace()
                return self._transact(self.refused)
            if full and self.removed:
                self._reserve.release()
                self._transact([])
        except (sqlite3.Error, OSError) as error:
            self.note(error)
        self.give_up(give_up_excess(self.refused))
        return Committed(trouble=self.trouble)

    def remove(self, consumer: str, handle: Handle) -> None:
        """A consumer has what is in a block; it goes when that was the last one."""
        if handle.store != self.table.store or handle.sequence in self.removed:
            return
        found = self.table.lane_of(handle.sequence)
        if found is None:
            return
        lane, size = found
        if self.cursors.removed_until(consumer, lane, handle.sequence) is not None:
            return
        self.waiting[consumer] = without(self.waiting[consumer], size)
        if self.cursors.remove(consumer, lane, handle.sequence):
            self.removed.add(handle.sequence)
            self.totals[lane] = without(self.totals[lane], size)

    def condemn(self, block: StoredBlock, cause: str) -> None:
        """Give up a block that cannot be read, for all."""
        found = self.table.lane_of(block.handle.sequence)
        if found is None or block.handle.sequence in self.removed:
            return
        self.give_up([quota.loss_of(block, cause)])
        for consumer in self._consumers:
            self.remove(consumer, block.handle)

    def recover_slice(self) -> None:
        """Move the next blocks of a damaged store into this one, in a transaction of their own."""
        if self._broken:
            return
        try:
            step = self._recoveries.next_step()
            if step is None:
                return
            with self.table.transaction():
                dropped = self._insert(step.blocks)
                recover.progressed(step.recovery, self.table)
                if step.recovery.finished:
                    dropped += self._tell(recovery_event(step.recovery, self._clock.now()))
                quota.record(self.table.connection, dropped)
                self.cursors.save()
        except (sqlite3.Error, OSError) as error:
            self.note(error)
            return
        self.cursors.saved()
        self._recoveries.settle(step)
        self.recovery = step.recovery
        self._count_losses(dropped)
        self.recount()
        self.backlog_epoch += 1
        self.has_news = True

    def oldest(self) -> tuple[str, int] | None:
        """Boot and first microsecond of the oldest block that waits."""
        rows = self.table.oldest(len(self.removed) + 1)
        return next((row[1:] for row in rows if row[0] not in self.removed), None)

    def give_up(self, losses: list[Loss]) -> None:
        """Count losses; the next transaction puts them on the account."""
        self._losses += losses
        self._count_losses(losses)

    def note(self, error: Exception) -> None:
        """Remember what is wrong; a broken file is replaced at the next write."""
        self.trouble = f"{self.path}: {error}"
        if isinstance(error, sqlite3.Error) and is_damage(error):
            self.table.close()
            self._broken = str(error)

    def recount(self) -> None:
        """Take the totals from the table again, after more than a plain insertion."""
        self.totals = self.table.totals()
        self._has_account = bool(quota.recorded(self.table.connection))
        self.waiting = self.cursors.waiting(self.totals)
        for sequence in self.removed:
            found = self.table.lane_of(sequence)
            if found is not None:
                lane, size = found
                self.totals[lane] = without(self.totals[lane], size)
                if len(self._consumers) == 1:
                    name = self._consumers[0]
                    self.waiting[name] = without(self.waiting[name], size)

    def _use(self, table: BlockTable) -> None:
        self.table = table
        self._recoveries = recover.Recoveries(table, self.path.parent)
        self.recovery = self._recoveries.current or self.recovery
        self.cursors = Cursors(self._consumers, table, self._recoveries.awaited)
        self.clocks = BootClocks(table.connection)
        self._thinner = None if self._thin is None else Thinner(self._thin, table, self.cursors)
        self._orphans = list(self.cursors.removed_by_all())
        self.recount()

    def _replace(self) -> None:
        """Go on with a fresh store beside the broken one."""
        table = self._opener.start_over(self._broken)
        self._broken = ""
        self.removed.clear()
        self._use(table)
        self.backlog_epoch += 1
        self.has_news = True

    def _transact(self, blocks: list[NewBlock]) -> Committed:
        """Delete, insert, keep the account of losses and all cursors, all or nothing."""
        with self.table.transaction():
            self.table.delete(self.removed)
            orphans = self._delete_orphans()
            dropped = self._insert(blocks)
            quota.record(self.table.connection, self._losses + dropped)
            self._has_account = self._has_account or bool(self._losses or dropped)
            told = self._has_account and self._is_time_to_tell()
            if told:
                dropped += tell_losses(self.table, self._clock)
                self._told_ns = self._clock.now().monotonic_ns
            self.cursors.save()
            self.clocks.save()
        self.has_news = self.has_news or told or bool(blocks)
        self._settle(blocks, orphans)
        self._count_losses(dropped)
        self._add_up(blocks, exactly=not (dropped or told or orphans))
        size = sums(size_of(block) for block in blocks)
        return Committed(size.blocks, size.entries, size.bytes)

    def _insert(self, blocks: list[NewBlock]) -> list[Loss]:
        thin_oldest = None if self._thinner is None else self._thinner.thin_oldest
        return quota.insert_all(self.table, blocks, thin_oldest)

    def _tell(self, event: Event) -> list[Loss]:
        block = seal(Lane.EVENTS, event.at.boot_id, [event])
        return self._insert([block])

    def _delete_orphans(self) -> int:
        """Delete some of what no consumer waits for any more; how many it were."""
        if not self._orphans:
            return 0
        return self.table.delete_range(*self._orphans[0], _MOST_ORPHANS)

    def _settle(self, written: list[NewBlock], orphans: int) -> None:
        """After a good transaction: nothing is owed, and the disk gets its due."""
        self.removed.clear()
        self._losses.clear()
        self.cursors.saved()
        self.clocks.saved()
        if self._orphans and orphans < _MOST_ORPHANS:
            del self._orphans[0]
            if not self._orphans and len(self._consumers) == 1:
                self.cursors.forget_all()
        if written is self.refused:
            self.refused = []
            self.trouble = ""
        self.table.shrink()
        if not self._reserve.held:
            self._reserve.hold()

    def _add_up(self, blocks: list[NewBlock], *, exactly: bool) -> None:
        if not exactly:
            self.recount()
            return
        for block in blocks:
            size = size_of(block)
            self.totals[block.lane] = sums((self.totals.get(block.lane, LaneStats()), size))
            for name in self._consumers:
                self.waiting[name] = sums((self.waiting[name], size))

    def _count_losses(self, losses: list[Loss]) -> None:
        for loss in losses:
            if loss.cause == quota.THINNED:
                self.thinned += loss.entries
                self.backlog_epoch += 1
            else:
                self.lost += loss.entries

    def _is_time_to_tell(self) -> bool:
        now_ns = self._clock.now().monotonic_ns
        return self._told_ns is None or now_ns - self._told_ns > _TELL_LOSSES_EVERY_NS
