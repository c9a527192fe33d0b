"""What the demo shows at one moment; made by the run, drawn by the screen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ValueRow:
    """The newest value of one measurand: None where it is missing; age in seconds."""

    name: str
    value: float | None
    decimals: int
    unit: str
    flag: str
    age_s: float


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One device: how it is connected, how it does, what it gives."""

    id: str
    wired: str
    state: str
    values: tuple[ValueRow, ...]


@dataclass(frozen=True, slots=True)
class LineRow:
    """People counted so far over one line."""

    name: str
    forward: int
    backward: int


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """What is kept: batches and readings on disk, readings not yet committed, hours of space."""

    batches: int
    readings: int
    uncommitted: int
    bytes_used: int
    hours_left: float | None


@dataclass(frozen=True, slots=True)
class UplinkRow:
    """The cable, the connection, and what came out at the far end."""

    plugged: bool
    connected: bool
    sent_live: int
    sent_backfill: int
    received_live: int
    received_backfill: int
    received_readings: int
    wire_bytes: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole screen; `backlog` is the history of readings waiting, oldest first."""

    elapsed_s: float
    seconds: float
    footage: str
    broker: str
    devices: tuple[DeviceRow, ...]
    lines: tuple[LineRow, ...]
    people_now: int
    frames_per_s: float
    outbox: OutboxRow
    uplink: UplinkRow
    backlog: tuple[int, ...]
