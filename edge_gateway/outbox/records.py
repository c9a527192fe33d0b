"""What goes into the store, what comes out, and what is said about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

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
    """A block that is not on disk yet. `first_us` and `last_us`: microseconds since its boot."""

    lane: Lane
    boot_id: str
    first_us: int
    last_us: int
    entries: int
    payload: bytes
    origin: str = ""


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
    """A damaged store was set aside as `kept_as`; `entries` of it in `blocks` could be read."""

    kept_as: Path
    blocks: int
    entries: int
    cause: str


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
