"""What is sent of a block: its columns, its key, and how its stamps become dates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from math import isfinite

from edge_gateway.clock import Clock, ClockState
from edge_gateway.outbox import BootClock, Columns, Series, StoredBlock
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

    With `Dating.UNSET` the sum is relative to the sending, otherwise to 1970 UTC. With
    `Dating.UNKNOWN` `before_us` is a date all of it is older than, where one is known.
    """

    dating: Dating
    offset_us: int | None
    before_us: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """The content of one block, or of a part of it, on its way.

    `key` is STORE/SEQUENCE[.PART...], unique for ever together with `gateway_id`.
    """

    gateway_id: str
    key: str
    boot_id: str
    arrival: Arrival
    dates: Dates
    columns: Columns


Learnt = Callable[[str], BootClock | None]
"""What is known of the wall clock of a boot, by its id: `Outbox.clock_of`."""


def date(block: StoredBlock, clock: Clock, learnt: Learnt = lambda _: None) -> Dates:
    """Date a block as a whole, by one offset, so that nothing in it is torn apart.

    What the clock says now comes first, then what was learnt of that boot while it was right.
    """
    now = clock.now()
    wall = clock.wall(Stamp(block.boot_id, block.last_us * 1000))
    if wall is not None and wall.state is not ClockState.UNSET:
        return Dates(Dating(wall.state), wall.unix_ns // 1000 - block.last_us)
    known = learnt(block.boot_id)
    if known is not None and known.state is not ClockState.UNSET:
        is_over = block.boot_id != now.boot_id
        # This boot's clock was right and is not any more: its offset is what it was.
        dating = Dating(known.state) if is_over else Dating.HOLDOVER
        return Dates(dating, known.offset_ns // 1000)
    if block.boot_id == now.boot_id:
        return Dates(Dating.UNSET, -(now.monotonic_ns // 1000))
    return Dates(Dating.UNKNOWN, None, _start_of_boot_us(clock, now.boot_id))


def _start_of_boot_us(clock: Clock, boot_id: str) -> int | None:
    """Before this, at the latest, every earlier boot ended; None while the clock is unset."""
    start = clock.wall(Stamp(boot_id, 0))
    if start is None or start.state is ClockState.UNSET or not isfinite(start.error_s):
        return None
    return start.unix_ns // 1000 + int(start.error_s * 1e6)


def halves(batch: Batch) -> tuple[Batch, Batch] | None:
    """The batch in two parts, of KEY.1 and KEY.2; None of one that holds a single entry.

    Where it parts is decided by its content alone, so that a key means the same for ever: events
    from readings, series from series, and one series in the middle.
    """
    series, events = batch.columns.series, batch.columns.events
    if series and events:
        parts = Columns(series), Columns((), events)
    elif len(series) > 1:
        middle = len(series) // 2
        parts = Columns(series[:middle]), Columns(series[middle:])
    elif len(events) > 1:
        middle = len(events) // 2
        parts = Columns((), events[:middle]), Columns((), events[middle:])
    elif series and len(series[0].times_us) > 1:
        middle = len(series[0].times_us) // 2
        parts = Columns((_rows(series[0], 0, middle),)), Columns((_rows(series[0], middle, None),))
    else:
        return None
    first, second = parts
    return (
        replace(batch, key=f"{batch.key}.1", columns=first),
        replace(batch, key=f"{batch.key}.2", columns=second),
    )


def _rows(series: Series, start: int, end: int | None) -> Series:
    marks = list(series.each_mark())[start:end]
    return replace(
        series,
        times_us=series.times_us[start:end],
        scaled=series.scaled[start:end],
        marks=[(sum(1 for _ in run), mark) for mark, run in groupby(marks)],
    )
