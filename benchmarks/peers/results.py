"""How much is measured, and the figures that come of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How long and how much. `window`: readings handed in and not accepted, at most.

    `rest_s`: until commits, saves and queues have come to rest before an uplink comes back.
    """

    steady_s: float = 40.0
    warm_up_s: float = 12.0
    rest_s: float = 6.0
    steady_window: int = 5000
    rush_window: int = 2000
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Books:
    """What came of all readings of a run."""

    handed: int
    lost: int
    repeated: int
    duplicated: int
    disordered: int
    strange: int


@dataclass(frozen=True, slots=True)
class Steady:
    """Figures of 500 readings a second; bytes and messages a reading, CPU s per 100,000."""

    readings: int
    seconds: float
    held_up_s: float
    cpu_s: float
    rss_mb: float
    rss_peak_mb: float
    wire_up_bytes: float
    wire_down_bytes: float
    messages: float
    written_bytes: float
    device_bytes: float | None
    latency_p50_s: float
    latency_p99_s: float
    foreign_cores: float
    harness_cores: float
    books: Books


@dataclass(frozen=True, slots=True)
class Rush:
    """Figures of as many readings as it takes; units as in Steady."""

    readings: int
    accepted_hz: float
    delivered_hz: float
    cpu_s: float
    rss_peak_mb: float
    wire_up_bytes: float
    messages: float
    written_bytes: float
    device_bytes: float | None
    foreign_cores: float
    harness_cores: float
    books: Books


@dataclass(frozen=True, slots=True)
class Outage:
    """Figures of an uplink that was away, and of live readings at 500 a second meanwhile.

    `late_*`: from hand-over to delivery, and from acceptance to delivery, of the `live` readings
    that were handed in while the backlog drained. `rss_mb`: before, and with each tenth of it.
    """

    backlog: int
    accepted_hz: float
    disk_bytes: float
    device_bytes: float | None
    rss_mb: tuple[float, ...]
    rss_peak_mb: float
    first_after_s: float
    drain_s: float
    drain_hz: float
    drain_cpu_s: float
    live: int
    late_p50_s: float
    late_most_s: float
    late_accepted_most_s: float
    foreign_cores: float
    harness_cores: float
    books: Books
