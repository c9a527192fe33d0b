"""`edge-gateway outbox recover`: from a store that was set aside into the one in use.

A gateway does this by itself for what it set aside; this is for a file that came from elsewhere,
and for one that is to be sent again.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import astuple, dataclass, replace
from itertools import islice
from pathlib import Path
from random import SystemRandom

from edge_gateway.cli.outbox import blocks
from edge_gateway.cli.outbox.place import Place
from edge_gateway.cli.terminal import CommandError, Exit, err, progress
from edge_gateway.clock import Clock
from edge_gateway.config import OutboxConfig
from edge_gateway.outbox import (
    BootClock,
    OutboxError,
    OutboxReader,
    Recovery,
    StoredBlock,
    quota,
    recover,
)
from edge_gateway.outbox.account import recovery_event
from edge_gateway.outbox.folder import Reserve, claim
from edge_gateway.outbox.memory import seal
from edge_gateway.outbox.table import BlockTable
from edge_gateway.reading import Lane

_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """What can be read of `kept`: entries by lane, in so many blocks; those above `after`."""

    kept: Path
    after: int
    blocks: int
    entries: Counter[Lane]

    def __str__(self) -> str:
        lanes = ", ".join(f"{count} of {lane}" for lane, count in self.entries.items())
        return f"{self.kept}: {self.blocks} blocks can be read, with entries: {lanes or 'none'}"


@dataclass(slots=True)
class Done:
    """What was moved, what was there already, and what found no room."""

    blocks: int = 0
    entries: int = 0
    known: int = 0
    lost: int = 0


def plan(kept: Path, place: Place) -> Plan:
    """Look what can be read; changes nothing. Raises CommandError when that is nothing."""
    if kept.resolve() == place.store.resolve():
        raise CommandError(f"{kept} is the store itself: name the file that was set aside")
    if not kept.is_file() or not os.access(kept, os.R_OK):
        raise CommandError(f"{kept}: there is no such file, or no permission to read it")
    entries: Counter[Lane] = Counter()
    count = 0
    after = _already_recovered(kept, place)
    size_kb = kept.stat().st_size / 1000
    with progress(f"reading {kept.name}", size_kb, "kB") as bar:
        for found in blocks.searched(kept, after):
            count += 1
            entries[found.block.lane] += found.block.entries
            bar.update(found.share * size_kb)
    if not count:
        raise CommandError(f"{kept}: nothing can be read of it that is not recovered already")
    return Plan(kept, after, count, entries)


def carry_out(task: Plan, place: Place, clock: Clock) -> Done:
    """Move the blocks, a slice a transaction; what is there already is passed over.

    Raises OutboxError when a gateway uses the store, and CommandError when the disk refuses.
    """
    quota_bytes = place.quota_bytes or OutboxConfig().quota_mb * 1_000_000
    reserve = Reserve(place.folder / "reserve", quota_bytes)
    with ExitStack() as stack:
        stack.callback(os.close, claim(place.folder))
        try:
            table = BlockTable(
                place.store, most_bytes=quota_bytes - reserve.size, random=SystemRandom()
            )
            stack.enter_context(closing(table))
            return _move(task, place, table, clock)
        except sqlite3.Error as error:
            raise CommandError(
                f"{place.store}: {error}. What was moved before is safe; run this again to go on"
            ) from error


def _move(task: Plan, place: Place, table: BlockTable, clock: Clock) -> Done:
    known = _keys(table)
    is_own = any(
        one.kept_as.name == task.kept.name for one in recover.unfinished(table, place.folder)
    )
    done = Done()
    with progress("recovering", task.blocks, "blocks") as bar:
        for part in _parts(found.block for found in blocks.searched(task.kept, task.after)):
            fresh = [block for block in part if block.key not in known]
            with table.transaction():
                losses = _insert(fresh, table, keeps_numbers=is_own)
            done.blocks += len(fresh)
            done.known += len(part) - len(fresh)
            done.entries += sum(block.entries for block in fresh)
            done.lost += sum(loss.entries for loss in losses)
            bar.update(done.blocks + done.known)
    told = Recovery(task.kept, done.blocks, done.entries, "", finished=True)
    event = recovery_event(told, clock.now())
    with table.transaction():
        _learn(_clocks(task.kept), table)
        if done.blocks:
            quota.insert_all(table, [seal(Lane.EVENTS, event.at.boot_id, [event])])
        if is_own:
            recover.progressed(told, table)
    return done


def _insert(
    fresh: Sequence[StoredBlock], table: BlockTable, *, keeps_numbers: bool
) -> list[quota.Loss]:
    """Insert blocks under new numbers, so that each consumer is owed them, in their order.

    Under their own in a recovery that the gateway itself began: its cursors tell who has which.
    """
    moved = [recover.moved(block) for block in fresh]
    if not keeps_numbers:
        moved = [replace(block, sequence=None) for block in moved]
    losses = quota.insert_all(table, moved)
    quota.record(table.connection, losses)
    return losses


def _parts(found: Iterable[StoredBlock]) -> Iterator[list[StoredBlock]]:
    rest = iter(found)
    while part := list(islice(rest, _AT_ONCE)):
        yield part


def _keys(table: BlockTable) -> set[str]:
    rows = table.connection.execute("SELECT sequence, origin FROM blocks")
    return {origin or f"{table.store}/{sequence}" for sequence, origin in rows}


def _already_recovered(kept: Path, place: Place) -> int:
    """Where a gateway has begun to recover this file: how far it came."""
    if kept.parent.resolve() != place.folder.resolve():
        return 0
    with OutboxReader(place.store) as books:
        return next((one.after for one in books.recoveries() if one.kept_as.name == kept.name), 0)


def _clocks(kept: Path) -> list[BootClock]:
    with suppress(OutboxError), OutboxReader(kept) as books:
        return list(books.clocks.values())
    return []


def _learn(clocks: Sequence[BootClock], table: BlockTable) -> None:
    """What the old store knew of its boots' clocks, so that its blocks can be dated."""
    table.connection.executemany(
        "INSERT OR IGNORE INTO clocks (boot, offset_ns, error_s, state) VALUES (?, ?, ?, ?)",
        [(*astuple(clock)[:3], str(clock.state)) for clock in clocks],
    )


def tell(done: Done) -> Exit:
    """Say how it went; exit code 1 when something found no room."""
    said = f"{done.entries} entries in {done.blocks} blocks recovered; start the gateway to send"
    if done.known:
        said += f"; {done.known} blocks were there already"
    if done.lost:
        said += f"; {done.lost} entries found no room under the quota"
    err().print(said, markup=False)
    return Exit.FAILED if done.lost else Exit.DONE
