"""What the outbox says of itself: rate, age, and the events of loss and recovery."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime

from edge_gateway.clock import Clock, ClockState
from edge_gateway.outbox import quota
from edge_gateway.outbox.memory import seal
from edge_gateway.outbox.quota import Loss
from edge_gateway.outbox.records import LaneStats, NewBlock, Recovery
from edge_gateway.outbox.table import BlockTable
from edge_gateway.reading import Event, Lane, Stamp

# The present rate is that of the last quarter of an hour.
_RATE_SPAN_NS = 900 * 10**9
_MOST_COMMITS = 1024

# What a block takes on disk besides its payload: row, index entry, its part of half-full pages.
_ROW_BYTES = 200


class Rates:
    """How fast commits fill the disk, by lane."""

    def __init__(self) -> None:
        self._commits: deque[tuple[int, dict[Lane, int]]] = deque(maxlen=_MOST_COMMITS)

    def add(self, now_ns: int, blocks: Iterable[NewBlock]) -> None:
        """Take what a commit wrote into account."""
        sizes: dict[Lane, int] = {}
        for block in blocks:
            sizes[block.lane] = sizes.get(block.lane, 0) + len(block.payload) + _ROW_BYTES
        self._commits.append((now_ns, sizes))
        while now_ns - self._commits[0][0] > _RATE_SPAN_NS:
            self._commits.popleft()

    def bytes_per_hour(self, now_ns: int) -> dict[Lane, float]:
        """Bytes an hour over the span kept; nothing until there are two commits."""
        if len(self._commits) < 2:  # noqa: PLR2004 - a rate needs two points
            return {}
        span_ns = max(now_ns - self._commits[0][0], 1)
        total: dict[Lane, int] = {}
        for _, sizes in list(self._commits)[1:]:
            for lane, size in sizes.items():
                total[lane] = total.get(lane, 0) + size
        return {lane: size * 3600e9 / span_ns for lane, size in total.items()}


def sums(parts: Iterable[LaneStats]) -> LaneStats:
    """All lanes together."""
    blocks = entries = size = 0
    for part in parts:
        blocks += part.blocks
        entries += part.entries
        size += part.bytes
    return LaneStats(blocks, entries, size)


def without(whole: LaneStats, part: LaneStats) -> LaneStats:
    """What is left."""
    return LaneStats(
        whole.blocks - part.blocks, whole.entries - part.entries, whole.bytes - part.bytes
    )


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
    """A loss told: lane, count, span and cause; what was thinned is an event of its own kind."""
    first, last = (_when(clock, loss.boot_id, at_us) for at_us in (loss.first_us, loss.last_us))
    is_thinned = loss.cause == quota.THINNED
    text = (
        f"{loss.entries} entries in {loss.blocks} blocks {'thinned' if is_thinned else 'given up'},"
        f" taken from {first} to {last}: {loss.cause}"
    )
    return Event("thinned" if is_thinned else "loss", loss.lane, text, now)


def damage_event(recovery: Recovery, now: Stamp) -> Event:
    """A damaged store told: where it is kept, and that its recovery begins."""
    text = (
        f"a damaged store was set aside as {recovery.kept_as.name} ({recovery.cause}); "
        "what can be read of it is recovered beside the normal work"
    )
    return Event("store_damaged", "outbox", text, now)


def recovery_event(recovery: Recovery, now: Stamp) -> Event:
    """The end of a recovery told: how much could be read."""
    text = (
        f"{recovery.entries} entries in {recovery.blocks} blocks were recovered from "
        f"{recovery.kept_as.name}, which is kept: delete it when you do not need it"
    )
    return Event("store_recovered", "outbox", text, now)


def _when(clock: Clock, boot_id: str, at_us: int) -> str:
    wall = clock.wall(Stamp(boot_id, at_us * 1000))
    if wall is None or wall.state is ClockState.UNSET:
        return f"{at_us / 1e6:.3f} s after the start of boot {boot_id}"
    return datetime.fromtimestamp(wall.unix_ns / 1e9, UTC).isoformat(timespec="milliseconds")
