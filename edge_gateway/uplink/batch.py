"""What one message carries: a block's columns, its key, and how its stamps become dates."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edge_gateway.clock import Clock, ClockState
from edge_gateway.outbox import Columns, StoredBlock
from edge_gateway.reading import Stamp


class Arrival(StrEnum):
    """Why a message comes now: it is news, or it waited out an outage."""

    LIVE = "live"
    BACKFILL = "backfill"


class Dating(StrEnum):
    """What the times of a message are worth.

    Synced and holdover: dates. Unset: seconds before the sending, for no clock was set.
    Unknown: readings of an earlier boot that was never dated; seconds since that boot only.
    """

    SYNCED = "synced"
    HOLDOVER = "holdover"
    UNSET = "unset"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Dates:
    """How stamps become times: microseconds to add to a stamp's; None where nothing is known.

    With `Dating.UNSET` the sum is relative to the sending, otherwise to 1970 UTC.
    """

    dating: Dating
    offset_us: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """One message. `key` is STORE/SEQUENCE, unique for ever together with `gateway_id`."""

    gateway_id: str
    key: str
    boot_id: str
    arrival: Arrival
    dates: Dates
    columns: Columns


def date(block: StoredBlock, clock: Clock) -> Dates:
    """Date a block as a whole, by one offset, so that nothing in it is torn apart."""
    wall = clock.wall(Stamp(block.boot_id, block.last_us * 1000))
    if wall is None:
        return Dates(Dating.UNKNOWN, None)
    if wall.state is not ClockState.UNSET:
        return Dates(Dating(wall.state), wall.unix_ns // 1000 - block.last_us)
    now = clock.now()
    if now.boot_id != block.boot_id:
        return Dates(Dating.UNKNOWN, None)
    return Dates(Dating.UNSET, -(now.monotonic_ns // 1000))
