"""The blocks of a store that may be damaged: as many as can be read, and the file untouched."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_gateway.cli.terminal import err
from edge_gateway.outbox import OutboxError, OutboxReader, StoredBlock
from edge_gateway.outbox.search import Slice, newest_sequence, read_slice
from edge_gateway.reading import Lane


@dataclass(frozen=True, slots=True)
class Found:
    """A block, and how far this is, 0 to 1."""

    block: StoredBlock
    share: float


def of(path: Path, lanes: Sequence[Lane]) -> Iterator[Found]:
    """The blocks of these lanes: lane by lane, or of a damaged store by their number."""
    total = done = 0
    try:
        with OutboxReader(path) as books:
            totals = books.stats()
            total = sum(size.entries for lane, size in totals.items() if lane in lanes)
            for lane in lanes:
                for block in books.blocks(lane):
                    done += block.entries
                    yield Found(block, done / max(total, done))
            return
    except OutboxError as error:
        if done:
            # What was given already would be given again by the search.
            raise
        err().print(f"{error}; searching it for what can be read", markup=False)
    found = False
    for one in searched(path):
        found = True
        if one.block.lane in lanes:
            yield one
    if not found:
        raise OutboxError(f"{path}: nothing can be read of it: is it a store of an edge-gateway?")


def searched(path: Path, after: int = 0) -> Iterator[Found]:
    """All whole blocks above number `after`, by every way that a damaged file still has."""
    is_over = False
    total = max(newest_sequence(path), 1)
    while not is_over:
        found = _slice(path, after)
        after, is_over = found.after, found.finished
        for block in found.blocks:
            yield Found(block, min(block.handle.sequence / total, 1.0))


def _slice(path: Path, after: int) -> Slice:
    try:
        return read_slice(path, after)
    except sqlite3.Error as error:
        raise OutboxError(
            f"{path} cannot be searched: {error}. SQLite makes an index beside the log of a file "
            "it reads: run this as the gateway's user, or on a copy of both"
        ) from error
