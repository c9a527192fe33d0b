"""How much disk an outage takes, before it happens. Pure; constants measured.

benchmarks/storage_writes.py prints what they are measured from: a street pole's weather, packed
and stored. They are above what was measured, so that a quota that is said to hold an outage does.
"""

from __future__ import annotations

BYTES_PER_READING = 2.4
"""Stamp and value, of noise of 3 degC in thousandths and half a millisecond of jitter: 2.3."""

BYTES_PER_SERIES = 28
"""The name of a series, its columns' heads and first values, in each block again: 8 to 25."""

BYTES_PER_BLOCK = 350
"""Row, index entry, boot, and what is left empty of the last page of 1024: 190 to 330."""

# Of a quota, what the log, the reserve and the tree take, and what is never quite filled.
_USABLE_SHARE = 0.9
_OVERHEAD_BYTES = 3 << 20


def outage_bytes(
    *, readings_per_s: float, series: int, hours: float, commit_interval_s: float = 5.0
) -> float:
    """What `hours` without an uplink take on disk.

    `series`: how many different values the devices give. Summaries of one minute are included.
    """
    seconds = hours * 3600
    interval_s = max(commit_interval_s, 1 / max(readings_per_s, 1e-9)) if readings_per_s else 0
    raw_blocks = seconds / interval_s if interval_s else 0.0
    # A block names the series it holds: no more than it has readings.
    per_block = min(series, readings_per_s * interval_s)
    raw = raw_blocks * (BYTES_PER_BLOCK + per_block * BYTES_PER_SERIES)
    minutes = seconds / 60 * (BYTES_PER_BLOCK + series * (BYTES_PER_SERIES + BYTES_PER_READING))
    return raw + minutes + seconds * readings_per_s * BYTES_PER_READING


def holds(
    quota_bytes: int,
    *,
    readings_per_s: float,
    series: int,
    outage_hours: float,
    commit_interval_s: float = 5.0,
) -> bool:
    """Whether a quota can hold an outage of so many hours with nothing thinned or dropped."""
    needed = outage_bytes(
        readings_per_s=readings_per_s,
        series=series,
        hours=outage_hours,
        commit_interval_s=commit_interval_s,
    )
    return needed <= quota_bytes * _USABLE_SHARE - _OVERHEAD_BYTES


def quota_for(
    *, readings_per_s: float, series: int, outage_hours: float, commit_interval_s: float = 5.0
) -> int:
    """The smallest quota in bytes that `holds` such an outage: what to advise."""
    needed = outage_bytes(
        readings_per_s=readings_per_s,
        series=series,
        hours=outage_hours,
        commit_interval_s=commit_interval_s,
    )
    return int((needed + _OVERHEAD_BYTES) / _USABLE_SHARE) + 1
