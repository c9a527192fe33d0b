"""Opening a store whatever state it is in: a damaged one is set aside and a fresh one begun."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack
from pathlib import Path
from random import Random

from edge_gateway.clock import Clock
from edge_gateway.outbox import aside, quota, recover
from edge_gateway.outbox.account import damage_event
from edge_gateway.outbox.folder import Reserve
from edge_gateway.outbox.memory import seal
from edge_gateway.outbox.records import OutboxError, Recovery
from edge_gateway.outbox.table import BlockTable, is_damage_at_start
from edge_gateway.reading import Lane


class Opener:
    """Opens the store at `path`, within its quota but for the reserve.

    Gives the `reserve` back to the disk where there is no room for a fresh store without.
    """

    def __init__(
        self, path: Path, quota_bytes: int, reserve: Reserve, *, clock: Clock, random: Random
    ) -> None:
        self._path = path
        self._most_bytes = quota_bytes - reserve.size
        self._reserve = reserve
        self._clock = clock
        self._random = random

    def open(self) -> BlockTable:
        """The store, or a fresh one beside what is damaged. Raises OutboxError."""
        task = aside.interrupted(self._path)
        try:
            table = self._table()
        except sqlite3.Error as error:
            if is_damage_at_start(error):
                return self.start_over(str(error))
            raise OutboxError(
                f"the outbox {self._path} cannot be opened: {error}. Check that its disk is "
                "mounted, writable and not full"
            ) from error
        return table if task is None else self._begun(task, table)

    def start_over(self, cause: str) -> BlockTable:
        """Set the store aside and begin a fresh one, with the task to recover from it.

        Where a full disk has let the first half of that be done only, this does the second.
        """
        self._reserve.release()
        task = aside.interrupted(self._path)
        if task is not None:
            try:
                return self._begun(task, self._table())
            except sqlite3.Error as error:
                if not is_damage_at_start(error):
                    raise
        task = aside.set_aside(self._path, cause)
        return self._begun(task, self._table())

    def _table(self) -> BlockTable:
        return BlockTable(self._path, most_bytes=self._most_bytes, random=self._random)

    def _begun(self, task: Recovery, table: BlockTable) -> BlockTable:
        now = self._clock.now()
        told = seal(Lane.EVENTS, now.boot_id, [damage_event(task, now)])
        with ExitStack() as undo:
            undo.callback(table.close)
            with table.transaction():
                if recover.begin(task, table):
                    quota.insert_all(table, [told])
            aside.begun(self._path)
            undo.pop_all()
        return table
