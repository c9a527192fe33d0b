"""What the outbox says of itself: rate, age, and the events of loss and recovery."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime

from edge_gateway.clock import Clock, ClockState
from edge_gateway.outbox import quota
from edge_gateway.outbox.memory import seal
from edge_gateway.outbox.quota import Loss
from edge_gateway.outbox.records import Committed, LaneStats, NewBlock, Recovery
from edge_gateway.outbox.table import BlockTable
from edge_gateway.reading import Event, Lane, Stamp

# The present rate is that of the last quarter of an hour.
_RATE_SPAN_NS = 900 * 10**9
_MOST_COMMITS = 1024

# What a block takes on disk besides its payload: row, index entry, its part of half-full pages.
_ROW_BYTES = 100


class Rate:
    """How fast commits fill the disk."""

    def __init__(self) -> None:
        self._commits: deque[tuple[int, int]] = deque(maxlen=_MOST_COMMITS)

    def add(self, now_ns: int, committed: Committed) -> None:
        """Take a commit into account."""
        self._commits.append((now_ns, committed.bytes + committed.blocks * _ROW_BYTES))
        while now_ns - self._commits[0][0] > _RATE_SPAN_NS:
            self._commits.popleft()

    def bytes_per_hour(self, now_ns: int) -> float:
        """Bytes an hour over the span kept; 0 until there are two commits."""
        if len(self._commits) < 2:  # noqa: PLR2004 - a rate needs two points
            return 0.0
        start_ns = self._commits[0][0]
        total = sum(size for _, size in self._commits) - self._commits[0][1]
        return total * 3600e9 / max(now_ns - start_ns, 1)


def sums(parts: Iterable[LaneStats]) -> LaneStats:
    """All lanes together."""
    blocks = entries = size = 0
    for part in parts:
        blocks += part.blocks
        entries += part.entries
        size += part.bytes
    return LaneStats(blocks, entries, size)


def size_of(block: NewBlock) -> LaneStats:
    """One block alone."""
    return LaneStats(1, block.entries, len(block.payload))


def age_s(clock: Clock, now: Stamp, boot_id: str, first_us: int) -> float | None:
    """Seconds from a block's first stamp to now; None when its boot cannot be dated."""
    if boot_id == now.boot_id:
        return now.monotonic_ns / 1e9 - first_us / 1e6
    then, present = clock.wall(Stamp(boot_id, first_us * 1000)), clock.wall(now)
    if then is None or present is None:
        return None
    return (present.unix_ns - then.unix_ns) / 1e9


def tell_losses(table: BlockTable, clock: Clock) -> list[Loss]:
    """Turn the account of losses into events in the store; return what was dropped for them.

    Runs inside the caller's transaction.
    """
    now = clock.now()
    losses = quota.recorded(table.connection)
    events = [loss_event(loss, clock, now) for loss in losses]
    before = table.newest_sequence()
    dropped = quota.insert_all(table, [seal(Lane.EVENTS, now.boot_id, events)])
    if table.newest_sequence() == before:
        return []  # not even room for the events: the account stays open
    quota.forget_recorded(table.connection)
    quota.record(table.connection, dropped)
    return dropped


def loss_event(loss: Loss, clock: Clock, now: Stamp) -> Event:
    """A loss told: lane, count, span and cause."""
    first, last = (_when(clock, loss.boot_id, at_us) for at_us in (loss.first_us, loss.last_us))
    text = (
        f"{loss.entries} entries in {loss.blocks} blocks given up, "
        f"taken from {first} to {last}: {loss.cause}"
    )
    return Event("loss", loss.lane, text, now)


def recovery_event(recovery: Recovery, now: Stamp) -> Event:
    """A damaged store told: where it is kept, what was read from it."""
    text = (
        f"a damaged store was set aside as {recovery.kept_as.name} ({recovery.cause}); "
        f"{recovery.entries} entries in {recovery.blocks} blocks were recovered from it"
    )
    return Event("store_damaged", "outbox", text, now)


def _when(clock: Clock, boot_id: str, at_us: int) -> str:
    wall = clock.wall(Stamp(boot_id, at_us * 1000))
    if wall is None or wall.state is ClockState.UNSET:
        return f"{at_us / 1e6:.3f} s after the start of boot {boot_id}"
    return datetime.fromtimestamp(wall.unix_ns / 1e9, UTC).isoformat(timespec="milliseconds")
