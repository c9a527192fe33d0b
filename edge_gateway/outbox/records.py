"""What goes into the store, what comes out, and what is said about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from edge_gateway.clock import ClockState
from edge_gateway.reading import Lane

# The first is dropped last.
LANES_BY_PRIORITY = (Lane.EVENTS, Lane.COUNTS, Lane.SUMMARIES, Lane.RAW)


class OutboxError(Exception):
    """The store cannot be used at all; the text says why and what to do."""


class Handle(NamedTuple):
    """Where a block lies. The store is part of it: a set-aside store's numbers start anew."""

    store: str
    sequence: int


@dataclass(frozen=True, slots=True)
class NewBlock:
    """A block that is not on disk yet. `first_us` and `last_us`: microseconds since its boot.

    `sequence` is its place where that is known (a recovered block keeps its own), otherwise next.
    """

    lane: Lane
    boot_id: str
    first_us: int
    last_us: int
    entries: int
    payload: bytes
    origin: str = ""
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block on disk, waiting for its acknowledgement.

    `key` is STORE/SEQUENCE as first committed; it stays when a block is recovered into another
    store, so that a consumer can tell a repetition from news for ever.
    """

    handle: Handle
    key: str
    lane: Lane
    boot_id: str
    first_us: int
    last_us: int
    entries: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Committed:
    """What one commit made durable; `trouble` says why it could not, empty when all is well."""

    blocks: int = 0
    entries: int = 0
    bytes: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Recovery:
    """A damaged store was set aside as `kept_as`.

    `entries` of it in `blocks` were recovered so far, as far as number `after`; the rest follows,
    a slice with each commit, until `finished`.
    """

    kept_as: Path
    blocks: int
    entries: int
    cause: str
    after: int = 0
    finished: bool = False


@dataclass(frozen=True, slots=True)
class BootClock:
    """What a boot's wall clock was found to be.

    `offset_ns`: nanoseconds to add to the boot's monotonic clock for nanoseconds since 1970 UTC.
    `error_s`: bound of its error in seconds, when it was noted.
    """

    boot_id: str
    offset_ns: int
    error_s: float
    state: ClockState


@dataclass(frozen=True, slots=True)
class LaneStats:
    """How much of one lane waits; `bytes` counts the packed blocks."""

    blocks: int = 0
    entries: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class OutboxStats:
    """The state of the outbox.

    `disk_bytes` is what of `quota_bytes` is taken. `uncommitted` entries are in memory only.
    `hours_left` of the quota at the present rate is None before a rate is known or when it is 0;
    `oldest_age_s` is None when nothing waits or when the oldest is of an undated boot.
    `lost` counts entries given up since start; `trouble` is empty when the store works.

    `lane_bytes_per_hour`: the present rate of each lane that has one; what a lane holds divided by
    it is how many hours of it wait (`lane_hours`). `waiting`: what each consumer has not removed.
    `thinned` counts readings that gave way to summaries since start. `recovering`: entries of a
    damaged store are still being moved into this one.
    """

    blocks: int
    entries: int
    bytes: int
    lanes: Mapping[Lane, LaneStats]
    disk_bytes: int
    quota_bytes: int
    oldest_age_s: float | None
    uncommitted: int
    bytes_per_hour: float
    hours_left: float | None
    lost: int
    trouble: str
    lane_bytes_per_hour: Mapping[Lane, float] = field(default_factory=dict[Lane, float])
    waiting: Mapping[str, LaneStats] = field(default_factory=dict[str, LaneStats])
    thinned: int = 0
    recovering: bool = False

    @property
    def lane_hours(self) -> Mapping[Lane, float]:
        """How many hours of each lane wait, counted at its present rate."""
        return {
            lane: self.lanes[lane].bytes / rate
            for lane, rate in self.lane_bytes_per_hour.items()
            if rate and lane in self.lanes
        }
